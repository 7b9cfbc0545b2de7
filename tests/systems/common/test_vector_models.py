import numpy as np
import pytest
from scipy.spatial.distance import cdist

from avlib.runtime.errors import DataError
from avlib.systems.common.model import VectorClips
from avlib.systems.linear_metric.model import LinearMetricModel
from avlib.systems.merml.model import MERMLModel
from avlib.systems.svm.model import SVMModel

METRIC = {"dim": 5, "epochs": [4, 1, 0], "pairs_per_epoch": 600}
MAKERS = {
    "svm_audio": lambda: SVMModel(4, ("audio",)),
    "svm_concat": lambda: SVMModel(4),
    "merml": lambda: MERMLModel(4, metric=METRIC),
    "merml_video": lambda: MERMLModel(4, ("video",), metric=METRIC),
    "lmnn": lambda: LinearMetricModel(4, method="lmnn", metric={"max_iter": [0, 5]}),
    "itml": lambda: LinearMetricModel(4, method="itml", metric={"pairs": 100, "gamma": [1.0]}),
    "gmml_audio": lambda: LinearMetricModel(4, ("audio",), method="gmml", metric={"t": [0.3]}),
}


def accuracy(model, clips, modalities=("audio", "video")):
    return np.mean(model.predict_proba(clips, modalities).argmax(axis=1) == clips.emotion)


def without(clips, modality, rows):
    present = {m: there.copy() for m, there in clips.present.items()}
    features = {m: values.copy() for m, values in clips.features.items()}
    present[modality][rows] = False
    features[modality][rows] = np.nan
    return VectorClips(clips.clip_id, clips.subject, clips.emotion, present, features)


@pytest.mark.parametrize("name", MAKERS)
def test_model_learns_and_its_probabilities_sum_to_one(parts, name):
    train, validation, test = parts
    model = MAKERS[name]().fit(train, validation)
    probabilities = model.predict_proba(test)
    assert probabilities.shape == (60, 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert accuracy(model, test) > 0.5


@pytest.mark.parametrize("name", ["merml_video", "gmml_audio"])
def test_saved_model_of_one_modality_predicts_the_same(parts, name, tmp_path):
    train, validation, test = parts
    model = MAKERS[name]().fit(train, validation)
    model.save(tmp_path)
    loaded = type(model).load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(test), model.predict_proba(test))


@pytest.mark.parametrize("name", ["svm_concat", "merml", "lmnn"])
def test_either_modality_alone_is_better_than_chance(parts, clips, name):
    train, validation, _ = parts
    model = MAKERS[name]().fit(train, validation)
    many = clips(480, subjects=24, seed=3, first_subject=20)
    assert accuracy(model, many, ("audio",)) > 0.7  # 0.85 to 0.88
    assert accuracy(model, many, ("video",)) > 0.28  # 0.33 to 0.59; chance is 0.25 +- 0.02


def test_incomplete_clips_do_not_train(parts):
    train, validation, test = parts
    some = np.arange(0, 120, 3)
    whole = np.delete(np.arange(120), some)
    expected = SVMModel(4).fit(train.select(whole), validation)
    model = SVMModel(4).fit(without(train, "video", some), validation)
    np.testing.assert_array_equal(model.predict_proba(test), expected.predict_proba(test))


def test_merml_keeps_what_it_chose_and_what_it_learned(parts):
    train, validation, _ = parts
    model = MERMLModel(4, metric=METRIC).fit(train, validation)
    assert model.chosen_["epochs"] in METRIC["epochs"]
    assert 0.0 <= model.metric_.omega_ <= 1.0
    assert model.chosen_["c"] in model.svm.c
    assert model.chosen_["sigma"] in model.svm.sigma


def test_test_clips_play_no_part_in_training_and_validation_subjects_choose(parts):
    train, validation, test = parts
    wrong = VectorClips(
        validation.clip_id,
        validation.subject,
        np.roll(validation.emotion, 1),
        validation.present,
        validation.features,
    )
    honest = MERMLModel(4, metric=METRIC).fit(train, validation)
    misled = MERMLModel(4, metric=METRIC).fit(train, wrong)
    assert (honest.predict_proba(test) != misled.predict_proba(test)).any()


def test_validation_that_lacks_a_class_is_fine(parts):
    train, validation, test = parts
    model = MERMLModel(4, metric=METRIC).fit(train, validation.select(validation.emotion != 1))
    assert accuracy(model, test) > 0.5


def test_class_with_one_clip_is_fine(parts):
    train, validation, test = parts
    rows = np.flatnonzero((train.emotion != 3) | (np.arange(120) == 3))
    model = MERMLModel(4, metric=METRIC).fit(train.select(rows), validation)
    assert np.isfinite(model.predict_proba(test)).all()


def test_degenerate_folds_are_one_clear_line(parts):
    train, validation, _ = parts
    for model in (SVMModel(4), MERMLModel(4, metric=METRIC)):
        with pytest.raises(DataError, match="none of the 40 validation clips has audio and video"):
            model.fit(train, without(validation, "video", slice(None)))
    singles = train.select(np.arange(4))
    with pytest.raises(DataError, match="MERML cannot learn from 4 clips"):
        MERMLModel(4, inner_folds=1, metric=METRIC).fit(singles, validation)


def test_distances_in_the_joint_space_are_those_of_the_svms_kernel(parts):
    train, validation, test = parts
    model = MAKERS["merml"]().fit(train, validation)
    spaces = model.embeddings(test)
    embedded = model.embed(test.features)
    np.testing.assert_allclose(
        cdist(spaces["joint"], spaces["joint"], "sqeuclidean"),
        embedded.distances(embedded),
        rtol=1e-4,
        atol=1e-4 * embedded.distances(embedded).max(),
    )
    weight = model.chosen_["omega"]
    parts_ = [np.sqrt(1 - weight) * spaces["audio"], np.sqrt(weight) * spaces["video"]]
    np.testing.assert_allclose(np.hstack(parts_), spaces["joint"], rtol=1e-5, atol=1e-6)


def test_vectors_as_they_are_have_no_learned_space_and_one_modality_no_joint_one(parts):
    train, validation, test = parts
    assert MAKERS["svm_concat"]().fit(train, validation).embeddings(test) == {}
    assert list(MAKERS["merml_video"]().fit(train, validation).embeddings(test)) == ["video"]
