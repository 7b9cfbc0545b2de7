"""Networks that learn from the validation clips too are trained again for their curves alone."""

import io

import numpy as np
import pandas as pd
import pytest
from contract import tiny_params
from contract_clips import N_CLASSES, tiny_clips

from avlib.registry import system
from avlib.systems.common import validation_curve
from avlib.systems.common.model import BOTH
from avlib.systems.common.recipe import FoldTask
from avlib.systems.common.validation_curve import curve_fold

TESTED = system("temporal_aggregation")


@pytest.fixture
def task(tmp_path, monkeypatch):
    """A fold to train, and its clips."""
    recipe = TESTED.recipe("temporal_aggregation", tiny_params())
    parts = {
        name: tiny_clips(recipe.source, tmp_path / name, n, seed)
        for name, n, seed in (("train", 12, 1), ("validation", 6, 2))
    }
    monkeypatch.setattr(validation_curve, "read_fold", lambda *_: (["e"] * N_CLASSES, parts))
    return FoldTask(0, recipe, BOTH, (), TESTED.tables), parts


def test_the_curve_is_of_networks_that_have_not_seen_the_validation_clips(task, tmp_path):
    fold, parts = task
    (tmp_path / "out").mkdir()
    curve_fold(fold, tmp_path / "out")
    curve = pd.read_csv(tmp_path / "out" / "validation_curve.csv")
    recipe = fold.recipe
    epochs = recipe.settings["epochs"]
    assert len(curve) == epochs  # and none of them stops it
    assert {"train_loss", "train_accuracy", "validation_loss", "validation_accuracy"} < {*curve}
    # The epoch that is best on validation, told by a model that stops there.
    settings = recipe.settings | {"patience": epochs}
    model = recipe.make(N_CLASSES, **settings).fit(parts["train"], parts["validation"])
    held_out = parts["validation"]
    right = (model.predict_proba(held_out).argmax(1) == held_out.emotion).mean()
    best = curve.loc[curve["validation_loss"].idxmin()]
    assert best["validation_accuracy"] == pytest.approx(right)
    # The training columns are those of a training on the training part alone.
    alone = recipe.make(N_CLASSES, **recipe.settings)
    alone.fit(parts["train"], held_out.select(np.arange(0)))
    expected = pd.read_csv(io.StringIO(alone.logs_["curves"]))["train_loss"]
    np.testing.assert_allclose(curve["train_loss"], expected, rtol=1e-5)


def test_where_no_clip_is_held_out_there_is_no_curve(task, tmp_path):
    fold, parts = task
    parts["validation"] = parts["validation"].select(np.arange(0))
    curve_fold(fold, tmp_path)
    assert not (tmp_path / "validation_curve.csv").exists()
