"""What a new system and a new descriptor start, for real."""

import re

import pytest
from newcomers import add_newcomers
from test_pipeline import ran

pytestmark = pytest.mark.pipeline


def test_a_new_system_and_descriptor_recompute_no_clip_and_retrain_no_other_fold(clone):
    add_newcomers(clone.folder)
    done = clone.dvc("repro")
    started = {"reader", "face_model", "video_features", "audio_features", "train_traces"}
    assert set(ran(done.stdout)) == started | {"train_prior", "evaluate", "report"}
    said = done.stdout + done.stderr
    clips = re.findall(r"(\w+): computed (\d+), from memory (\d+)", said)
    assert sorted(clips) == [("audio_features", "0", "36"), ("video_features", "0", "36")]
    folds = {
        stage: (int(computed), int(remembered))
        for stage, computed, remembered in re.findall(
            r"(\w+): computed (\d+) folds, (\d+) from memo", said
        )
    }
    assert set(folds) == {"train_prior", "train_traces"}
    assert folds["train_prior"] == (2, 0)
    assert folds["train_traces"][0] == 0
    assert folds["train_traces"][1] > 0
    assert (clone.folder / "data/shares/prior.parquet").is_file()
    assert "prior" in (clone.folder / "metrics/summary.json").read_text()
