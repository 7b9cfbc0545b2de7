"""Sound, pictures and spans share the recording's clock, whatever the stamps have been through."""

import numpy as np
import pytest
from recordings import (
    CODECS,
    beeps,
    flashes,
    flv_tags,
    heard,
    record,
    stamp_flv,
    without_first_picture,
)

from avlib import media
from avlib.media import clock

MOMENTS = [1.0, 3.0, 10.0]  # s
NEAR = 0.06  # s: MP3 in FLV and AVI begins late by its codec's delay


def near(moments):
    return pytest.approx(moments, abs=NEAR)


def gap(kind, start, end):
    """Leave out what a stream recorded from one second to another."""
    return lambda of, time: None if of == kind and start <= time < end else time


# Gaps: jumps that all later stamps keep


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".flv", ".ts"])
def test_pictures_are_missing_for_as_long_as_none_was_recorded(tmp_path, suffix):
    path = record(tmp_path / f"a{suffix}", 18, [1, 3, 16], shift=gap("video", 4, 15))
    assert flashes(path) == near([1, 3, 16])
    assert heard(path) == near([1, 3, 16])
    times = [time for time, _ in media.video_frames(path)]
    assert not [time for time in times if 4.2 < time < 14.8]
    assert media.probe(path).duration == pytest.approx(18, abs=0.2)
    assert not media.probe(path).truncated
    # A span addresses the same clock.
    assert flashes(path, 0, 15) == near([1, 3])
    assert flashes(path, 2.5, 17) == near([0.5, 13.5])
    assert flashes(path, 15.5, 18) == near([0.5])


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".flv", ".ts"])
def test_sound_is_silent_for_as_long_as_none_was_recorded(tmp_path, suffix):
    path = record(tmp_path / f"a{suffix}", 18, [1, 3, 16], shift=gap("audio", 4, 15))
    assert heard(path) == near([1, 3, 16])
    assert flashes(path) == near([1, 3, 16])
    signal = media.read_audio(path)
    assert len(signal) / 16000 == pytest.approx(18, abs=0.1)
    assert not signal[round(4.3 * 16000) : round(14.7 * 16000)].any()
    assert heard(path, 2.5, 17) == near([0.5, 13.5])
    silent = media.read_audio(path, 16000, 6, 10)
    assert len(silent) == 4 * 16000
    assert not silent.any()


def test_how_much_of_a_span_holds_sound_is_told(tmp_path):
    path = record(tmp_path / "a.mp4", 18, [1], shift=gap("audio", 4, 15))
    whole = media.read_sound(path)
    assert (whole.there, whole.due) == (pytest.approx(7, abs=0.1), pytest.approx(18, abs=0.1))
    part = media.read_sound(path, 16000, 2, 6)
    assert (part.there, part.due) == (pytest.approx(2, abs=0.1), 4)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".flv", ".ts"])
def test_a_packet_that_is_lost_moves_no_sound_behind_it(tmp_path, suffix):
    def lose(kind, time):
        return None if kind == "audio" and 1.5 <= time < 1.522 else time

    whole = heard(record(tmp_path / f"a{suffix}", 5, [1, 2, 4]))
    path = record(tmp_path / f"b{suffix}", 5, [1, 2, 4], shift=lose)
    assert media.read_sound(path).there < media.read_sound(tmp_path / f"a{suffix}").there - 0.02
    assert heard(path) == pytest.approx(whole, abs=0.005)
    assert heard(path, 1.8, 5) == pytest.approx([t - 1.8 for t in whole[1:]], abs=0.005)


def test_stamps_that_jitter_make_no_gaps(tmp_path):
    random = np.random.default_rng(0)

    def shake(kind, time):
        return time + random.uniform(0, 0.015) if kind == "audio" else time

    plain = media.read_audio(record(tmp_path / "a.mkv", 5, [1, 2, 4]))
    shaken = media.read_audio(record(tmp_path / "b.mkv", 5, [1, 2, 4], shift=shake))
    n = min(len(plain), len(shaken))
    lags = range(-400, 401)
    alike = [float(np.roll(shaken[:n], lag) @ plain[:n]) for lag in lags]
    # One piece, a few milliseconds to one side: nothing was cut or filled in between.
    assert max(alike) > 0.99 * float(plain[:n] @ plain[:n])


# Streams that start apart


