import re

import numpy as np
import pandas as pd
import pytest

from avlib.report.curves import (
    _panel,
    by_epoch,
    loss_section,
    mean_curve,
    training_curves,
)
from avlib.report.page import Page, write_page
from avlib.runtime.errors import DataError


def curve(epochs, seed=0, **more):
    rng = np.random.default_rng(seed)
    falling = np.exp(-np.arange(epochs) / 8)
    return pd.DataFrame(
        {
            "epoch": range(epochs),
            "train_loss": falling + 0.1 * rng.random(epochs),
            "validation_loss": falling + 0.2 + 0.1 * rng.random(epochs),
            **more,
        }
    )


def cells(section):
    [table] = section.tables
    return {row[0]: dict(zip(table.columns[1:], row[1:], strict=True)) for row in table.rows}


def test_without_curves_there_is_no_section():
    assert loss_section({}) is None
    assert loss_section({"gating": {}, "avef": {0: curve(0)}}) is None


def test_the_table_tells_when_the_validation_loss_was_least():
    folds = {0: curve(20), 1: curve(12, seed=1), 2: curve(31, seed=2)}
    folds[1].loc[7, "validation_loss"] = 0.01
    found = cells(loss_section({"gating": folds}))["gating"]
    best = {f: min(zip(t["validation_loss"], t["epoch"], strict=True)) for f, t in folds.items()}
    losses, epochs = (sorted(values) for values in zip(*best.values(), strict=True))
    assert found["folds"] == "3"
    assert found["epochs"] == "20 (12 to 31)"
    assert found["least validation loss"] == f"{losses[1]:.3g} ({losses[0]:.3g} to {losses[2]:.3g})"
    assert found["in epoch"] == f"{epochs[1] + 1} ({epochs[0] + 1} to {epochs[2] + 1})"
    first = sorted(t["train_loss"].iloc[0] for t in folds.values())
    assert found["first training loss"].startswith(f"{first[1]:.3g} ")


def test_one_epoch_stands_in_the_table_and_is_no_picture():
    section = loss_section({"gating": {0: curve(1), 1: curve(1, seed=1)}, "avef": {0: curve(2)}})
    assert list(cells(section)) == ["gating", "avef"]
    assert [picture.name for picture in section.pictures] == ["curves_avef"]
    mixed = loss_section({"gating": {0: curve(1), 1: curve(3)}})
    assert [picture.name for picture in mixed.pictures] == ["curves_gating"]


@pytest.mark.parametrize(
    ("quantity", "title", "top"),
    [("accuracy", "accuracy (%)", 100), ("accuracy_audio", "accuracy audio (%)", 100),
     ("loss_audio", "loss audio", None)],
)  # fmt: skip
def test_shares_are_drawn_in_percent_whichever_network_they_are_of(quantity, title, top):
    panel = _panel({0: curve(3, **{f"train_{quantity}": [0.2, 0.4, 0.9]})}, quantity)
    assert panel.title == title
    assert top is None or (panel.y.low, panel.y.high) == (0, top)
    (path,) = re.findall(r'class="line thin g0" d="M([^"]*)"', panel.svg(0, 0))
    heights = [float(point.split()[1]) for point in path.split("L")]
    drawn = np.array([0.2, 0.4, 0.9]) * (top or 1)
    np.testing.assert_allclose(heights, [panel.at_y(value) for value in drawn], atol=0.051)


def test_one_fold_has_no_range():
    table = curve(10)
    found = cells(loss_section({"gating": {3: table}}))["gating"]
    assert found["epochs"] == "10"
    assert found["last training loss"] == f"{table['train_loss'].iloc[9]:.3g}"


def test_training_without_validation_leaves_dashes():
    folds = {0: curve(5).drop(columns="validation_loss")}
    found = cells(loss_section({"gating": folds}))["gating"]
    assert found["least validation loss"] == found["in epoch"] == "–"


def test_the_mean_ends_when_most_folds_have_stopped():
    folds = {0: curve(3), 1: curve(5, seed=1), 2: curve(5, seed=2), 3: curve(9, seed=3)}
    mean = mean_curve(by_epoch(folds, "train_loss"))
    assert mean.index.tolist() == [1, 2, 3, 4, 5]
    for epoch in range(5):
        held = [t["train_loss"][epoch] for t in folds.values() if epoch < len(t)]
        assert mean[epoch + 1] == pytest.approx(sum(held) / len(held))


def test_a_loss_that_is_no_number_leaves_a_gap(tmp_path):
    table = curve(6)
    table.loc[2, "train_loss"], table.loc[3:, "validation_loss"] = np.nan, np.inf
    wide = by_epoch({0: table, 1: curve(6, seed=1)}, "train_loss")
    assert wide[0].isna().tolist() == [False, False, True, False, False, False]
    section = loss_section({"gating": {0: table}})
    write_page(tmp_path, Page("page", [section]))
    text = (tmp_path / "report.md").read_text()
    assert "nan" not in text
    assert "inf" not in text
    least = table["validation_loss"][:3].min()
    assert cells(section)["gating"]["least validation loss"] == f"{least:.3g}"


def test_a_fold_that_never_had_a_finite_loss_is_left_out_of_the_medians():
    diverged = curve(4).assign(train_loss=np.nan, validation_loss=np.nan)
    found = cells(loss_section({"gating": {0: diverged}}))["gating"]
    assert [found[c] for c in list(found)[2:]] == ["–"] * 4


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (curve(3).drop(columns="epoch"), "holds columns train_loss, validation_loss"),
        (curve(3)[["epoch"]], "holds columns epoch; expected"),
        (pd.concat([curve(3), curve(3)]), "holds an epoch twice"),
    ],
)
def test_a_file_of_another_kind_is_an_error_that_names_the_fold(table, words):
    with pytest.raises(DataError, match=f"model avef, fold 2: curves.csv {words}"):
        loss_section({"avef": {2: table}})


def test_the_picture_is_the_same_on_every_run_and_shows_every_quantity():
    folds = {0: curve(8), 1: curve(5, seed=1)}
    first = training_curves(folds, "gating", "curves")
    assert training_curves(folds, "gating", "curves") == first
    assert ">loss<" in first
    assert ">accuracy (%)<" not in first
    more = {f: t.assign(train_accuracy=0.5, validation_accuracy=0.4) for f, t in folds.items()}
    assert ">accuracy (%)<" in training_curves(more, "gating", "curves")
    rate = {f: t.assign(learning_rate=0.1) for f, t in folds.items()}
    assert training_curves(rate, "gating", "curves") == first
    alone = {f: t.drop(columns="validation_loss") for f, t in folds.items()}
    assert ">validation<" in first
    assert ">validation<" not in training_curves(alone, "gating", "curves")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "table",
    [
        curve(1),
        curve(30).assign(train_loss=np.geomspace(10, 1e-4, 30)),
        curve(5).assign(train_loss=-1.0),
        curve(5).assign(train_loss=np.nan, validation_loss=np.nan),
        curve(5).assign(train_mse=0.1, train_triplet=0.0, validation_accuracy=0.3),
    ],
    ids=["one epoch", "wide range", "negative", "diverged", "many quantities"],
)
def test_any_curve_is_drawn_without_a_warning(table):
    svg = training_curves({0: table, 4: table.head(1)}, "model $_1", "curves")
    assert ">model $_1<" in svg
    assert not re.search("nan|inf", svg.split("aria-label")[1])
