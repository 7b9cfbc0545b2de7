"""The learned-metric check: six Gaussian classes whose best possible accuracy is known."""

import functools

import numpy as np
import pytest
from gaussian_problem import bayes_accuracy, concatenated, draw, make_world
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from avlib.metric_learning.merml import MERML
from avlib.systems.common.kernel_svm import Choice, Embedding, KernelSVM
from avlib.systems.common.model import concatenate
from avlib.systems.linear_metric.model import LinearMetricModel
from avlib.systems.merml.model import MERMLModel
from avlib.systems.svm.model import SVMModel

# Few settings, chosen on few divisions: nearly all time goes into learning a metric anew for each,
# and the SVM that must be beaten chooses as usual.
FEW = {"inner_folds": 2, "c": (1.0, 10.0), "sigma": (1.0, 2.5)}


@functools.cache
def problem(seed):
    """The true parameters of a problem, and clips to train, to validate and to test with."""
    world = make_world(seed)
    return (
        world,
        draw(world, 900, 45, seed),
        draw(world, 100, 5, seed + 100, first_subject=45),
        draw(world, 4000, 4000, seed + 200, first_subject=1000),
    )


def accuracy(model, clips):
    return float(np.mean(model.predict_proba(clips).argmax(axis=1) == clips.emotion))


@functools.cache
def merml_accuracy(seed):
    _, train, validation, test = problem(seed)
    return accuracy(MERMLModel(6, **FEW).fit(train, validation), test)


@pytest.mark.parametrize("seed", [1, 4])
def test_thousand_clips_beat_the_concatenation_and_linear_discriminants(seed):
    world, train, validation, test = problem(seed)
    merml = merml_accuracy(seed)
    baseline = accuracy(SVMModel(6).fit(train, validation), test)
    everything = concatenate(train, validation)
    discriminant = LinearDiscriminantAnalysis().fit(concatenated(everything), everything.emotion)

    assert merml >= baseline + 0.04
    assert merml >= discriminant.score(concatenated(test), test.emotion)
    assert merml < bayes_accuracy(world)


def test_metric_per_modality_beats_the_joint_metrics():
    _, train, validation, test = problem(4)
    candidates = {
        "lmnn": {"max_iter": [0, 10]},
        "itml": {"gamma": [0.1, 1.0], "pairs": 500},
        "gmml": {"t": [0.0, 0.1, 0.3, 0.5]},
    }
    for method, settings in candidates.items():
        joint = LinearMetricModel(6, method=method, metric=settings, **FEW)
        assert 0.5 < accuracy(joint.fit(train, validation), test) < merml_accuracy(4) - 0.01


def test_ten_thousand_clips_come_within_two_points_of_the_best_possible():
    world = make_world(1)
    train, test = draw(world, 10_000, 100, 1), draw(world, 4000, 4000, 201, first_subject=1000)
    metric = MERML(dim=60).fit(train.features, train.emotion, train.subject)
    # The SVM needs no selection here and would take minutes with it.
    some = train.select(np.arange(5000))
    choice = Choice(1.0, 1.0, 1.0, 0.0, 0.0, np.zeros((6, 6)))
    svm = KernelSVM(6).fit(
        Embedding(metric.project(some.features), metric.weights_), some.emotion, choice
    )
    probabilities = svm.predict_proba(Embedding(metric.project(test.features), metric.weights_))
    assert np.mean(probabilities.argmax(axis=1) == test.emotion) > bayes_accuracy(world) - 0.02
