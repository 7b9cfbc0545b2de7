"""AVEC's own features stand at the labels' moments, both windows side by side."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from avlib.corpora.common.avec import read_frames
from avlib.runtime.errors import CorpusError, DataError
from avlib.systems.emobed.traces import avec_memory
from avlib.systems.emobed.traces.avec_features import avec_features, avec_paths
from avlib.systems.emobed.traces.avec_memory import frames_once
from avlib.systems.emobed.traces.recordings import TraceRecordings, read_recordings

STEP = 0.04
TIMES = np.arange(30) * STEP


def write(folder, kind, dimension, name, rows):
    """Write a feature file as csv: the recording, the time, two values."""
    path = folder / f"features_{kind}" / dimension / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["name,frameTime,one,two", *(f"'{name}',{t:.2f},{a},{b}" for t, a, b in rows)]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Features of two recordings; the second has no face, and its sound begins late."""
    monkeypatch.chdir(tmp_path)
    for dimension, sign in (("arousal", 1), ("valence", -1)):
        rows = [(t, sign * k, sign * 100 + k) for k, t in enumerate(TIMES)]
        write(tmp_path, "audio", dimension, "train_1", rows)
        write(tmp_path, "video_geometric", dimension, "train_1", rows)
        write(tmp_path, "audio", dimension, "dev_1", rows[10:])
    return tmp_path


def test_rows_stand_at_their_moments_with_both_windows_side_by_side(folder):
    found = dict(avec_features(folder, "audio", {"train_1": TIMES, "dev_1": TIMES}, STEP))
    k = np.arange(30)
    np.testing.assert_array_equal(found["train_1"], np.stack([k, 100 + k, -k, -100 + k], axis=1))
    assert np.isnan(found["dev_1"][:10]).all()
    np.testing.assert_array_equal(found["dev_1"][10:], found["train_1"][10:])


def test_recordings_have_the_modalities_for_which_there_are_files(folder):
    traces = pd.concat(
        pd.DataFrame({"clip_id": name, "time": TIMES, "arousal": 0.1 * TIMES, "valence": TIMES})
        for name in ("dev_1", "train_1")
    )
    source = TraceRecordings((("audio", "audio"), ("video", "geometry")), 8.0, folder)
    durations = pd.Series(np.nan, index=["dev_1", "train_1"])
    (dev, train), step = read_recordings(source, traces, durations)
    assert step == pytest.approx(STEP)
    assert set(dev.features) == {"audio"}
    assert set(train.features) == {"audio", "video"}
    there = np.isfinite(dev.features["audio"])
    np.testing.assert_array_equal(there, np.tile(np.arange(30) >= 10, (4, 1)).T)


def test_missing_files_are_one_clear_line(folder):
    with pytest.raises(DataError, match=r"features_video_appearance.*traces\.avec: false"):
        avec_paths(folder, ["audio", "appearance"])
    Path(folder / "features_audio/valence/dev_1.csv").unlink()
    with pytest.raises(DataError, match=r"dev_1: .*features_audio for arousal alone"):
        dict(avec_features(folder, "audio", {"dev_1": TIMES}, STEP))


def test_features_whose_times_go_back_name_file_and_row(folder):
    rows = [(t, 0, 0) for t in (0.0, 0.04, 0.12, 0.08, 0.16)]
    write(folder, "audio", "valence", "dev_1", rows)
    with pytest.raises(CorpusError, match=r"valence/dev_1\.csv: row 4 .*0\.08 after 0\.12; expect"):
        dict(avec_features(folder, "audio", {"dev_1": TIMES}, STEP))


def test_a_file_is_read_once_and_again_when_it_changed(folder, monkeypatch):
    path = folder / "features_audio/arousal/train_1.csv"
    first = frames_once(path)
    pd.testing.assert_frame_equal(first, read_frames(path))
    monkeypatch.setattr(avec_memory, "read_frames", lambda path: pytest.fail(f"read {path} again"))
    pd.testing.assert_frame_equal(frames_once(path), first)
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    path.write_text(path.read_text().replace("0.04,1,101", "0.04,7,101"))
    assert frames_once(path)["one"].tolist()[:3] == [0, 7, 2]
    assert len(list((folder / ".memo/avec").iterdir())) == 1
    (kept,) = (folder / ".memo/avec").iterdir()
    kept.write_bytes(kept.read_bytes()[:-30])  # cut short by a full disk
    assert frames_once(path)["one"].tolist()[:3] == [0, 7, 2]
