import os
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
from recordings import record

from avlib import media
from avlib.runtime.errors import MediaError

FPS = 25
CODECS = {
    ".mp4": {"video_codec": "libx264", "audio_codec": "aac"},
    ".flv": {"video_codec": "flv", "audio_codec": "libmp3lame"},
    ".avi": {"video_codec": "mpeg4", "audio_codec": "pcm_s16le"},
}
AUDIO_CODECS = {".wav": "pcm_s16le", ".flac": "flac"}


def flat_frames(n_frames, height=48, width=64, flash=None):
    for number in range(n_frames):
        level = 230 if number == flash else 30
        yield np.full((height, width, 3), level, np.uint8)


def textured_frames(n_frames, seed=0):
    picture = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    return [np.roll(picture, number, axis=1) for number in range(n_frames)]


def tone(frequency, sample_rate, duration, amplitude=0.5):
    times = np.arange(round(duration * sample_rate)) / sample_rate
    return amplitude * np.sin(2 * np.pi * frequency * times)


def write(path, *, n_frames=25, duration=1.0, sample_rate=44100, frames=None, signal=None):
    frames = textured_frames(n_frames) if frames is None else frames
    if signal is None:
        signal = np.random.default_rng(1).normal(0, 0.1, round(duration * sample_rate))
    media.write_clip(path, frames, FPS, signal, sample_rate, **CODECS[path.suffix])
    return path


def encode(
    path, frames, codec="libx264", audio=None, rotation=0, aspect=None, pix_fmt="yuv420p", **options
):
    """Write with PyAV directly: frames is a list of (pts in 1/1000 s, rgb), audio (start, mono)."""
    with av.open(str(path), "w", options=options) as container:
        height, width = frames[0][1].shape[:2]
        stream = container.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = Fraction(1, FPS if codec == "dvvideo" else 1000)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        if audio is not None:
            sound = container.add_stream("aac", rate=16000, layout="mono")
            pcm = (audio[1] * 32767).astype(np.int16)[None]
            samples = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
            samples.sample_rate, samples.time_base = 16000, Fraction(1, 16000)
            samples.pts = round(audio[0] * 16000)
        for pts, image in frames:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = pts, stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            container.mux(sound.encode(samples))
            container.mux(sound.encode(None))
    return path


# One time axis


@pytest.mark.parametrize("suffix", CODECS)
def test_flash_and_click_are_simultaneous_after_decoding(tmp_path, suffix):
    click = np.zeros(2 * 44100)
    click[44100:44300] = 0.9 * np.cos(np.arange(200) * 0.7)
    path = write(tmp_path / f"clip{suffix}", frames=flat_frames(50, flash=25), signal=click)
    flashes = [time for time, image in media.video_frames(path) if image.mean() > 120]
    signal = media.read_audio(path, 44100)
    onset = np.flatnonzero(np.abs(signal) > 0.3)[0] / 44100
    assert flashes == [pytest.approx(1.0, abs=1e-3)]
    assert onset == pytest.approx(1.0, abs=1e-3)  # flv rounds times to milliseconds


@pytest.mark.parametrize("suffix", CODECS)
def test_frame_times_start_at_zero_and_follow_the_rate(tmp_path, suffix):
    path = write(tmp_path / f"clip{suffix}")
    times = [time for time, _ in media.video_frames(path)]
    np.testing.assert_allclose(times, np.arange(25) / FPS, atol=1e-9)


def test_variable_frame_rate_keeps_its_times(tmp_path):
    stamps = [0, 40, 120, 400, 410]
    images = textured_frames(5)
    path = encode(tmp_path / "variable.mp4", list(zip(stamps, images, strict=True)))
    times = [time for time, _ in media.video_frames(path)]
    np.testing.assert_allclose(times, np.array(stamps) / 1000, atol=1e-3)


