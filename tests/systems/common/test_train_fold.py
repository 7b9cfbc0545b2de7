import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from avlib.corpora.common.tables import CLIPS
from avlib.fisher.tables import FISHER
from avlib.protocols import FOLDS
from avlib.runtime import tables
from avlib.runtime.files import NOTHING
from avlib.systems.common.fold_clips import FisherVectors
from avlib.systems.common.recipe import FoldTask, Recipe
from avlib.systems.common.system import System
from avlib.systems.common.tables import PREDICTIONS
from avlib.systems.common.train_fold import train_fold
from avlib.systems.common.train_section import train_section
from avlib.systems.merml.model import MERMLModel
from avlib.systems.svm.model import SVMModel


@dataclass(frozen=True)
class OtherVectors(FisherVectors):
    """Another source of the same vectors."""

    kind: int = 1


class OneModel(System):
    """A system of one model, made as it is told."""

    name = "one"
    models = MappingProxyType({"m": "a model"})
    model = f"{__name__}:Fitted"

    def __init__(self, make, **how):
        self.make, self.how = make, how

    def model_class(self):
        return self.make

    def recipe(self, model, params):
        return Recipe(model, self.make, **self.how)


PROTOCOL = SimpleNamespace(name="official", validation_by="subjects")
PARAMS = SimpleNamespace(modalities=["audio", "video"], protocol=PROTOCOL)
METRIC = {"dim": 3, "epochs": 2, "pairs_per_epoch": 200}


@pytest.fixture
def fold(tmp_path, monkeypatch, parts):
    """Tables of one fold, in the folders where the stages look for them; one has no sound.

    Returns the test part and the row of that clip.
    """
    monkeypatch.chdir(tmp_path)
    # One fold alone, as no stage makes it; what is checked of folds has tests of its own.
    monkeypatch.setattr(
        "avlib.systems.common.train_section.checked_folds",
        lambda *_: tables.read_table("data/folds.parquet"),
    )
    rows, keys = [], []
    for part, clips in zip(("train", "validation", "test"), parts, strict=True):
        for i, clip in enumerate(clips.clip_id):
            features = {m: values[i].tolist() for m, values in clips.features.items()}
            rows.append({"clip_id": clip, "fold": 0, **features})
            keys.append((clip, clips.subject[i], f"e{clips.emotion[i]}", part))
    lost = len(parts[0]) + len(parts[1])
    rows[lost]["audio"] = None
    frame = pd.DataFrame(keys, columns=["clip_id", "subject", "emotion", "part"]).assign(fold=0)
    unknown = [c for c in CLIPS.columns if c not in frame]
    clips = frame.assign(**dict.fromkeys(unknown)).assign(corpus="x", sha256="x")
    tables.write_table("data/clips.parquet", clips.drop(columns=["part", "fold"]), CLIPS)
    tables.write_table("data/folds.parquet", frame[["clip_id", "fold", "part"]], FOLDS)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    tables.write_table("data/fisher/fold-0.parquet", columns, FISHER)
    return parts[2], rows[lost]["clip_id"]


def train(tmp_path, make, **settings):
    out = tmp_path / "out"
    out.mkdir()
    recipe = Recipe("m", make, settings=settings)
    train_fold(FoldTask(0, recipe, ("audio", "video"), (), (PREDICTIONS,)), out)
    return out, tables.read_table(out / "embeddings.parquet")


def test_test_clips_are_kept_where_the_saved_model_places_them(tmp_path, fold):
    test, lost = fold
    out, rows = train(tmp_path, MERMLModel, metric=METRIC)
    assert sorted(rows["clip_id"]) == sorted(test.clip_id)
    assert rows.loc[rows["audio"].isna(), "clip_id"].tolist() == [lost]
    assert rows.loc[rows["joint"].isna(), "clip_id"].tolist() == [lost]
    metric = MERMLModel.load(out / "model").metric_
    ordered = test.select(np.argsort(test.clip_id))
    expected = ordered.features["video"] @ metric.W_["video"].T
    np.testing.assert_allclose(tables.vectors(rows["video"]), expected, rtol=1e-4, atol=1e-5)