@pytest.mark.parametrize("suffix", [".mpg", ".ts"])
def test_pictures_that_do_not_decode_at_the_start_are_told(tmp_path, suffix):
    whole = record(tmp_path / f"a{suffix}", 6, [1, 3, 5])
    assert media.probe(whole).lost_start < 0.2
    path = without_first_picture(whole, tmp_path / f"b{suffix}")
    info = media.probe(path)
    assert 0.5 < info.lost_start < 1.2
    assert media.held(path).pictures >= media.held(whole).pictures - 1


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".flv", ".ts"])
@pytest.mark.parametrize("apart", [5, 12])
def test_a_camera_that_is_switched_on_later_begins_the_clip(tmp_path, suffix, apart):
    moments = [1, 3, apart + 1, apart + 4]
    path = record(tmp_path / f"a{suffix}", apart + 6, moments, shift=gap("video", -1, apart))
    assert flashes(path) == near([1, 4])
    assert heard(path) == near([1, 4])
    info = media.probe(path)
    assert info.duration == pytest.approx(6, abs=0.2)
    assert info.sound_start == pytest.approx(-apart, abs=NEAR)
    assert not info.truncated
    assert heard(path, 3.5, 5) == near([0.5])


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".flv", ".ts"])
@pytest.mark.parametrize("apart", [5, 12])
def test_a_microphone_that_is_switched_on_later_stays_later(tmp_path, suffix, apart):
    moments = [1, 3, apart + 1, apart + 4]
    path = record(tmp_path / f"a{suffix}", apart + 6, moments, shift=gap("audio", -1, apart))
    assert flashes(path) == near(moments)
    assert heard(path) == near([apart + 1, apart + 4])
    assert media.probe(path).sound_start == pytest.approx(apart, abs=NEAR)


def test_streams_that_are_never_there_together_share_no_clock(tmp_path):
    def later(kind, time):
        return time + 5000 if kind == "audio" else time

    path = record(tmp_path / "a.mkv", 4, [1, 3], shift=later)
    info = media.probe(path)
    assert not info.clock_shared
    assert flashes(path) == near([1, 3])
    assert heard(path) == near([1, 3])
    assert info.duration == pytest.approx(4, abs=0.2)


# Damage: jumps that later stamps take back


def damaged(path, kind, numbers, milliseconds):
    """Move the stamps of some tags of an FLV file."""
    data = bytearray(path.read_bytes())
    places = [place for of, place in flv_tags(data) if of == kind]
    for number in numbers:
        place = places[number]
        own = int.from_bytes(data[place + 4 : place + 7]) | data[place + 7] << 24
        stamp_flv(data, place, own + milliseconds & 0xFFFFFFFF)
    changed = path.with_name("damaged.flv")
    changed.write_bytes(data)
    return changed


@pytest.fixture(scope="module")
def flv(tmp_path_factory):
    return record(tmp_path_factory.mktemp("flv") / "a.flv", 12, MOMENTS)


# A last packet that is a little late may have been late: it is left out.
RETURNING = [
    (numbers, milliseconds)
    for numbers in ([4], [2, 40], range(30, 60), [-1])
    for milliseconds in (300, 1500, 5000, 30_000, 3 * 86_400_000)
    if numbers != [-1] or milliseconds >= 20_000
]


@pytest.mark.parametrize("kind", [8, 9])
@pytest.mark.parametrize(("numbers", "milliseconds"), RETURNING)
def test_stamps_that_return_move_nothing(flv, kind, numbers, milliseconds):
    path = damaged(flv, kind, numbers, milliseconds)
    assert flashes(path) == near(MOMENTS)
    assert heard(path) == near(MOMENTS)
    assert media.probe(path).duration == pytest.approx(12, abs=0.2)
    times = [time for time, _ in media.video_frames(path)]
    assert (np.diff(times) > 0).all()
    np.testing.assert_allclose(times, np.arange(120) / 10, atol=NEAR)
    assert heard(path, 9.5, 11) == near([0.5])
    assert flashes(path, 9.5, 11) == near([0.5])


def test_a_jump_back_that_returns_moves_nothing(flv):
    for kind in (8, 9):
        path = damaged(flv, kind, range(70, 75), -4000)
        assert flashes(path) == near(MOMENTS)
        assert heard(path) == near(MOMENTS)


