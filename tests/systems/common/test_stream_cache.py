import io

import numpy as np
import pyarrow as pa
import pytest
import soxr
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from avlib.faces.tables import FACES
from avlib.runtime.errors import DataError
from avlib.runtime.tables import conform, part_path, write_part
from avlib.speech.pcm import from_pcm, to_pcm
from avlib.speech.tables import SPEECH
from avlib.systems.common import stored_streams
from avlib.systems.common.stream_cache import decode, read_streams
from avlib.systems.common.streams import StreamFormat, held_streams, shown_frames

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


def kept(stream_format, faces, speech, folder):
    return read_streams(decode(stream_format.rate, faces, speech, folder), stream_format)


def test_streams_are_the_recordings_at_the_wanted_size_and_rate(recordings, tmp_path):
    faces, speech, sound = recordings
    streams = kept(KEPT, faces, speech, tmp_path / "memo")
    assert sorted(streams) == ["a", "b", "c", "d"]
    a = streams["a"]
    assert a.seen.tolist() == [True, True, False, True, True]
    assert a.chips().shape == (5, 32, 32, 3)
    assert [round(float(c.mean())) for c in a.chips()] == [0, 10, 0, 30, 40]
    assert [round(float(c.mean())) for c in a.chips(np.array([4, 0, 4, 1]))] == [40, 0, 40, 10]
    np.testing.assert_array_equal(a.sound(), np.frombuffer(to_pcm(sound["a"]), "<i2"))
    assert (streams["b"].seen.any(), streams["b"].samples) == (False, 0)
    assert (len(streams["c"].seen), streams["c"].samples) == (0, 800)
    assert streams["c"].chips().shape == (0, 32, 32, 3)
    assert streams["d"].chips().mean() == pytest.approx(7, abs=1)
    assert [streams[c].duration for c in "abc"] == pytest.approx([1.0, 0.2, 0.05])


@pytest.mark.parametrize("size", [224, 112, 48])
def test_chips_are_those_of_pieces_in_memory_bit_by_bit(size, tmp_path):
    """Colours and noise, in several row groups, whichever places are asked for in whichever way."""
    rng = np.random.default_rng(0)
    jpegs = []
    for k in range(30):
        data = io.BytesIO()
        coarse = rng.integers(0, 256, (9, 9, 3), np.uint8)
        Image.fromarray(coarse).resize((224, 224)).save(data, "JPEG", quality=95)
        jpegs.append(None if k in (3, 17) else data.getvalue())
    rows = faces_of("a", [0 if jpeg else None for jpeg in jpegs])
    rows = rows.set_column(rows.schema.get_field_index("chip"), "chip", pa.array(jpegs))
    pieces = [conform(rows.slice(first, 10), FACES) for first in (0, 10, 20)]
    write_part(part_path(tmp_path / "faces", "S1"), [("a", pieces)], FACES)
    write(SPEECH, tmp_path / "speech", "S1", {"a": speech_of("a", np.zeros(100))})
    wanted = StreamFormat(size, 20.0, 16000)
    streams = kept(wanted, tmp_path / "faces", tmp_path / "speech", tmp_path / "memo")["a"]
    held = held_streams(wanted, (np.arange(30) / 25, jpegs), None)
    np.testing.assert_array_equal(streams.seen, held.seen)
    places = rng.integers(0, len(held.seen), 40)
    np.testing.assert_array_equal(streams.chips(places), held.pixels[places])
    np.testing.assert_array_equal(streams.chips(), held.pixels)


def test_processes_that_read_ahead_hand_over_the_same_chips(recordings, tmp_path):
    faces, speech, _ = recordings
    streams = kept(KEPT, faces, speech, tmp_path / "memo")
    places = [np.array([k % 5, 0]) for k in range(8)]
    expected = [streams["a"].chips(of) for of in places]  # the part is open before they start
    stored_streams.forget()
    loader = DataLoader(Asked(streams["a"]), batch_size=None, sampler=places, num_workers=2)
    for found, of in zip(loader, expected, strict=True):
        np.testing.assert_array_equal(found, of)


class Asked(Dataset):
    def __init__(self, streams):
        self.streams = streams

    def __getitem__(self, places):
        return self.streams.chips(places)


def test_chips_that_are_remembered_take_no_more_than_they_may():
    recent = stored_streams._Recent(250)
    for k in range(4):
        recent.put(k, np.full(100, k, np.uint8))
        recent.get(0)
    assert [recent.get(k) for k in (1, 2)] == [None, None]
    assert [recent.get(k)[0] for k in (0, 3)] == [0, 3]
    assert recent.bytes == 200


def test_sound_is_resampled(recordings, tmp_path):
    faces, speech, sound = recordings
    streams = kept(StreamFormat(32, 5.0, 22050), faces, speech, tmp_path / "memo")
    rounded = from_pcm(to_pcm(sound["a"]))
    expected = np.frombuffer(to_pcm(soxr.resample(rounded, 16000, 22050)), "<i2")
    np.testing.assert_array_equal(streams["a"].sound(), expected)


def test_only_what_changed_is_decoded_again_and_what_is_gone_is_dropped(recordings, tmp_path):
    faces, speech, _ = recordings
    memo = tmp_path / "memo"
    pixels = memo / "112px-25fps-16000Hz"  # as earlier versions kept them
    pixels.mkdir(parents=True)
    (pixels / "S1.chips").touch()
    lock = memo / ".112px-25fps-16000Hz.lock"
    lock.touch()
    first = decode(16000, faces, speech, memo)
    assert not pixels.exists()
    assert not lock.exists()
    assert read_streams(first, KEPT)["d"].chips().mean() == pytest.approx(7, abs=1)
    stamps = {path: path.stat().st_mtime_ns for path in first}
    write(FACES, faces, "S2", {"b": faces_of("b", [90] * 5)})
    second = decode(16000, faces, speech, memo)
    assert [path in stamps and path.stat().st_mtime_ns == stamps[path] for path in second] == [
        True,
        False,
    ]
    changed = read_streams(second, KEPT)
    assert "d" not in changed
    assert changed["b"].chips().mean() == pytest.approx(90, abs=1)  # not of the part before
    left = {path.name.split(".")[0] for path in (memo / "16000Hz").iterdir()}
    assert left == {"S1", "S2"}
    assert len(list((memo / "16000Hz").iterdir())) == 4


def test_faces_that_change_while_training_reads_them_are_said_and_not_taken_for_others(
    recordings, tmp_path
):
    faces, speech, _ = recordings
    streams = kept(KEPT, faces, speech, tmp_path / "memo")
    write(FACES, faces, "S1", {"a": faces_of("a", [90] * 25)})
    with pytest.raises(DataError, match=r"S1\.parquet: other faces than when training began"):
        streams["a"].chips()
    assert streams["d"].chips().mean() == pytest.approx(7, abs=1)


def test_sound_that_is_gone_is_decoded_again(recordings, tmp_path):
    faces, speech, sound = recordings
    memo = tmp_path / "memo"
    for path in decode(16000, faces, speech, memo):
        path.with_suffix(".sound").unlink()
    found = kept(KEPT, faces, speech, memo)["a"].sound()
    np.testing.assert_array_equal(found, np.frombuffer(to_pcm(sound["a"]), "<i2"))


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