@pytest.mark.parametrize("start", [0.5, 1.25])
def test_sound_that_starts_later_than_the_picture_stays_later(tmp_path, start):
    frames = [(40 * number, image) for number, image in enumerate(textured_frames(75))]
    burst = tone(1000, 16000, 0.5)
    path = encode(tmp_path / "late.mp4", frames, audio=(start, burst))
    signal = media.read_audio(path)
    onset = np.flatnonzero(np.abs(signal) > 0.1)[0] / 16000
    assert onset == pytest.approx(start, abs=2e-3)
    assert not signal[: round((start - 0.1) * 16000)].any()


def test_sound_before_the_first_picture_is_cut(tmp_path):
    frames = [(1000 + 40 * number, image) for number, image in enumerate(textured_frames(25))]
    signal = np.zeros(32000)
    signal[24000:] = tone(1000, 16000, 0.5)
    path = encode(tmp_path / "early.mkv", frames, audio=(0.0, signal))
    decoded = media.read_audio(path)
    onset = np.flatnonzero(np.abs(decoded) > 0.1)[0] / 16000
    assert next(media.video_frames(path))[0] == 0
    assert onset == pytest.approx(0.5, abs=3e-3)


def test_lossy_codec_padding_adds_no_length_in_mp4(tmp_path):
    path = write(tmp_path / "clip.mp4", sample_rate=16000)
    assert media.read_audio(path).shape == (16000,)


# Pictures


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("size", [(48, 64), (49, 65), (51, 64)])
def test_pictures_keep_their_size_and_colours(tmp_path, suffix, size):
    image = np.zeros((*size, 3), np.uint8)
    image[:, :21] = [220, 40, 40]
    image[:, 21:42] = [40, 200, 60]
    image[:, 42:] = [60, 60, 210]
    path = write(tmp_path / f"clip{suffix}", frames=[image] * 3)
    decoded = np.stack([frame for _, frame in media.video_frames(path)])
    assert decoded.shape == (3, *size, 3)
    assert decoded.dtype == np.uint8
    inner = np.r_[4:17, 26:38, 47:60]  # chroma bleeds across the borders between the bars
    assert np.abs(decoded[:, :, inner].astype(int) - image[:, inner]).max() <= 12
    info = media.probe(path)
    assert (info.height, info.width) == size


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_rotation_metadata_turns_the_picture(tmp_path, rotation):
    image = np.full((48, 64, 3), 30, np.uint8)
    image[:24, :32] = 220  # bright top left
    path = encode(tmp_path / "turned.mp4", [(0, image), (40, image)], rotation=rotation)
    _, frame = next(media.video_frames(path))
    corners = {90: (-1, 0), 180: (-1, -1), -90: (0, -1)}  # counter-clockwise degrees
    assert frame.shape == ((48, 64, 3) if rotation == 180 else (64, 48, 3))
    assert frame[corners[rotation]].mean() > 200
    assert sum(frame[row, column, 0] > 200 for row in (0, -1) for column in (0, -1)) == 1
    assert (media.probe(path).height, media.probe(path).width) == frame.shape[:2]


# An avi knows no rotation.
@pytest.mark.parametrize(("suffix", "rotation"), [(".mp4", 0), (".mp4", 90), (".avi", 0)])
@pytest.mark.parametrize("aspect", [Fraction(2), Fraction(1, 2), Fraction(16, 15)])
def test_pixels_become_square(tmp_path, suffix, aspect, rotation):
    """A disc that was stored as an ellipse is a disc again."""
    width = round(128 / aspect)
    row, column = np.mgrid[:96, :width]
    disc = np.hypot(row - 47.5, (column - (width - 1) / 2) * float(aspect)) < 30
    image = np.where(disc, 220, 30).astype(np.uint8)[..., None].repeat(3, 2)
    codec = CODECS[suffix]["video_codec"]
    frames = [(0, image), (40, image)]
    path = encode(tmp_path / f"clip{suffix}", frames, codec, rotation=rotation, aspect=aspect)
    _, frame = next(media.video_frames(path))
    assert frame.shape == ((128, 96, 3) if rotation else (96, 128, 3))
    assert (media.probe(path).height, media.probe(path).width) == frame.shape[:2]
    sides = [np.ptp(places) + 1 for places in np.nonzero(frame.mean(axis=2) > 125)]
    assert sides == pytest.approx([60, 60], abs=2)


