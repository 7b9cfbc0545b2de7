"""A file that was cut is told from a whole one where the container allows it, and nowhere else."""

import struct

import av
import numpy as np
import pytest
from recordings import beeps, flv_tags, record

from avlib import media
from avlib.media.chain import content_start
from avlib.media.whole import stated_size
from avlib.runtime.errors import MediaError


def cut(path, share):
    part = path.with_name(f"cut{path.suffix}")
    data = path.read_bytes()
    part.write_bytes(data[: round(len(data) * share)])
    return part


def wav(path):
    media.write_clip(path, None, None, beeps(2, [1]), 16000, audio_codec="pcm_s16le")
    return path


def encoded(path, codec, signal):
    """Write sound of 16 kHz in the container of a suffix."""
    plain = path.with_suffix(".wav")
    media.write_clip(plain, None, None, signal, 16000, audio_codec="pcm_s16le")
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream(codec, rate=16000, layout="mono")
        stream.bit_rate = 64000
        target.start_encoding()
        samples = stream.codec_context.frame_size or 4096
        resampler = av.AudioResampler(stream.format, "mono", 16000, frame_size=samples)
        for frame in (*source.decode(audio=0), None):
            for part in resampler.resample(frame):
                target.mux(stream.encode(part))
        target.mux(stream.encode(None))
    return path


WITH_SIZES = [".mp4", ".mov", ".flv", ".mkv", ".avi"]


@pytest.mark.parametrize("suffix", WITH_SIZES)
def test_sizes_that_files_state_are_theirs(tmp_path, suffix):
    path = record(tmp_path / f"a{suffix}", 3, [1])
    assert stated_size(path) == path.stat().st_size
    assert stated_size(wav(tmp_path / "a.wav")) == (tmp_path / "a.wav").stat().st_size


@pytest.mark.parametrize("share", [0.7, 0.9, 0.98])
@pytest.mark.parametrize("suffix", WITH_SIZES)
def test_a_cut_file_is_truncated(tmp_path, suffix, share):
    # The index comes first, or else an MP4 cannot be opened at all.
    options = {"movflags": "faststart"} if suffix in (".mp4", ".mov") else {}
    path = record(tmp_path / f"a{suffix}", 6, [1], options=options)
    whole, part = media.probe(path), media.probe(cut(path, share))
    assert not whole.truncated
    assert part.truncated
    assert part.duration <= whole.duration
    assert part.declared_duration == pytest.approx(whole.duration, rel=0.3)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        *((".au", "pcm_s16be"), (".caf", "pcm_s16le"), (".w64", "pcm_s16le"), (".wma", "wmav2")),
        *((".wv", "wavpack"), (".tta", "tta"), (".flac", "flac")),
    ],
)
def test_a_cut_file_of_sound_is_truncated(tmp_path, suffix, codec):
    signal = beeps(6, [1]) + np.random.default_rng(0).normal(0, 0.01, 96000)
    path = encoded(tmp_path / f"a{suffix}", codec, signal)
    whole, part = media.probe(path), media.probe(cut(path, 0.7))
    assert stated_size(path) in (path.stat().st_size, None)
    assert not whole.truncated
    assert part.truncated
    assert part.declared_duration == pytest.approx(whole.duration, rel=0.1)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_an_asf_whose_first_packets_are_lost_says_how_much(tmp_path, share):
    """Its clock begins at 0, unless it was made of a broadcast; nothing else need be amiss."""
    path = encoded(tmp_path / "a.wma", "wmav2", beeps(6, [1]))
    assert media.probe(path).lost_start < 0.1
    data = path.read_bytes()
    start = content_start(path)
    lost = round(share * (len(data) - start) / 3200) * 3200  # packets of FFmpeg have one size
    left = bytearray(data[:start] + data[start + lost :])
    states = left.index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    left[states + 40 : states + 48] = len(left).to_bytes(8, "little")
    path.write_bytes(left)
    info = media.probe(path)
    assert not info.truncated
    assert info.unread < 0.1
    assert info.lost_start == pytest.approx(6 * lost / (len(data) - start), abs=0.5)
    left[states + 88] |= 1
    path.write_bytes(left)
    assert media.probe(path).lost_start < 0.1
    path.write_bytes(left[: states + 60])
    with pytest.raises(MediaError):
        media.probe(path)


