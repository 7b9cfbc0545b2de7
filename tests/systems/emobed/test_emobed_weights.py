"""Alpha and beta, chosen on validation clips inside the fold."""

import io
import re

import pandas as pd
import pytest
from emobed_clips import make_clips
from test_emobed_modern import ONE_EPOCH, SETTINGS, fitted, same

from avlib.runtime import paths
from avlib.systems.common.model import concatenate, showing
from avlib.systems.emobed.model import EmoBedModel
from avlib.systems.emobed.report import emobed_section
from avlib.systems.emobed.system import used_weights
from avlib.systems.emobed.weights import best_weights
from avlib.systems.emobed.weights_report import read_tried, tried_pictures

GRID = {"alpha": [0.0, 0.5, 1.0], "beta_audio": [0.0, 0.3]}


def trained_to(losses):
    """A training of two epochs whose better validation loss is given by the weights."""

    def train(alpha, beta, name):
        low = losses[alpha, beta]
        rows = pd.DataFrame({"epoch": [0, 1], "validation_loss": [low, low + 1]})
        return (alpha, beta, name), rows.to_csv(index=False)

    return train


def test_the_pair_with_the_lowest_validation_loss_counts():
    losses = {(0.0, 0.3): 0.9, (0.0, 0.6): 0.4, (0.5, 0.3): 0.2, (0.5, 0.6): 0.7}
    grid = [0.0, 0.5], [0.3, 0.6]
    network, _, tried = best_weights(trained_to(losses), *grid, "audio", held_out=True)
    assert network == (0.5, 0.3, "audio_2")
    found = tried.set_index(["alpha", "beta"])["validation_loss"].to_dict()
    assert found == losses
    assert tried["validation_loss"].is_monotonic_increasing


def test_without_validation_clips_the_first_pair_counts_and_no_other_is_trained():
    losses = {(0.5, 0.3): 0.9}
    network, _, tried = best_weights(
        trained_to(losses), [0.5, 0.0], [0.3, 0.6], "audio", held_out=False
    )
    assert network == (0.5, 0.3, "audio")
    assert len(tried) == 1


@pytest.fixture(scope="module")
def chosen():
    settings = used_weights("emobed", SETTINGS | GRID | ONE_EPOCH | {"patience": 2})
    train, validation = make_clips(24), make_clips(12, 5)
    return EmoBedModel(3, system="emobed", **settings).fit(train, validation), train, validation


def test_each_target_has_its_own_and_says_what_was_tried(chosen):
    model, *_ = chosen
    heard, seen = (
        pd.read_csv(io.StringIO(model.logs_[f"weights_{m}"])) for m in ("audio", "video")
    )
    assert (len(heard), len(seen)) == (6, 3)
    for m, tried in (("audio", heard), ("video", seen)):
        best = tried.sort_values("validation_loss").iloc[0]
        assert model.chosen_[f"alpha_{m}"] == best["alpha"]
        assert model.chosen_[f"beta_{m}"] == best["beta"]


def test_the_chosen_network_is_that_of_its_weights_alone(chosen):
    model, train, validation = chosen
    best = {"alpha": model.chosen_["alpha_audio"], "beta_audio": model.chosen_["beta_audio"]}
    settings = used_weights("emobed", SETTINGS | ONE_EPOCH | best | {"patience": 2})
    alone = EmoBedModel(3, ("audio",), system="emobed", **settings)
    alone.fit(train, validation, showing(train, "video"))
    assert same(alone, model)
    assert "alpha_audio" not in alone.chosen_


def test_a_list_of_one_is_its_value_and_files_bring_it_back(chosen, tmp_path):
    train = concatenate(make_clips(24), make_clips(9, 2, audio=range(9)))
    one, listed = (fitted(train, alpha=a, **ONE_EPOCH) for a in (0.5, [0.5]))
    assert same(one, listed)
    model = chosen[0]
    model.save(tmp_path)
    loaded = EmoBedModel.load(tmp_path)
    assert same(model, loaded)
    assert loaded.chosen_ == model.chosen_


def test_what_else_is_noted_is_that_of_the_epoch_that_counts(chosen):
    model = chosen[0]
    tried = pd.read_csv(io.StringIO(model.logs_["weights_audio"]))
    curves = pd.read_csv(io.StringIO(model.logs_["curves_audio"]))
    at_best = curves.loc[curves["validation_loss"].idxmin()]
    assert tried.loc[0, "validation_accuracy"] == at_best["validation_accuracy"]
    assert tried["validation_accuracy"].between(0, 1).all()


def folds_that_tried(folder):
    """Two folds whose means are highest at alpha 0.5 and beta 1."""
    for fold, shift in ((0, -0.1), (1, 0.1)):
        scores = {(0.0, 0.0): 0.3, (0.0, 1.0): 0.4, (0.5, 0.0): 0.5, (0.5, 1.0): 0.6}
        rows = [(*pair, 1.0, score + shift) for pair, score in scores.items()]
        table = pd.DataFrame(
            rows, columns=["alpha", "beta", "validation_loss", "validation_accuracy"]
        )
        (folder / f"fold-{fold}").mkdir(parents=True)
        table.to_csv(folder / f"fold-{fold}" / "weights_audio.csv", index=False)


def test_a_picture_shows_the_means_over_folds_and_says_where_they_are_highest(tmp_path):
    folds_that_tried(tmp_path)
    tried = {m: read_tried(tmp_path, f"weights_{m}.csv") for m in ("audio", "video")}
    assert sorted(set(tried["audio"]["fold"])) == [0, 1]
    (picture,) = tried_pictures("weights", "emobed", tried)
    assert {">alpha 0<", ">alpha 0.5<", ">beta<"} <= set(re.findall(">[^<]+<", picture.svg))
    assert picture.alt.endswith("accuracy from audio highest, 0.600, with alpha 0.5 and beta 1")
    assert tried_pictures("weights", "emobed", {"video": tried["video"]}) == []


def test_the_report_shows_it_where_there_was_something_to_choose(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MODELS", tmp_path)
    predictions = {m: tiny.predict(m) for m in ("emobed", "emobed_classic")}
    assert not emobed_section(tiny.data(predictions)).pictures
    folds_that_tried(tmp_path / "emobed")
    section = emobed_section(tiny.data(predictions))
    assert [picture.name for picture in section.pictures] == ["weights_emobed"]
    assert "validation" in section.text[-1]
