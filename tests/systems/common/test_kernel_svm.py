import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import log_loss
from sklearn.svm import SVC

from avlib.metric_learning.merml import MERML
from avlib.runtime.errors import DataError
from avlib.systems.common.decision import fit_temperature, one_vs_rest, softmax
from avlib.systems.common.kernel_svm import Choice, Embedding, KernelSVM

FIXED = Choice(3.0, 1.0, 1.0, 0.0, 0.0, np.zeros((0, 0)))


def embedded(clips, audio=0.3, video=0.7):
    return Embedding(clips.features, {"audio": audio, "video": video})


def width_of(points):
    return np.sqrt(np.median(cdist(points, points, "sqeuclidean")[np.triu_indices(len(points), 1)]))


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_decisions_from_stored_arrays_are_scikit_learns(clips, n_classes):
    train, test = (clips(120, n_classes, seed=s) for s in (1, 2))
    svm = KernelSVM(n_classes).fit(embedded(train), train.emotion, FIXED)
    joint, new = (
        np.hstack([0.3**0.5 * c.features["audio"], 0.7**0.5 * c.features["video"]])
        for c in (train, test)
    )
    gamma = 1 / (2 * width_of(joint) ** 2)
    oracle = SVC(C=3.0, gamma=gamma, decision_function_shape="ovo", tol=1e-3, break_ties=False)
    oracle.fit(joint, train.emotion)
    pairwise = svm.decision_function(embedded(test))
    expected = oracle.decision_function(new)
    expected = -expected[:, None] if n_classes == 2 else expected
    np.testing.assert_allclose(pairwise, expected, atol=5e-3)  # libsvm's own stopping tolerance
    if n_classes > 2:
        oracle.set_params(decision_function_shape="ovr", break_ties=True)
        ours = one_vs_rest(expected, n_classes)
        np.testing.assert_allclose(ours, oracle.decision_function(new), atol=1e-9)
        np.testing.assert_array_equal(ours.argmax(axis=1), oracle.predict(new))


