"""What the report's stage gathers from the folders that it reads."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from avlib.fisher.tables import FISHER
from avlib.params import load
from avlib.runtime.tables import write_table
from avlib.runtime.tables.schema import fixed_size_list
from stages import report


@pytest.fixture
def params(tmp_path, monkeypatch):
    """The parameters, after which an empty project is the working folder."""
    found = load(report.PARAMS)
    monkeypatch.chdir(tmp_path)
    return found


def changed(params, section, **values):
    return params.model_copy(update={section: getattr(params, section).model_copy(update=values)})


def write_fold(fold, facts):
    vectors = fixed_size_list(np.ones((1, 2), np.float32), np.zeros(1, bool))
    rows = {"clip_id": ["a"], "fold": [fold], "audio": vectors, "video": vectors}
    write_table(Path(f"data/fisher/fold-{fold}.parquet"), rows, FISHER, facts)


def test_poolings_are_told_only_of_modalities_that_had_a_choice(params):
    facts = {
        "chosen_audio": "audio.is10_frames: moments, audio.egemaps_clip: none",
        "chosen_video": "video.dlib_resnet_frames: fisher K=16 D=32",
    }
    write_fold(0, facts)
    write_fold(10, facts | {"chosen_audio": "audio.is10_frames: both K=16 D=all"})
    assert report._poolings(params) == {0: {}, 10: {}}
    several = changed(params, "pooling", audio=["fisher", "moments"])
    assert report._poolings(several) == {
        0: {"audio.is10_frames": "moments"},
        10: {"audio.is10_frames": "both K=16 D=all"},
    }
    several = changed(changed(params, "pooling", audio=["moments"]), "fisher", components=[16, 32])
    expected = {"video.dlib_resnet_frames": "fisher K=16 D=32"}
    assert report._poolings(several) == {0: expected, 10: expected}


def test_fold_without_a_modality_chose_nothing_for_it(params):
    several = changed(params, "fisher", components=[16, 32])
    write_fold(3, {"chosen_video": "video.geometry_frames: fisher K=32 D=all"})
    assert report._poolings(several) == {3: {"video.geometry_frames": "fisher K=32 D=all"}}


def test_statuses_of_further_views_come_after_those_of_the_stages(params):
    for file in ("data/audio_views/is10_clip", "data/video_views/geometry_frames"):
        Path(file).mkdir(parents=True)  # its descriptors
        Path(f"{file}.status.parquet").touch()
    files = [str(file) for file in report._status_files()]
    assert files[: len(report.STAGES)] == [f"data/status/{s}.parquet" for s in report.STAGES]
    assert files[len(report.STAGES) :] == [
        "data/audio_views/is10_clip.status.parquet",
        "data/video_views/geometry_frames.status.parquet",
    ]


def test_a_model_that_is_off_says_why(params):
    clips = pd.DataFrame({"emotion": ["anger"]})
    on = changed(params, "avef", train=True)
    assert "does not name what it begins with" in report._why_not("avef_transfer", on, clips)
    taught = changed(params, "avef", train=["avef"], transfer=["x"])
    assert report._why_not("avef_transfer", taught, clips) == 'switched off (avef.train: ["avef"])'
    assert report._why_not("avef", on, clips).startswith("no clip has what it needs")


@pytest.mark.parametrize("stage", ["report", "evaluate"])
def test_what_only_scores_and_draws_loads_no_library_that_takes_longer(stage):
    heavy = ("matplotlib", "scipy.stats", "sklearn", "torch", "lightning")
    asked = f"import sys, stages.{stage}; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
