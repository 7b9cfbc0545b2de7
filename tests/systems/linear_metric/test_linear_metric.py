import numpy as np
import pytest

from avlib.metric_learning.gmml import GMML
from avlib.runtime.errors import DataError
from avlib.systems.common.model import VectorClips, concatenate
from avlib.systems.linear_metric.model import CANDIDATES, METHODS, LinearMetricModel

SETTINGS = {
    "lmnn": {"max_iter": [0, 5]},
    "itml": {"pairs": 100, "gamma": [0.1, 1.0]},
    "gmml": {"t": [0.0, 0.5], "regularisation": [0.1]},
}
EACH = pytest.mark.parametrize("method", SETTINGS)
SMALL = {"c": (1.0, 10.0), "sigma": (1.0,)}


def made(method, modalities=("audio", "video"), **metric):
    settings = {**SETTINGS[method], **metric}
    return LinearMetricModel(4, modalities, method=method, metric=settings, **SMALL)


def changed(clips, **features):
    return VectorClips(
        clips.clip_id, clips.subject, clips.emotion, clips.present, {**clips.features, **features}
    )


def side_by_side(clips):
    return np.hstack([clips.features["audio"], clips.features["video"]])


def finite(model, clips):
    return all(
        np.isfinite(model.predict_proba(clips, m)).all()
        for m in (("audio", "video"), ("audio",), ("video",))
    )


def test_metric_is_learned_from_training_and_validation_clips_side_by_side(parts):
    train, validation, _ = parts
    model = made("gmml", t=[0.3]).fit(train, validation)
    both = concatenate(train, validation)
    alone = GMML(t=0.3, regularisation=0.1).fit(side_by_side(both), both.emotion)
    np.testing.assert_array_equal(model.metric_.components_, alone.components_)


@EACH
def test_candidates_are_chosen_on_the_validation_clips(parts, method):
    train, validation, _ = parts
    model = made(method).fit(train, validation)
    held_out = {"held_out_accuracy", "held_out_uar", "held_out_clips"}
    assert set(model.chosen_) - held_out == {"c", "sigma", *SETTINGS[method]} - {"pairs"}
    assert held_out < set(model.chosen_)
    for name in CANDIDATES[method]:
        assert model.chosen_[name] in SETTINGS[method][name]
        assert getattr(model.metric_, name) == model.chosen_[name]
    with_one = made(method, **{n: [model.chosen_[n]] for n in CANDIDATES[method]})
    with_one.fit(train, validation)
    np.testing.assert_array_equal(with_one.metric_.components_, model.metric_.components_)


def test_the_better_candidate_wins_wherever_it_stands(parts):
    train, validation, _ = parts
    chosen = {
        made("gmml", t=order).fit(train, validation).chosen_["t"]
        for order in ([0.1, 1.0], [1.0, 0.1])
    }
    assert len(chosen) == 1


def test_missing_modality_is_taken_to_be_the_training_mean(parts):
    train, validation, test = parts
    model = made("gmml").fit(train, validation)
    mean = concatenate(train, validation).features["video"].mean(axis=0, dtype=float)
    filled = np.broadcast_to(mean, test.features["video"].shape).astype(np.float32)
    np.testing.assert_allclose(
        model.predict_proba(test, ("audio",)),
        model.svm_.predict_proba(model.embed(test.features | {"video": filled}), "audio"),
        atol=1e-5,
    )


@EACH
def test_one_modality_alone_trains(parts, method):
    train, validation, test = parts
    model = made(method, ("video",)).fit(train, validation)
    assert np.mean(model.predict_proba(test).argmax(axis=1) == test.emotion) > 0.4
    assert model.metric_.mean_.shape == (9,)


@EACH
def test_class_with_one_clip_and_validation_without_a_class_are_fine(parts, method):
    train, validation, test = parts
    rows = np.flatnonzero((train.emotion != 3) | (np.arange(120) == 3))
    model = made(method).fit(train.select(rows), validation.select(validation.emotion != 1))
    assert finite(model, test)


@EACH
def test_training_without_a_class_never_predicts_it(parts, method):
    train, validation, test = parts
    model = made(method).fit(
        train.select(train.emotion != 2), validation.select(validation.emotion != 2)
    )
    assert finite(model, test)
    assert not model.predict_proba(test)[:, 2].any()


@EACH
def test_duplicate_clips_constant_features_and_more_features_than_clips_are_fine(parts, method):
    train, validation, test = parts
    rng = np.random.default_rng(0)
    wide = {"audio": 300, "video": 200}

    def odd(clips):
        features = {m: rng.normal(size=(len(clips), d)) for m, d in wide.items()}
        features["audio"][:, 5] = 3.0
        features["video"][:] = features["video"][0]
        return changed(clips, **{m: v.astype(np.float32) for m, v in features.items()})

    train, validation, test = odd(train), odd(validation), odd(test)
    model = made(method).fit(concatenate(train, train), concatenate(validation, train))
    assert finite(model, test)


@EACH
def test_features_that_are_all_equal_still_give_probabilities(parts, method):
    def dull(clips):
        return changed(clips, **{m: np.ones_like(v) for m, v in clips.features.items()})

    train, validation, test = (dull(clips) for clips in parts)
    assert finite(made(method).fit(train, validation), test)


def undivided(method, **metric):
    """Learn from the training clips alone, not from inner splits of all clips."""
    model = made(method, **metric)
    model.inner_folds = 1
    return model


@EACH
def test_folds_that_cannot_be_learned_from_are_one_clear_line(parts, method):
    train, validation, _ = parts
    with pytest.raises(DataError, match=f"{method.upper()} cannot learn from 30 clips: .*classes"):
        undivided(method).fit(train.select(train.emotion == 0), validation)
    with pytest.raises(DataError, match="4 clips: a metric needs a class with at least two"):
        undivided(method).fit(train.select(np.arange(4)), validation)


def test_singular_scatter_names_the_way_out(clips):
    train, validation = clips(16, dims=(40, 40)), clips(16, seed=1, dims=(40, 40))
    with pytest.raises(DataError, match=r"GMML cannot learn from 16 clips: .*regularisation"):
        undivided("gmml", regularisation=[0.0]).fit(train, validation)


def test_every_method_says_what_is_chosen():
    assert set(CANDIDATES) == set(METHODS)
    with pytest.raises(ValueError, match="method must be one of"):
        LinearMetricModel(4, method="lda")