def test_kernel_is_an_ordinary_rbf_on_the_joint_embedding_and_positive_semidefinite(clips):
    """Eq. 9 equals eq. 8 on [sqrt(1 - omega) W_a x_a ; sqrt(omega) W_v x_v]."""
    train = clips(90, seed=4)
    for seed in range(3):
        metric = MERML(dim=4, init="random", epochs=seed, pairs_per_epoch=300, seed=seed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("warnings.warn", lambda *args, **kwargs: None)
            metric.fit(train.features, train.emotion, train.subject)
        ours = Embedding(metric.project(train.features), metric.weights_)
        kernel = np.exp(-ours.distances(ours) / 2)
        joint = metric.transform(train.features)
        np.testing.assert_allclose(
            kernel, np.exp(-cdist(joint, joint, "sqeuclidean") / 2), atol=1e-5
        )
        assert np.linalg.eigvalsh(kernel).min() > -1e-9


def test_missing_modality_hands_its_weight_to_the_other(clips):
    some = clips(10)
    both = embedded(some)
    alone = Embedding({"video": some.features["video"]}, both.weights)
    expected = cdist(some.features["video"], some.features["video"], "sqeuclidean")
    np.testing.assert_allclose(alone.distances(both), expected, atol=1e-4)


def test_modality_with_weight_zero_still_answers_alone(clips):
    some = clips(10)
    alone = Embedding({"video": some.features["video"]}, {"audio": 1.0, "video": 0.0})
    assert alone.distances(embedded(some, audio=1.0, video=0.0)).max() > 0


def both(train, validation):
    return (embedded(train), train.emotion), (embedded(validation), validation.emotion)


def test_clips_held_out_of_several_splits_are_judged_as_one(clips):
    train, validation = clips(120, seed=1), clips(40, subjects=2, seed=2)
    first, rest = validation.select(slice(0, 10)), validation.select(slice(10, 40))
    svm = KernelSVM(4, c=(0.1, 10.0), sigma=(0.1, 1.0))
    whole, parted = (
        svm.select(both(train, judged) for judged in parts)
        for parts in ([validation], [first, rest])
    )
    assert (parted.c, parted.sigma) == (whole.c, whole.sigma)
    assert parted.nll == pytest.approx(whole.nll, rel=1e-9)
    np.testing.assert_array_equal(parted.confusion, whole.confusion)


def test_choice_makes_the_validation_labels_likeliest(clips):
    train, validation = clips(120, seed=1), clips(40, subjects=2, seed=2)
    svm = KernelSVM(4, c=(0.1, 10.0), sigma=(0.1, 1.0))
    choice = svm.select([both(train, validation)])
    nll, accuracy = {}, {}
    for c in svm.c:
        for sigma in svm.sigma:
            one = KernelSVM(4, c=(c,), sigma=(sigma,))
            chosen = one.select([both(train, validation)])
            fitted = one.fit(embedded(train), train.emotion, chosen)
            probabilities = fitted.predict_proba(embedded(validation))
            nll[c, sigma] = log_loss(validation.emotion, probabilities, labels=range(4))
            accuracy[c, sigma] = np.mean(probabilities.argmax(axis=1) == validation.emotion)
    assert len(set(nll.values())) == 4
    assert (choice.c, choice.sigma) == min(nll, key=nll.get)
    assert choice.nll == pytest.approx(min(nll.values()), rel=1e-6)
    assert choice.accuracy == accuracy[choice.c, choice.sigma]
    assert choice.confusion.sum() == 40
    assert np.trace(choice.confusion) == round(40 * choice.accuracy)


def test_candidates_decide_as_each_alone_and_as_the_fitted_svm(clips):
    train, validation = clips(120, seed=1), clips(70, subjects=2, seed=2)
    svm = KernelSVM(4, c=(0.1, 1e3, 1e4, 1.0), sigma=(0.3, 1.5))
    decisions = svm.held_out(*both(train, validation)).decisions
    for setting, found in decisions.items():
        fixed = Choice(*setting, 1.0, 0.0, 0.0, np.zeros((0, 0)))
        fitted = KernelSVM(4).fit(embedded(train), train.emotion, fixed)
        expected = one_vs_rest(fitted.decision_function(embedded(validation)), 4)
        np.testing.assert_allclose(found, expected, atol=5e-3)  # the solver's tolerance


def test_weights_tried_side_by_side_decide_as_each_alone(clips):
    train, validation = clips(90, seed=1), clips(40, subjects=2, seed=2)
    svm = KernelSVM(4, c=(1.0,), sigma=(1.0,))
    weightings = [{"audio": w, "video": 1 - w} for w in (0.2, 0.9, 0.0)]
    together = svm.held_out_by_weights(*both(train, validation), weightings)
    for found, weights in zip(together, weightings, strict=True):
        pair = [(embedded(part, **weights), part.emotion) for part in (train, validation)]
        np.testing.assert_array_equal(
            found.decisions[1.0, 1.0], svm.held_out(*pair).decisions[1.0, 1.0]
        )


def test_class_that_training_lacks_gets_probability_zero(clips):
    train, validation = clips(120, seed=1), clips(40, subjects=2, seed=2)
    train = train.select(train.emotion != 2)
    svm = KernelSVM(5)
    choice = svm.select([both(train, validation)])
    probabilities = svm.fit(embedded(train), train.emotion, choice).predict_proba(
        embedded(validation)
    )
    np.testing.assert_array_equal(probabilities[:, [2, 4]], 0.0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert choice.confusion[2].sum() == 10


def test_one_emotion_only_is_an_error(clips):
    train = clips(20, n_classes=1)
    with pytest.raises(DataError, match="at least two emotions"):
        KernelSVM(4).fit(embedded(train), train.emotion, FIXED)


def test_identical_clips_do_not_break_the_width():
    same = Embedding({"audio": np.ones((6, 2))}, {"audio": 1.0})
    svm = KernelSVM(2).fit(same, np.array([0, 1] * 3), FIXED)
    assert np.isfinite(svm.predict_proba(same)).all()


def test_temperature_makes_probabilities_honest():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20000, 3))
    labels = np.array([rng.choice(3, p=row) for row in softmax(values, 0.5)])
    assert fit_temperature(values, labels)[0] == pytest.approx(0.5, abs=0.02)
    values[:, 2] = -np.inf  # never learned
    assert fit_temperature(values, np.full(20000, 2)) == (1.0, 0.0)