def test_square_pixels_are_read_as_stored_and_impossible_ones_too(tmp_path):
    frames = [(40 * number, image) for number, image in enumerate(textured_frames(3))]
    read = [
        [image for _, image in media.video_frames(encode(tmp_path / name, frames, aspect=aspect))]
        for name, aspect in (("a.mp4", None), ("b.mp4", Fraction(1)), ("c.mp4", Fraction(9000)))
    ]
    np.testing.assert_array_equal(read[0], read[1])
    np.testing.assert_array_equal(read[0], read[2])


def test_interlaced_frames_are_deinterlaced(tmp_path):
    """DV weaves two moments into one frame; a moving edge then shows a comb of single rows."""
    frames = []
    for number in range(6):
        image = np.full((576, 720, 3), 40, np.uint8)
        for field in (0, 1):
            edge = 100 + 40 * number + 20 * field
            image[field::2, :edge] = 200
        frames.append((number, image))
    path = encode(tmp_path / "dv.avi", frames, codec="dvvideo")
    decoded = [image for _, image in media.video_frames(path)]
    assert [image.shape for image in decoded] == [(576, 768, 3)] * 6  # 4:3

    def comb(image):
        rows = image[..., 1].astype(int)
        return np.abs(2 * rows[1:-1] - rows[:-2] - rows[2:]).mean()

    woven = np.mean([comb(image) for _, image in frames[1:-1]])
    assert np.mean([comb(image) for image in decoded[1:-1]]) < 0.2 * woven


def test_a_clip_of_one_frame_has_one_frame(tmp_path):
    path = tmp_path / "one.mp4"
    media.write_clip(path, flat_frames(1), FPS, None, None)
    assert [time for time, _ in media.video_frames(path)] == [0.0]
    info = media.probe(path)
    assert info.duration == pytest.approx(1 / FPS)
    assert not info.has_audio
    assert info.sample_rate is None


def test_frames_are_decoded_as_they_are_asked_for(tmp_path):
    path = write(tmp_path / "clip.mp4")
    frames = media.video_frames(path)
    next(frames)
    path.unlink()
    assert next(frames)[0] == pytest.approx(1 / FPS)
    frames.close()


# Sound


@pytest.mark.parametrize("sample_rate", [8000, 22050, 44100, 48000])
def test_resampling_agrees_with_the_closed_form_of_a_sine(tmp_path, sample_rate):
    path = tmp_path / "sine.wav"
    media.write_clip(
        path, None, None, tone(440, sample_rate, 1.0), sample_rate, audio_codec="pcm_s16le"
    )
    signal = media.read_audio(path)
    assert signal.shape == (16000,)
    assert signal.dtype == np.float32
    inner = slice(800, -800)  # the filter sees silence beyond both ends
    np.testing.assert_allclose(signal[inner], tone(440, 16000, 1.0)[inner], atol=1e-4)


def test_what_the_new_rate_cannot_hold_is_gone_and_not_folded_back(tmp_path):
    path = tmp_path / "high.wav"
    media.write_clip(path, None, None, tone(9000, 48000, 1.0), 48000, audio_codec="pcm_s16le")
    assert np.abs(media.read_audio(path)[800:-800]).max() < 1e-4


