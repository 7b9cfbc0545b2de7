"""How trained networks are judged by the clips that told when to stop."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from avlib.systems.common import judge
from avlib.systems.common.judge import JudgeTask, judge_fold
from avlib.systems.common.model import Clips

EMOTIONS = ["anger", "joy"]
RIGHT = {"audio": np.array([1, 0, 0, 0]), "video": np.array([1, 1, 0, 1])}  # what each makes out


class Stub:
    """Hears and sees emotions; with both it believes its eyes."""

    def __init__(self, modalities):
        self.modalities = modalities

    def scorable(self, clips):
        return np.any([clips.has((m,)) for m in self.modalities], axis=0)

    def predict_proba(self, clips):
        rows = clips.clip_id.astype(int)
        sees = clips.has(("video",)) & ("video" in self.modalities)
        right = np.where(sees, RIGHT["video"][rows], RIGHT["audio"][rows])
        return np.eye(2)[np.where(right, clips.emotion, 1 - clips.emotion)]


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """Judge a stub by four clips, of which the third has no video."""
    present = {"audio": np.ones(4, bool), "video": np.array([1, 1, 0, 1], bool)}
    names = np.array(list("0123"))
    clips = Clips(names, np.array(["s"] * 4), np.array([0, 1, 0, 1]), present)
    parts = {"train": None, "validation": clips}
    monkeypatch.setattr(judge, "read_fold", lambda *_: (EMOTIONS, parts))
    (tmp_path / "settings.json").write_text("{}")

    def run(*modalities):
        make = SimpleNamespace(load=lambda _: Stub(modalities))
        fold = SimpleNamespace(recipe=SimpleNamespace(make=make, source=None), fold=0, inputs=())
        judge_fold(JudgeTask(fold, tmp_path, judge.predicted), tmp_path)
        return json.loads((tmp_path / "held_out.json").read_text()), clips

    return run


def expected(clips, rows, right):
    truth = clips.emotion[rows]
    said = np.where(right[rows], truth, 1 - truth)
    return {
        "accuracy": accuracy_score(truth, said),
        "uar": recall_score(truth, said, average="macro"),
        "f1_macro": f1_score(truth, said, average="macro"),
        "clips": len(rows),
    }


def test_a_model_of_two_modalities_is_judged_with_each_alone_too(judged):
    found, clips = judged("audio", "video")
    each = found.pop("held_out_conditions")
    assert each["audio"] == pytest.approx(expected(clips, np.arange(4), RIGHT["audio"]))
    assert each["video"] == pytest.approx(expected(clips, np.array([0, 1, 3]), RIGHT["video"]))
    both = np.where(clips.has(("video",)), RIGHT["video"], RIGHT["audio"])
    whole = {name.removeprefix("held_out_"): value for name, value in found.items()}
    assert whole == pytest.approx(expected(clips, np.arange(4), both))


def test_a_model_of_one_modality_has_no_conditions(judged):
    assert "held_out_conditions" not in judged("audio")[0]
