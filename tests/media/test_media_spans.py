"""A span of a recording is what decoding the whole and cutting would give."""

import itertools

import numpy as np
import pytest
from test_media import encode, textured_frames

from avlib import media
from avlib.runtime.errors import MediaError

SECONDS = 14  # several keyframes: x264 puts one every 10 s, the other codecs every half second
SPANS = [(0.0, 0.5), (0.37, 1.93), (4.4812, 7.02), (11.03, 11.07), (12.5, 99.0), (9.99, None)]
CODECS = {".mp4": ("libx264", "aac"), ".flv": ("flv", "libmp3lame"), ".avi": ("mpeg4", "pcm_s16le")}


@pytest.fixture(scope="module", params=CODECS)
def recording(request, tmp_path_factory):
    """A recording with sound at another rate than is asked for, and all that is in it."""
    path = tmp_path_factory.mktemp("spans") / f"whole{request.param}"
    times = np.arange(SECONDS * 44100) / 44100
    signal = 0.4 * np.sin(
        2 * np.pi * (150 * times + 60 * times**2)
    )  # no moment sounds like another
    video, audio = CODECS[request.param]
    media.write_clip(
        path, textured_frames(SECONDS * 25), 25, signal, 44100, video_codec=video, audio_codec=audio
    )
    return path, list(media.video_frames(path)), media.read_audio(path)


@pytest.mark.parametrize(("start", "end"), SPANS)
def test_pictures_of_a_span_are_those_of_the_whole(recording, start, end):
    path, whole, _ = recording
    cut = [(t - start, image) for t, image in whole if start <= t < (end or np.inf)]
    found = list(media.video_frames(path, start, end))
    assert [time for time, _ in found] == pytest.approx([time for time, _ in cut], abs=1e-9)
    for (_, image), (_, expected) in zip(found, cut, strict=True):
        assert np.array_equal(image, expected)


@pytest.mark.parametrize(("start", "end"), SPANS)
def test_sound_of_a_span_is_that_of_the_whole(recording, start, end):
    path, _, whole = recording
    cut = whole[round(start * 16000) : None if end is None else round(end * 16000)]
    found = media.read_audio(path, 16000, start, end)
    np.testing.assert_allclose(found, cut, atol=1e-5)


def test_spans_that_touch_share_no_frame_and_lose_none(recording):
    path, whole, _ = recording
    borders = [0.0, 0.4, 0.4 + 0.1, 3.0, 3.0000001, 7.7]
    found = []
    for start, end in itertools.pairwise(borders):
        try:
            found += [start + time for time, _ in media.video_frames(path, start, end)]
        except MediaError:  # two borders between two frames
            assert end - start < 0.04
    expected = [time for time, _ in whole if time < 7.7]
    assert found == pytest.approx(expected, abs=1e-6)


def test_only_the_span_is_decoded(recording, monkeypatch):
    """A short span near the end costs no more than the way to it from the keyframe before."""
    path, whole, _ = recording
    taken = []
    real = media.demux.frame_time
    monkeypatch.setattr(media.demux, "frame_time", lambda f: taken.append(1) or real(f))
    list(media.video_frames(path, SECONDS - 0.2, SECONDS))
    assert len(taken) < len(whole) / 2


def test_a_deinterlaced_span_sees_its_neighbours(tmp_path):
    frames = []
    for number in range(60):
        image = np.full((576, 720, 3), 40, np.uint8)
        for field in (0, 1):
            image[field::2, : 100 + 8 * number + 4 * field] = 200
        frames.append((number, image))
    path = encode(tmp_path / "dv.avi", frames, codec="dvvideo")
    whole = list(media.video_frames(path))
    found = list(media.video_frames(path, 1.6, 1.8))
    cut = [image for time, image in whole if 1.6 - 1e-6 <= time < 1.8 - 1e-6]
    assert len(found) == len(cut) == 5
    assert all(np.array_equal(image, other) for (_, image), other in zip(found, cut, strict=True))


def test_a_variable_frame_rate_keeps_its_times_within_a_span(tmp_path):
    stamps = [0, 40, 120, 1400, 1410, 2500, 2700, 4000]
    images = textured_frames(len(stamps))
    path = encode(tmp_path / "variable.mp4", list(zip(stamps, images, strict=True)))
    times = [time for time, _ in media.video_frames(path, 1.405, 3.0)]
    np.testing.assert_allclose(times, np.array([1410, 2500, 2700]) / 1000 - 1.405, atol=1e-3)


def test_sound_before_the_first_picture_is_no_part_of_the_time_axis(tmp_path):
    frames = [(1000 + 40 * n, image) for n, image in enumerate(textured_frames(100))]
    times = np.arange(5 * 16000) / 16000
    signal = 0.3 * np.sin(2 * np.pi * (200 * times + 90 * times**2))
    path = encode(tmp_path / "early.mov", frames, audio=(0.0, signal))
    whole = media.read_audio(path)
    found = media.read_audio(path, 16000, 2.5, 3.25)
    np.testing.assert_allclose(found, whole[40000:52000], atol=1e-5)


@pytest.mark.parametrize(("start", "end"), [(2.0, 1.0), (1.0, 1.0), (-0.5, 1.0), (np.nan, 1.0)])
def test_an_impossible_span_is_refused(recording, start, end):
    path, _, _ = recording
    for read in (lambda: next(media.video_frames(path, start, end)),
                 lambda: media.read_audio(path, 16000, start, end)):  # fmt: skip
        with pytest.raises(MediaError, match=r"the span is .* expected 0 <= start < end"):
            read()


def test_a_span_behind_the_end_is_named(recording):
    path, _, _ = recording
    with pytest.raises(MediaError, match=r"holds no video frame from 30 to 31 s"):
        next(media.video_frames(path, 30.0, 31.0))
    with pytest.raises(MediaError, match=r"holds no sound from 30 to 31 s"):
        media.read_audio(path, 16000, 30.0, 31.0)