def test_channels_are_averaged(tmp_path):
    left, right = tone(300, 16000, 0.5), tone(500, 16000, 0.5)
    path = tmp_path / "stereo.flac"
    media.write_clip(path, None, None, np.stack([left, right], 1), 16000, audio_codec="flac")
    assert media.probe(path).channels == 2
    np.testing.assert_allclose(media.read_audio(path), (left + right) / 2, atol=1e-4)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_sample_format_reads_as_libsndfile_reads_it(tmp_path, subtype):
    path = tmp_path / "formats.wav"
    signal = np.random.default_rng(0).uniform(-1, 1, (1000, 2))
    soundfile.write(path, signal, 16000, subtype=subtype)
    expected = soundfile.read(path)[0].mean(axis=1)
    np.testing.assert_allclose(media.read_audio(path), expected, atol=1e-6)


def test_samples_beyond_full_scale_are_clipped_on_both_ways(tmp_path):
    loud = tone(100, 16000, 0.1, amplitude=3.0)
    soundfile.write(tmp_path / "read.wav", loud, 16000, subtype="FLOAT")
    media.write_clip(tmp_path / "write.wav", None, None, loud, 16000, audio_codec="pcm_s16le")
    for name in ("read.wav", "write.wav"):
        np.testing.assert_allclose(
            media.read_audio(tmp_path / name), np.clip(loud, -1, 1), atol=1e-4
        )


def test_samples_that_are_not_numbers_are_an_error(tmp_path):
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), 16000, subtype="FLOAT")
    with pytest.raises(MediaError, match=r"nan\.wav.*not numbers"):
        media.read_audio(tmp_path / "nan.wav")


def test_sound_after_a_damaged_stretch_keeps_its_time(tmp_path):
    """Half a second of packets is lost in the middle; the click at 1.5 s stays at 1.5 s."""
    click = np.zeros(2 * 44100)
    click[66150:66300] = 0.9 * np.cos(np.arange(150) * 0.7)
    whole = write(tmp_path / "whole.flv", frames=flat_frames(50), signal=click)
    holed = tmp_path / "holed.flv"
    with av.open(str(whole)) as source, av.open(str(holed), "w") as target:
        streams = {s: target.add_stream_from_template(s) for s in source.streams if s.codec_context}
        for packet in source.demux(*streams):
            lost = packet.stream.type == "audio" and packet.pts and 500 < packet.pts < 1000
            if packet.dts is not None and not lost:
                packet.stream = streams[packet.stream]
                target.mux(packet)
    signal = media.read_audio(holed, 44100)
    assert np.flatnonzero(np.abs(signal) > 0.3)[0] / 44100 == pytest.approx(1.5, abs=2e-3)


def test_a_damaged_timestamp_moves_neither_picture_nor_sound(tmp_path):
    """One picture and one block of sound claim to be three days later."""
    data = bytearray(write(tmp_path / "clip.flv").read_bytes())
    place, seen = 13, {}  # flv: a header, then tags of kind, size (3), time (3), its high byte, ...
    while place < len(data):
        kind = data[place]
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] == 10:
            data[place + 7] = 0x10
        place += 15 + int.from_bytes(data[place + 1 : place + 4])
    assert min(seen[8], seen[9]) > 10
    damaged = tmp_path / "damaged.flv"
    damaged.write_bytes(data)
    times = [time for time, _ in media.video_frames(damaged)]
    np.testing.assert_allclose(times, np.arange(25) / FPS, atol=1e-3)
    whole = media.read_audio(tmp_path / "clip.flv")
    np.testing.assert_array_equal(media.read_audio(damaged), whole)
    assert media.probe(damaged).duration == pytest.approx(1.0, abs=0.06)


# What a recording holds


@pytest.mark.parametrize("suffix", CODECS)
def test_probe_tells_the_figures_of_a_whole_clip(tmp_path, suffix):
    info = media.probe(write(tmp_path / f"clip{suffix}", duration=1.0))
    assert info.duration == pytest.approx(1.0, abs=0.06)  # flv keeps the last mp3 frame's padding
    assert info.fps == pytest.approx(FPS)
    assert (info.height, info.width, info.sample_rate, info.channels) == (48, 64, 44100, 1)
    assert info.has_video
    assert info.has_audio
    assert not info.truncated