def test_an_mp4_without_its_index_says_so(tmp_path):
    path = record(tmp_path / "a.mp4", 3, [1])
    with pytest.raises(MediaError, match="cut short"):
        media.probe(cut(path, 0.5))


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
def test_where_nothing_states_a_size_nothing_is_claimed(tmp_path, suffix):
    path = record(tmp_path / f"a{suffix}", 3, [1])
    assert stated_size(path) is None
    assert not media.probe(path).truncated
    assert not media.probe(cut(path, 0.6)).truncated


def test_a_duration_that_is_stated_wrongly_claims_nothing(tmp_path):
    path = record(tmp_path / "a.flv", 3, [1])
    data = bytearray(path.read_bytes())
    place = data.index(b"duration\x00") + 9
    data[place : place + 8] = struct.pack(">d", 60.0)
    path.write_bytes(data)
    assert not media.probe(path).truncated


def test_an_flv_without_a_stated_size_is_cut_where_its_last_tag_is(tmp_path):
    path = record(tmp_path / "a.flv", 3, [1])
    data = bytearray(path.read_bytes())
    place = data.index(b"filesize\x00") + 9
    data[place : place + 8] = bytes(8)
    path.write_bytes(data)
    assert not media.probe(path).truncated
    path.write_bytes(data[:-500])
    assert stated_size(path) > path.stat().st_size


@pytest.mark.parametrize("size", [0, 2**32 - 1, 2**31 - 1])
def test_a_wav_whose_writer_did_not_know_its_size_is_whole(tmp_path, size):
    path = wav(tmp_path / "a.wav")
    data = bytearray(path.read_bytes())
    data[4:8] = size.to_bytes(4, "little")
    place = data.index(b"data") + 4
    data[place : place + 4] = size.to_bytes(4, "little")
    path.write_bytes(data)
    assert not media.probe(path).truncated
    assert stated_size(path) is None


def test_a_stream_of_matroska_states_no_size(tmp_path):
    path = record(tmp_path / "a.mkv", 3, [1], options={"live": "1"})
    assert stated_size(path) is None
    assert not media.probe(cut(path, 0.6)).truncated


def test_what_a_wav_says_of_its_data_alone_counts(tmp_path):
    """The outer size is right for what is left, as of a copy that was mended; the data's is not."""
    path = cut(wav(tmp_path / "a.wav"), 0.5)
    data = bytearray(path.read_bytes())
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    path.write_bytes(data)
    assert media.probe(path).truncated


def test_a_hole_in_a_matroska_is_told(tmp_path):
    path = encoded(tmp_path / "a.mka", "pcm_s16le", beeps(6, [1]))
    assert media.probe(path).unread < 0.05
    data = bytearray(path.read_bytes())
    first, n = int(0.3 * len(data)), int(0.4 * len(data))
    data[first : first + n] = np.random.default_rng(0).bytes(n)
    path.write_bytes(data)
    assert 0.35 < media.probe(path).unread < 0.6  # it goes on at the next cluster


@pytest.mark.parametrize("fill", ["zeros", "noise"])
@pytest.mark.parametrize("suffix", [".avi", ".flv", ".mp4", ".aac"])
def test_a_hole_that_closes_up_is_told(tmp_path, suffix, fill):
    """Streams go on behind it as if nothing had been there, or nothing behind it is found."""
    path = tmp_path / f"a{suffix}"
    if suffix == ".aac":
        with (
            av.open(str(record(tmp_path / "a.ts", 6, [1]))) as source,
            av.open(str(path), "w", format="adts") as target,
        ):
            stream = target.add_stream_from_template(source.streams.audio[0])
            for packet in source.demux(audio=0):
                if packet.size:
                    packet.stream = stream
                    target.mux(packet)
    else:
        fragments = {"movflags": "frag_keyframe+empty_moov"} if suffix == ".mp4" else {}
        record(path, 6, [1], options=fragments)
    assert media.probe(path).unread < 0.1
    data = bytearray(path.read_bytes())
    first, n = int(0.3 * len(data)), int(0.4 * len(data))
    data[first : first + n] = bytes(n) if fill == "zeros" else np.random.default_rng(0).bytes(n)
    path.write_bytes(data)
    info = media.probe(path)
    assert 0.3 < info.unread < 0.8 or info.truncated


