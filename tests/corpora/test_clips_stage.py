"""The clips stage: every clip of every table is accounted for."""

import shutil
from pathlib import Path

import builders
import numpy as np
import pytest
import yaml

from avlib.runtime.errors import DataError
from avlib.runtime.tables import read_table
from stages import clips, folds

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the project's parameters; call it with a corpus and what to change."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")

    def set_up(corpus, **changes):
        params = yaml.safe_load((PROJECT / "params.yaml").read_text())
        Path("params.yaml").write_text(yaml.safe_dump({**params, "corpus": corpus, **changes}))
        return tmp_path / "data" / "raw" / corpus

    return set_up


def omg(folder, n_gone, n_wrong=0, name="omg_TrainVideos.csv"):
    """Ten utterances of a video that is here, some of a video that is gone, some without sense."""
    rows = [
        (
            builders.youtube(video),
            start,
            start + length,
            name,
            f"utterance_{n}.mp4",
            0.5,
            0.1,
            n % 7,
        )
        for name, video, length, count in (
            ("5b44393ed", "CROcsl0lIec", 0.15, 10),
            ("76eecf968", "Y50P3WlXVDk", 0.15, n_gone),
            ("243cff084", "dqMwSvDD1eo", -0.15, n_wrong),
        )
        for n, start in ((n, 0.2 + 0.15 * n) for n in range(count))
    ]
    builders.omg_table(folder, name, rows)
    builders.write_media(folder / "5b44393ed.mp4", seconds=2.0, sample_rate=16000)


def test_clips_that_cannot_be_had_have_a_status_and_stop_nothing(project):
    folder = project("omg_emotion", max_failed_fraction=0.0)
    omg(folder, n_gone=30)
    clips.main()
    table = read_table("data/clips.parquet")
    assert table["clip_id"].tolist() == [f"5b44393ed_utterance_{n}" for n in range(10)]
    assert table["start"].tolist() == pytest.approx([0.2 + 0.15 * n for n in range(10)])
    assert table["sha256"].nunique() == 10
    status = read_table("data/status/clips.parquet").set_index("clip_id")
    assert status["status"].value_counts().to_dict() == {"failed": 30, "ok": 10}
    assert status.loc["76eecf968_utterance_29", "reason"] == "video not downloaded"


def test_rows_without_sense_count_as_failures(project):
    folder = project("omg_emotion", max_failed_fraction=0.1)
    omg(folder, n_gone=30, n_wrong=1)
    clips.main()
    shutil.rmtree(folder)
    omg(folder, n_gone=30, n_wrong=2)
    with pytest.raises(DataError, match=r"clips: 2 of 12 clips failed.*243cff084_utterance_0"):
        clips.main()


def test_continuous_labels_are_a_table_and_those_of_unreadable_clips_are_not(project):
    folder = project("recola", max_failed_fraction=0.5)
    for name in ("train_1", "dev_1", "test_1"):
        builders.recola_recording(folder, name, seconds=0.2)
    for name in ("train_1", "dev_1"):
        builders.recola_ratings(folder, name, [0.1, 0.2, 0.3], [-0.1, -0.2, -0.3])
    for path in folder.glob("recordings_*/dev_1.*"):
        path.write_bytes(b"")
    clips.main()
    traces = read_table("data/traces.parquet")
    assert list(traces) == ["clip_id", "frame", "time", "arousal", "valence"]
    assert traces["clip_id"].unique().tolist() == ["train_1"]
    assert traces["frame"].tolist() == [0, 1, 2]
    assert traces["valence"].tolist() == [-0.1, -0.2, -0.3]
    table = read_table("data/clips.parquet").set_index("clip_id")
    assert table["emotion"].isna().all()
    assert table["arousal"].to_dict() == pytest.approx(
        {"train_1": 0.2, "test_1": np.nan}, nan_ok=True
    )


def test_a_corpus_without_continuous_labels_has_an_empty_table(project, crema_d_folder):
    folder = project("crema_d")
    folder.parent.mkdir(parents=True)
    folder.symlink_to(crema_d_folder, target_is_directory=True)
    clips.main()
    assert read_table("data/traces.parquet").empty
    assert read_table("data/clips.parquet")[["start", "end"]].isna().all(axis=None)


@pytest.mark.parametrize(("labelled", "tested"), [(True, "test"), (True, "validation"),
                                                  (False, "validation")])  # fmt: skip
def test_the_training_part_alone_teaches_and_either_other_part_is_tested(project, labelled, tested):
    protocol = {"name": "official", "train": ["train"], "test": [tested], "k": 2, "folds": None}
    protocol |= {"validation": 0.2, "validation_by": "subjects", "seed": 0}
    folder = project("omg_emotion", protocol=protocol)
    names = ("omg_TrainVideos.csv", "omg_ValidationVideos.csv")
    test = "omg_TestVideos_WithLabels.csv" if labelled else "omg_TestVideos_WithoutLabels.csv"
    for part, name in enumerate((*names, test)):
        rows = [
            (builders.youtube(f"video____{part}{n % 3}"), 0.1, 0.3, f"v{part}{n % 3}",
             f"utterance_{n}.mp4", 0.5, 0.1, n % 2)
            for n in range(6)
        ]  # fmt: skip
        builders.omg_table(folder, name, rows, labels=part < 2 or labelled)
        for n in range(3):
            builders.write_media(folder / f"v{part}{n}.mp4", seconds=0.5, seed=3 * part + n)
    clips.main()
    folds.main()
    table = read_table("data/folds.parquet").merge(read_table("data/clips.parquet"), on="clip_id")
    assert set(table.loc[table["part"] == "test", "partition"]) == {tested}
    assert set(table.loc[table["part"] != "test", "partition"]) == {"train"}
    assert table["part"].value_counts().to_dict() == {"test": 6, "train": 4, "validation": 2}