@pytest.mark.parametrize("suffix", AUDIO_CODECS)
def test_probe_of_sound_alone_leaves_the_picture_empty(tmp_path, suffix):
    path = tmp_path / f"sound{suffix}"
    codec = AUDIO_CODECS[suffix]
    media.write_clip(path, None, None, tone(200, 8000, 0.75), 8000, audio_codec=codec)
    info = media.probe(path)
    assert (info.duration, info.sample_rate, info.channels) == (pytest.approx(0.75), 8000, 1)
    assert (info.fps, info.width, info.height, info.has_video) == (None, None, None, False)
    assert not info.truncated


# Files that are not what they should be


def cut(path, share, name="cut"):
    part = path.with_name(name + path.suffix)
    data = path.read_bytes()
    part.write_bytes(data[: round(len(data) * share)])
    return part


@pytest.mark.parametrize("suffix", [".flv", ".avi", "faststart.mp4"])
def test_truncated_clip_gives_what_is_left_and_probe_tells(tmp_path, suffix):
    if suffix == "faststart.mp4":
        frames = [(40 * number, image) for number, image in enumerate(textured_frames(50))]
        sound = (0.0, tone(200, 16000, 2.0))
        whole = encode(tmp_path / "whole.mp4", frames, audio=sound, movflags="faststart")
    else:
        whole = write(tmp_path / f"whole{suffix}", n_frames=50, duration=2.0)
    part = cut(whole, 0.6)
    complete = [image for _, image in media.video_frames(whole)]
    left = [image for _, image in media.video_frames(part)]
    assert 10 < len(left) < 50
    assert all(np.array_equal(a, b) for a, b in zip(left[:-2], complete, strict=False))
    assert media.probe(part).truncated
    assert media.probe(part).duration < 0.9 * media.probe(whole).duration
    assert not media.probe(whole).truncated


def test_truncated_sound_gives_what_is_left_and_probe_tells(tmp_path):
    for suffix, codec in AUDIO_CODECS.items():
        whole = tmp_path / f"whole{suffix}"
        noise = np.random.default_rng(0).normal(0, 0.2, 32000)
        media.write_clip(whole, None, None, noise, 16000, audio_codec=codec)
        part = cut(whole, 0.6)
        left = media.read_audio(part)
        assert 8000 < len(left) < 24000
        np.testing.assert_array_equal(left, media.read_audio(whole)[: len(left)])
        assert media.probe(part).truncated


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer"),
        (b"dear diary, today nothing was recorded\n" * 40, "cannot be opened"),
        (b"#EXTM3U\n#EXTINF:2,\nother.mp4\n#EXT-X-ENDLIST\n", "a list of other files"),
        (bytes(5000), "cannot be opened"),
    ],
)
@pytest.mark.parametrize(
    "read", [media.probe, media.read_audio, lambda path: next(media.video_frames(path))]
)
def test_a_file_that_is_no_recording_is_one_clear_line(tmp_path, content, words, read):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=words) as caught:
        read(path)
    assert "clip.mp4" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path, found in (
        (tmp_path / "nothing.mp4", "there is no such file"),
        (tmp_path, "a folder"),
    ):
        with pytest.raises(MediaError, match=found):
            media.probe(path)


def test_an_absent_stream_is_named(tmp_path):
    silent, dark = tmp_path / "silent.mp4", tmp_path / "dark.wav"
    media.write_clip(silent, flat_frames(3), FPS, None, None)
    media.write_clip(dark, None, None, tone(200, 16000, 0.1), 16000, audio_codec="pcm_s16le")
    with pytest.raises(MediaError, match=r"silent\.mp4: holds no audio stream"):
        media.read_audio(silent)
    with pytest.raises(MediaError, match=r"dark\.wav: holds no video stream"):
        next(media.video_frames(dark))