@pytest.mark.parametrize("suffix", [".avi", ".flv", ".mkv", ".mp4", ".wma", ".ogg"])
def test_what_is_lost_up_to_the_end_is_told(tmp_path, suffix):
    """Nothing that comes behind says that a hole was there."""
    path = tmp_path / f"a{suffix}"
    if suffix == ".ogg":
        opus(path, 6)
    elif suffix == ".wma":
        encoded(path, "wmav2", beeps(6, [1]))
    else:
        fragments = {"movflags": "frag_keyframe+empty_moov"} if suffix == ".mp4" else {}
        record(path, 6, [1], options=fragments)
    assert media.probe(path).unread < 0.1
    data = path.read_bytes()
    kept = len(data) // 2
    path.write_bytes(data[:kept] + np.random.default_rng(0).bytes(len(data) - kept))
    info = media.probe(path)
    assert info.unread > 0.3 or info.truncated


@pytest.mark.parametrize("packet", [1, 50])
def test_an_ogg_misses_its_pages_by_their_numbers(tmp_path, packet):
    """Also one that has a page for each packet, most of it headers, as radios send it."""
    path = opus(tmp_path / "a.ogg", 15, {"page_duration": str(20_000 * packet)})
    assert media.probe(path).unread < 0.1
    data = path.read_bytes()
    places = [place for place in range(len(data)) if data.startswith(b"OggS", place)]
    first, after = places[len(places) // 4], places[len(places) * 3 // 4]
    path.write_bytes(data[:first] + data[after:])
    assert media.probe(path).unread == pytest.approx(0.5, abs=0.1)


def test_a_size_of_an_asfs_header_that_no_file_has_is_damage(tmp_path):
    path = encoded(tmp_path / "a.wma", "wmav2", beeps(2, [0.1]))
    data = bytearray(path.read_bytes())
    data[16:24] = (2**63 + 5000).to_bytes(8, "little")
    path.write_bytes(data)
    assert media.probe(path).duration < 2.1


def test_short_sound_of_an_asf_is_whole(tmp_path):
    """Its last packet is filled up."""
    path = encoded(tmp_path / "a.wma", "wmav2", beeps(0.5, [0.1]))
    assert not media.probe(path).damage


@pytest.mark.parametrize("left", [12, 30])
def test_an_flv_that_ends_in_a_tag_is_truncated_however_little_of_it_is_missing(tmp_path, left):
    path = record(tmp_path / "a.flv", 6, [1])
    data = bytearray(path.read_bytes())
    place = data.index(b"filesize\x00") + 9
    data[place : place + 8] = bytes(8)
    sizes = [(place, int.from_bytes(data[place + 1 : place + 4])) for _, place in flv_tags(data)]
    at = next(place for place, size in sizes if place > len(data) / 2 and size > 100)
    path.write_bytes(data[: at + left])
    info = media.probe(path)
    assert info.truncated
    assert info.declared_duration == pytest.approx(6, abs=0.2)


def opus(path, seconds, options=None):
    """Write noise."""
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 48000 * seconds)).astype("f4")
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("libopus", rate=48000, layout="mono")
        resampler = av.AudioResampler(stream.format, "mono", 48000, frame_size=960)
        frame = av.AudioFrame.from_ndarray(noise, format="flt", layout="mono")
        frame.sample_rate = 48000
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def test_an_ogg_whose_first_page_is_lost_says_so(tmp_path):
    """One bit is enough, as pages hold checksums; what is left begins a second later."""
    path = opus(tmp_path / "a.ogg", 2)
    assert media.probe(path).unread < 0.02
    data = bytearray(path.read_bytes())
    data[len(data) // 4] ^= 1
    path.write_bytes(data)
    info = media.probe(path)
    assert info.duration < 1.1
    assert 0.4 < info.unread < 0.7


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".wav"])
def test_zeros_behind_what_a_header_states_are_no_damage(tmp_path, suffix):
    """Some recorders take the space first."""
    path = tmp_path / f"a{suffix}"
    path = wav(path) if suffix == ".wav" else record(path, 3, [1])
    path.write_bytes(path.read_bytes() + bytes(200_000))
    info = media.probe(path)
    assert not info.damage
    assert not info.truncated


def test_a_wav_that_states_two_rates_is_damaged(tmp_path):
    path = wav(tmp_path / "a.wav")
    assert not media.probe(path).damage
    data = bytearray(path.read_bytes())
    data[data.index(b"fmt ") + 13] ^= 0x80
    path.write_bytes(data)
    assert "its header states 48768 and 16000 samples a second" in media.probe(path).damage