def test_a_picture_that_claims_to_be_shown_far_from_when_it_is_decoded_follows_on(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(CODECS, ".flv", ("libx264", "aac"))
    path = record(tmp_path / "a.flv", 6, [1, 4])
    times = [time for time, _ in media.video_frames(path)]
    data = bytearray(path.read_bytes())
    [*_, place] = [place for kind, place in flv_tags(data) if kind == 9][:20]
    data[place + 13 : place + 16] = (100_000).to_bytes(3)  # of H.264, how much later it is shown
    path.write_bytes(data)
    found = [time for time, _ in media.video_frames(path)]
    np.testing.assert_allclose(found, times, atol=0.11)
    assert flashes(path) == near([1, 4])


@pytest.mark.parametrize("suffix", [".mpg", ".ts"])
def test_a_recorder_that_was_started_again_goes_on_where_it_stopped(tmp_path, suffix):
    one = record(tmp_path / f"one{suffix}", 4, [1, 3])
    two = record(tmp_path / f"two{suffix}", 6, [2, 5])
    both = tmp_path / f"both{suffix}"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    assert flashes(both) == pytest.approx([1, 3, 6, 9], abs=0.15)
    assert heard(both) == pytest.approx([1, 3, 6, 9], abs=0.15)
    assert media.probe(both).duration == pytest.approx(10, abs=0.3)
    assert flashes(both, 5, 10) == pytest.approx([1, 4], abs=0.15)
    assert heard(both, 5, 10) == pytest.approx([1, 4], abs=0.15)


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mpg"])
def test_a_recording_that_was_appended_to_another_goes_on_behind_it(tmp_path, suffix):
    one = record(tmp_path / f"a{suffix}", 6, [1, 3, 5])
    path = tmp_path / f"both{suffix}"
    path.write_bytes(one.read_bytes() + record(tmp_path / f"b{suffix}", 4, [2]).read_bytes())
    assert flashes(path) == pytest.approx([1, 3, 5, 8], abs=NEAR)
    assert heard(path) == pytest.approx([1, 3, 5, 8], abs=NEAR)


def test_a_file_is_read_once_for_all_its_spans(flv, monkeypatch):
    clock.read(flv)
    opened = []
    real = media.demux.opened
    monkeypatch.setattr(media.demux, "opened", lambda path: opened.append(path) or real(path))
    heard(flv, 1, 2)
    assert len(opened) <= 2  # once as a span, once more where the container cannot be sought


# Lengths: what decodes decides


@pytest.mark.parametrize("suffix", CODECS)
def test_all_that_decodes_is_kept_and_whole(tmp_path, suffix):
    path = record(tmp_path / f"a{suffix}", 4, [1, 3])
    signal = media.read_audio(path)
    assert len(signal) / 16000 == pytest.approx(4, abs=NEAR)
    assert len(signal) >= 4 * 16000 - 1
    info = media.probe(path)
    assert not info.truncated
    assert info.duration == pytest.approx(4, abs=0.1)


def test_an_mp3_whose_bit_rate_varies_is_kept_without_its_tag(tmp_path):
    """Loud, then nearly silent: the duration that is guessed from the first bit rate is wrong."""
    noise = np.random.default_rng(0).uniform(-0.8, 0.8, 44100)
    signal = np.r_[noise, np.zeros(44100 * 5)]
    import av

    path = tmp_path / "a.mp3"
    with av.open(str(path), "w", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=44100, layout="mono")
        stream.codec_context.flags |= av.codec.context.Flags.qscale.value
        stream.codec_context.global_quality = 0
        pcm = (signal * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        guessed = container.duration / 1e6
    assert abs(guessed - 6) > 0.5  # or else this tests nothing
    info = media.probe(path)
    assert info.duration == pytest.approx(6, abs=0.1)
    assert not info.truncated
    assert len(media.read_audio(path)) / 16000 == pytest.approx(6, abs=0.1)


def test_an_avi_whose_header_states_too_little_is_kept(tmp_path):
    path = record(tmp_path / "a.avi", 4, [1, 3])
    data = bytearray(path.read_bytes())
    place = data.index(b"auds") + 32  # strh: type, handler, flags, ..., length
    own = int.from_bytes(data[place : place + 4], "little")
    assert own > 100
    data[place : place + 4] = (own // 2).to_bytes(4, "little")
    path.write_bytes(data)
    assert len(media.read_audio(path)) / 16000 == pytest.approx(4, abs=NEAR)
    assert not media.probe(path).truncated


@pytest.mark.parametrize("rate", [8, 10_000_000, 2**31 - 1])
def test_a_rate_that_no_sound_has_is_an_error(tmp_path, rate):
    path = tmp_path / "a.wav"
    media.write_clip(path, None, None, beeps(1, [0.5]), 16000, audio_codec="pcm_s16le")
    data = bytearray(path.read_bytes())
    data[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(media.info.MediaError, match=rf"a\.wav.* {rate} samples a second"):
        media.read_audio(path)


@pytest.mark.parametrize("suffix", [".aac", ".flv", ".ts"])
def test_damaged_bytes_never_make_sound_longer(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    if suffix == ".aac":
        import av

        with av.open(str(path), "w", format="adts") as container:
            stream = container.add_stream("aac", rate=16000, layout="mono")
            pcm = (beeps(4, [1, 3]) * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
            frame.sample_rate = 16000
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    else:
        record(path, 4, [1, 3])
    data = path.read_bytes()
    random = np.random.default_rng(1)
    for _ in range(12):
        changed = bytearray(data)
        for place in random.integers(0, len(data), 12):
            changed[place] = random.integers(0, 256)
        path.write_bytes(changed)
        try:
            signal = media.read_audio(path)
        except media.info.MediaError:
            continue
        assert len(signal) / 16000 < 30