@pytest.mark.parametrize("suffix", CODECS)
def test_damaged_bytes_cost_frames_and_nothing_else(tmp_path, suffix):
    data = write(tmp_path / f"clip{suffix}", n_frames=10, duration=0.4).read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / f"damaged{suffix}"
    for _ in range(15):
        damaged = bytearray(data)
        start = int(random.integers(0, len(data) - 60))
        damaged[start : start + 60] = random.bytes(60)
        path.write_bytes(damaged)
        try:
            times = [time for time, _ in media.video_frames(path)]
            signal = media.read_audio(path)
        except MediaError:
            continue
        assert (np.diff(times) > 0).all()
        assert len(signal) < 30 * 16000


# Writing


@pytest.mark.parametrize("suffix", [*CODECS, *AUDIO_CODECS])
def test_writing_twice_gives_the_same_bytes(tmp_path, suffix):
    written = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}{suffix}"
        if suffix in CODECS:
            write(path)
        else:
            signal = tone(200, 16000, 1.0)
            media.write_clip(path, None, None, signal, 16000, audio_codec=AUDIO_CODECS[suffix])
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert b"Lavf" not in written[0]
    assert b"Lavc" not in written[0]


WRITE_ONCE = """
import hashlib, sys
from pathlib import Path
import numpy as np
from avlib import media

path, video_codec, audio_codec = sys.argv[1:]
y, x = np.mgrid[:120, :160]
frames = []
for number in range(15):
    blob = 90 * np.exp(-((x - 40 - 5 * number) ** 2 + (y - 60) ** 2) / 400)
    image = np.stack([x / 2 + blob, y + blob, 80 + blob], axis=-1)
    frames.append(np.clip(image, 0, 255).astype(np.uint8))
signal = np.random.default_rng(0).normal(0, 0.1, 26460)
codecs = {"video_codec": video_codec, "audio_codec": audio_codec}
media.write_clip(path, frames, 25, signal, 44100, **codecs)
print(hashlib.sha256(Path(path).read_bytes()).hexdigest())
"""


@pytest.mark.parametrize("suffix", CODECS)
def test_bytes_do_not_depend_on_what_the_memory_held_before(tmp_path, suffix):
    """An encoder that reads memory it never set writes other bytes later in a process.

    glibc fills new memory with a given byte when MALLOC_PERTURB_ is set; elsewhere this is a
    plain repetition in fresh processes.
    """
    digests = set()
    for filling in ("0", "85", "255"):
        arguments = [str(tmp_path / f"clip{suffix}"), *CODECS[suffix].values()]
        done = subprocess.run(
            [sys.executable, "-c", WRITE_ONCE, *arguments],
            env={**os.environ, "MALLOC_PERTURB_": filling},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout)
    assert len(digests) == 1


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    def breaking():
        yield from flat_frames(2)
        raise RuntimeError("camera unplugged")

    with pytest.raises(RuntimeError):
        media.write_clip(tmp_path / "clip.mp4", breaking(), FPS, None, None)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suffix_and_an_empty_clip_are_refused(tmp_path):
    with pytest.raises(ValueError, match="suffixes"):
        media.write_clip(tmp_path / "clip.xyz", flat_frames(1), FPS, None, None)
    with pytest.raises(ValueError, match="nothing to write"):
        media.write_clip(tmp_path / "clip.mp4", [], FPS, None, None)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{other}\n#EXT-X-ENDLIST\n"),
        ("a.mp4", "ffconcat version 1.0\nfile other.ts\n"),
    ],
)
def test_a_list_of_other_recordings_is_none(tmp_path, name, text):
    """They may lie outside of the corpus, and change while the list stays as it is."""
    other = record(tmp_path / "other.ts", 1, [0.5])
    (tmp_path / name).write_text(text.format(other=other))
    with pytest.raises(MediaError, match="is a list of other files"):
        media.probe(tmp_path / name)