def test_what_a_wav_conceals_behind_its_samples_is_told(tmp_path):
    """Its header was never brought up to date, or another recording was appended."""
    path = wav(tmp_path / "a.wav")
    data = bytearray(path.read_bytes())
    path.write_bytes(data + data)
    assert media.probe(path).unread == pytest.approx(0.5, abs=0.01)
    place = data.index(b"data") + 4
    data[place : place + 4] = (len(data) // 4).to_bytes(4, "little")
    path.write_bytes(data)
    assert media.probe(path).unread == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("length", [30, 31, 200_000])
def test_chunks_behind_the_samples_of_a_wav_are_none_of_its_content(tmp_path, length):
    path = wav(tmp_path / "a.wav")
    data = path.read_bytes() + b"iXML" + length.to_bytes(4, "little") + bytes(length + length % 2)
    path.write_bytes(data)
    info = media.probe(path)
    assert info.unread == 0
    assert not info.truncated


@pytest.mark.parametrize("codec", ["pcm_s64le", "pcm_f64le", "pcm_s32le", "pcm_u8"])
def test_a_wav_of_any_width_is_read(tmp_path, codec):
    path, signal = tmp_path / "a.wav", beeps(1, [0.5])
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            (signal * 32767).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate = 16000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    np.testing.assert_allclose(media.read_audio(path), signal, atol=0.01)


def test_a_stream_that_appears_in_the_middle_costs_nothing(tmp_path):
    """An FLV may bring up a stream of data anywhere."""
    path = record(tmp_path / "a.flv", 3, [1])
    data = path.read_bytes()
    last = len(data) - int.from_bytes(data[-4:]) - 4
    text = b"\x02\x00\x0aonTextData\x08\x00\x00\x00\x01\x00\x04text\x02\x00\x02hi\x00\x00\x09"
    tag = b"\x12" + len(text).to_bytes(3) + b"\x00\x0b\x00\x00" + bytes(3) + text
    with_text = data[:last] + tag + len(tag).to_bytes(4) + data[last:]
    path.write_bytes(with_text)
    assert media.probe(path).duration == pytest.approx(3, abs=0.1)
    assert len(media.read_audio(path)) / 16000 == pytest.approx(3, abs=0.1)
    assert len(list(media.video_frames(path))) == 30


@pytest.mark.parametrize("layout", ["stereo", "7.1"])
def test_any_number_of_channels_is_averaged(tmp_path, layout):
    path, signal = tmp_path / "a.mka", beeps(1, [0.5])
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("aac", rate=16000, layout=layout)
        packed = signal.astype(np.float32).repeat(stream.layout.nb_channels)[None]
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate = 16000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    found = media.read_audio(path)[:16000]
    assert np.corrcoef(found, signal[: len(found)])[0, 1] > 0.8
    assert media.probe(path).channels == {"stereo": 2, "7.1": 8}[layout]


@pytest.mark.parametrize("faststart", [False, True])
def test_an_index_by_which_most_of_an_mp4_cannot_be_found_is_told(tmp_path, faststart):
    """One bit of the length of its packets: FFmpeg then finds the first one alone."""
    path = tmp_path / "a.m4a"
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        noise = np.random.default_rng(0).normal(0, 0.1, (1, 32000)).astype("f4")
        frame = av.AudioFrame.from_ndarray(noise, format="flt", layout="mono")
        frame.sample_rate = 16000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    assert media.probe(path).unread < 0.1
    data = bytearray(path.read_bytes())
    data[data.index(b"stts") + 16] ^= 0x80
    path.write_bytes(data)
    assert media.probe(path).unread > 0.8


def test_pictures_that_are_all_within_a_moment_are_no_video(tmp_path):
    path = record(tmp_path / "a.mp4", 6, [1, 4])
    assert len(list(media.video_frames(path))) == 60
    data = bytearray(path.read_bytes())
    place = data.index(b"mdhd") + 16  # ticks a second, of the pictures
    data[place : place + 4] = (2**31 - 1).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"60 pictures are within 2\.8e-05 s"):
        list(media.video_frames(path))
    assert media.probe(path).fps is None
    assert len(media.read_audio(path)) / 16000 == pytest.approx(6, abs=0.1)
