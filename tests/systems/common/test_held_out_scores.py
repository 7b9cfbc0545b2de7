import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

from avlib.systems.common.held_out_scores import held_out_scores
from avlib.systems.common.inner_splits import inner_splits
from avlib.systems.common.kernel_svm import Choice, KernelSVM
from avlib.systems.late_fusion.model import LateFusionModel
from avlib.systems.linear_metric.model import LinearMetricModel
from avlib.systems.merml.model import MERMLModel
from avlib.systems.svm.model import SVMModel


def test_scores_are_scikit_learns_also_where_a_class_is_missing():
    truth, said = np.array([0, 0, 0, 1, 3, 3]), np.array([0, 1, 2, 1, 3, 0])
    found = held_out_scores(confusion_matrix(truth, said, labels=range(4)))
    assert found["held_out_accuracy"] == pytest.approx(accuracy_score(truth, said))
    with pytest.warns(UserWarning, match="not in y_true"):
        expected = balanced_accuracy_score(truth, said)
    assert found["held_out_uar"] == pytest.approx(expected)
    assert found["held_out_clips"] == 6


def refitted(model, train, validation, embedded):
    """Return how often SVMs of the chosen settings, fitted anew in each division, are right."""
    c, sigma, temperature = model.chosen_["c"], model.chosen_["sigma"], model.svm_.temperature_
    choice = Choice(c, sigma, temperature, 0.0, 0.0, None)
    right = []
    for learned, judged in inner_splits(train, validation, model.inner_folds):
        made = embedded(learned)
        svm = KernelSVM(4).fit(made(learned), learned.emotion, choice)
        right.append(svm.predict_proba(made(judged)).argmax(axis=1) == judged.emotion)
    return np.concatenate(right).mean()


def test_svm_says_how_clips_that_its_divisions_held_out_are_recognised(parts):
    train, validation, _ = parts
    model = SVMModel(4).fit(train, validation)
    expected = refitted(model, train, validation, lambda _: lambda c: model.embed(c.features))
    assert model.chosen_["held_out_accuracy"] == pytest.approx(expected)
    assert model.chosen_["held_out_clips"] == len(train) + len(validation)


@pytest.mark.parametrize(
    "model",
    [
        LinearMetricModel(4, method="gmml", metric={"t": [0.1, 0.5]}),
        MERMLModel(4, metric={"dim": 5, "epochs": [0], "init": ["pca", "whitened"]}),
    ],
)
def test_metric_is_learned_anew_in_each_division(parts, model):
    train, validation, _ = parts
    model.fit(train, validation)
    names = ("t",) if isinstance(model, LinearMetricModel) else ("init", "epochs", "omega")
    settings = {name: model.chosen_[name] for name in names}
    if "omega" in settings:
        settings["omega"] = model.metric_.omega_

    def embedded(learned):
        metric = model.learn(learned, settings)
        return lambda clips: model.embedded(metric, clips.features)

    expected = refitted(model, train, validation, embedded)
    assert model.chosen_["held_out_accuracy"] == pytest.approx(expected)


def test_late_fusion_scores_what_its_weight_makes_of_both(parts):
    train, validation, _ = parts
    for weight, modality in ((0.0, "audio"), (1.0, "video")):
        fused = LateFusionModel(4, weights=(weight,)).fit(train, validation)
        alone = SVMModel(4, (modality,)).fit(train, validation)
        for name in ("held_out_accuracy", "held_out_uar", "held_out_clips"):
            assert fused.chosen_[name] == pytest.approx(alone.chosen_[name])