def test_model_that_learns_no_space_keeps_no_embeddings(tmp_path, fold):
    out, rows = train(tmp_path, SVMModel)
    assert len(rows) == 0
    assert not (out / "model/diagnostics.json").exists()
    assert len(tables.read_table(out / "predictions.parquet"))


class Examined(SVMModel):
    """Tells how many test clips it was given."""

    def diagnose(self, test):
        return {"clips": len(test), "share": 0.5}


def test_what_test_clips_show_stands_beside_the_model_not_in_its_settings(tmp_path, fold):
    test, _ = fold
    out, _ = train(tmp_path, Examined)
    found = json.loads((out / "model/diagnostics.json").read_text())
    assert found == {"clips": len(test), "share": 0.5}
    assert "share" not in (out / "model/settings.json").read_text()
    Examined.load(out / "model")


def test_a_corpus_without_emotions_gets_empty_outputs_and_one_line(fold, capsys):
    clips = tables.read_table("data/clips.parquet").assign(emotion=None, arousal=0.1)
    clips["sha256"] = clips["clip_id"]
    tables.write_table("data/clips.parquet", clips, CLIPS)
    train_section(OneModel(SVMModel), PARAMS)
    assert len(tables.read_table("data/predictions/m.parquet")) == 0
    assert [path.name for path in Path("data/models/m").iterdir()] == [NOTHING]
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert f"m: left out, none of the {len(clips)} clips of x has an emotion" in said


class Fitted(SVMModel):
    """Notes each fit."""

    def fit(self, train, validation):
        with Path("fits").open("a") as log:
            log.write("x")
        return super().fit(train, validation)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({}, False),
        ({"modalities": ("audio",)}, True),
        ({"needs_all": True}, True),
        ({"settings": {"c": [1.0]}}, True),
        ({"source": FisherVectors()}, False),
        ({"source": OtherVectors(kind=2)}, True),
    ],
)
def test_a_fold_is_remembered_until_anything_that_makes_it_changes(
    change, again, fold, monkeypatch
):
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    clips = tables.read_table("data/clips.parquet")
    clips["sha256"] = clips["clip_id"]
    tables.write_table("data/clips.parquet", clips, CLIPS)
    for given in ({}, change):
        train_section(OneModel(Fitted, **given), PARAMS)
    assert len(Path("fits").read_text()) == 1 + again


class Watched(SVMModel):
    """Says in its settings how long it waits, as networks do, and learns from one part alone."""

    def __init__(self, *args, patience=None, **settings):
        super().__init__(*args, **settings)
        self.patience = patience

    def fit(self, train, validation):
        with Path("fits").open("a") as log:
            log.write("x")
        return super().fit(train, train)

    def predict_proba(self, clips, modalities=("audio", "video")):
        probabilities = super().predict_proba(clips, modalities)
        probabilities[::3] = np.roll(probabilities[::3], 1, axis=1)  # so that not all is right
        return probabilities

    def arguments(self):
        return super().arguments() | {"patience": self.patience}


def test_what_watched_its_validation_clips_is_judged_by_them_without_another_fit(
    fold, parts, monkeypatch
):
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    clips = tables.read_table("data/clips.parquet")
    clips["sha256"] = clips["clip_id"]
    tables.write_table("data/clips.parquet", clips, CLIPS)
    file = Path("data/models/m/fold-0.json")
    train_section(OneModel(Watched, settings={"patience": None}), PARAMS)
    assert not file.exists()
    system = OneModel(Watched, settings={"patience": 3})
    for fits in (2, 2):
        train_section(system, PARAMS)
        assert len(Path("fits").read_text()) == fits
        found = json.loads(file.read_text())
        file.unlink()
    said = Watched.load(Path("data/models/m/fold-0")).predict_proba(parts[1]).argmax(axis=1)
    truth = parts[1].emotion
    assert found["held_out_clips"] == len(truth)
    assert found["held_out_accuracy"] == pytest.approx(accuracy_score(truth, said))
    assert found["held_out_uar"] == pytest.approx(balanced_accuracy_score(truth, said))
    assert 0 < found["held_out_accuracy"] < 1
    monkeypatch.setattr(OneModel, "judge", "")
    train_section(system, PARAMS)
    assert not file.exists()
