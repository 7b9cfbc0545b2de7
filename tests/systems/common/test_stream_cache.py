import io
import json

import numpy as np
import pyarrow as pa
import pytest
import soxr
from PIL import Image

from avlib.faces.tables import FACES
from avlib.runtime.tables import conform, part_path, write_part
from avlib.speech.pcm import from_pcm, to_pcm
from avlib.speech.tables import SPEECH
from avlib.systems.common.stream_cache import decode, read_streams
from avlib.systems.common.streams import StreamFormat, shown_frames

KEPT = StreamFormat(size=32, fps=5.0, rate=16000)


def chip(level):
    """A grey chip of one brightness, as JPEG."""
    data = io.BytesIO()
    Image.new("RGB", (224, 224), (level, level, level)).save(data, "JPEG", quality=95)
    return data.getvalue()


def faces_of(clip_id, levels, fps=25.0):
    """Rows of table `faces`: a chip of each brightness, None for a frame without a face."""
    n = len(levels)
    return conform(
        {
            "clip_id": [clip_id] * n,
            "frame": list(range(n)),
            "time": [i / fps for i in range(n)],
            "state": ["detected" if level is not None else "missing" for level in levels],
            "box": pa.nulls(n),
            "score": pa.nulls(n),
            "landmarks": pa.nulls(n),
            "chip": [None if level is None else chip(level) for level in levels],
            "thumbnail": [b""] * n,
        },
        FACES,
    )


def speech_of(clip_id, samples, rate=16000):
    return conform(
        {
            "clip_id": [clip_id],
            "sample_rate": [rate],
            "pcm": [to_pcm(samples)],
            "intervals": [[]],
        },
        SPEECH,
    )


def write(schema, folder, subject, clips):
    write_part(part_path(folder, subject), sorted(clips.items()), schema)


@pytest.fixture
def recordings(tmp_path):
    """Two subjects: one with a gap in the face, one without sound, one clip of sound alone."""
    rng = np.random.default_rng(0)
    sound = {"a": rng.uniform(-1, 1, 16000).astype(np.float32), "c": np.zeros(800, np.float32)}
    levels = [10 * (i // 5) if not 10 <= i < 15 else None for i in range(25)]
    faces, speech = tmp_path / "faces", tmp_path / "speech"
    write(FACES, faces, "S1", {"a": faces_of("a", levels)})
    write(FACES, faces, "S2", {"b": faces_of("b", [None] * 5), "d": faces_of("d", [7])})
    write(SPEECH, speech, "S1", {k: speech_of(k, v) for k, v in sound.items()})
    return faces, speech, sound


def test_streams_are_the_recordings_at_the_wanted_size_and_rate(recordings, tmp_path):
    faces, speech, sound = recordings
    streams = read_streams(decode(KEPT, faces, speech, tmp_path / "memo"))
    assert sorted(streams) == ["a", "b", "c", "d"]
    a = streams["a"]
    assert a.seen.tolist() == [True, True, False, True, True]
    assert a.chips().shape == (5, 32, 32, 3)
    assert [round(float(c.mean())) for c in a.chips()] == [0, 10, 0, 30, 40]
    np.testing.assert_array_equal(a.sound(), np.frombuffer(to_pcm(sound["a"]), "<i2"))
    assert (streams["b"].seen.any(), streams["b"].samples) == (False, 0)
    assert (len(streams["c"].seen), streams["c"].samples) == (0, 800)
    assert streams["d"].chips().mean() == pytest.approx(7, abs=1)
    assert [streams[c].duration for c in "abc"] == pytest.approx([1.0, 0.2, 0.05])


def test_sound_is_resampled(recordings, tmp_path):
    faces, speech, sound = recordings
    streams = read_streams(decode(StreamFormat(32, 5.0, 22050), faces, speech, tmp_path / "memo"))
    rounded = from_pcm(to_pcm(sound["a"]))
    expected = np.frombuffer(to_pcm(soxr.resample(rounded, 16000, 22050)), "<i2")
    np.testing.assert_array_equal(streams["a"].sound(), expected)


def test_only_what_changed_is_decoded_again_and_what_is_gone_is_dropped(recordings, tmp_path):
    faces, speech, _ = recordings
    memo = tmp_path / "memo"
    first = decode(KEPT, faces, speech, memo)
    stamps = {path: path.stat().st_mtime_ns for path in first}
    write(FACES, faces, "S2", {"b": faces_of("b", [90] * 5)})
    second = decode(KEPT, faces, speech, memo)
    assert [path in stamps and path.stat().st_mtime_ns == stamps[path] for path in second] == [
        True,
        False,
    ]
    assert read_streams(second)["b"].seen.all()
    left = {path.name.split(".")[0] for path in (memo / str(KEPT)).iterdir()}
    assert left == {"S1", "S2"}
    assert len(list((memo / str(KEPT)).iterdir())) == 6
    assert "d" not in json.loads(second[1].read_text())["clips"]


@pytest.mark.parametrize(
    ("times", "fps", "expected"),
    [
        ([0.0, 0.04, 0.08, 0.12], 25.0, [0, 1, 2, 3]),
        ([0.0, 0.04, 0.08, 0.12, 0.16], 10.0, [0, 2]),
        ([0.0, 0.1, 0.2], 20.0, [0, 0, 1, 1, 2, 2]),  # of two equally near ones, the earlier
        ([0.0, 0.1, 0.2, 0.9], 10.0, [0, 1, 2, 2, -1, -1, -1, -1, -1, 3]),  # a hole
        ([0.0, 0.1, 0.2, 0.6, 1.0], 10.0, [0, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4]),  # slower pictures
        ([0.0, 0.1, 0.2, 1.2, 2.2], 5.0, [0, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4]),
        ([0.0, 0.2, 0.4, 0.44, 0.48, 0.52], 25.0, [0] * 5 + [1] * 5 + [2, 3, 4, 5]),
        ([3.0, 3.1, 3.2], 10.0, [-1] * 29 + [0, 0, 1, 2]),  # a span that begins in a hole
        ([0.0], 5.0, [0]),
    ],
)
def test_the_frame_that_is_shown_stands_for_each_time(times, fps, expected):
    assert shown_frames(np.array(times), fps).tolist() == expected


@pytest.mark.parametrize("own", [25, 30000 / 1001, 30, 15])
@pytest.mark.parametrize("fps", [5.0, 8.0, 16.0, 25.0, 30.0])
@pytest.mark.parametrize("decimals", [3, 12])
def test_at_a_constant_rate_it_is_the_nearest_frame(own, fps, decimals):
    times = np.round(np.arange(100) / own, decimals)
    frames = shown_frames(times, fps)
    distances = np.abs(times[None] - np.arange(len(frames))[:, None] / fps)
    found = distances[np.arange(len(frames)), frames]
    np.testing.assert_allclose(found, distances.min(axis=1), atol=2e-3)


def test_the_frame_is_the_last_one_at_or_before_each_time():
    """Brute force, on a rate that changes: within half a short step."""
    times = np.cumsum(np.r_[0, np.full(50, 0.04), np.full(20, 0.2), np.full(30, 0.04)])
    frames = shown_frames(times, 30.0)
    for number, frame in enumerate(frames):
        before = np.flatnonzero(times <= number / 30 + 0.02)[-1]
        assert frame in (before, max(before - 1, 0))
        assert times[frame] <= number / 30 + 0.02
    assert (frames >= 0).all()
