import itertools

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize
from scipy.spatial.distance import cdist
from scipy.special import expit, softmax
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.svm import SVC

from avlib.metric_learning.merml import MERML
from avlib.runtime.errors import DataError
from avlib.systems.common.decision import coupled, fit_temperature
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
    train, validation = clips(120, seed=1, spread=0.7), clips(40, subjects=2, seed=2, spread=0.7)
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
    assert choice.nll == pytest.approx(min(nll.values()), rel=1e-4)
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
        expected = fitted.decision_function(embedded(validation))
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

    def probabilities(temperature):
        return softmax(values / temperature, axis=1)

    labels = np.array([rng.choice(3, p=row) for row in probabilities(0.5)])
    assert fit_temperature(probabilities, labels)[0] == pytest.approx(0.5, abs=0.02)
    assert fit_temperature(probabilities, labels[:0]) == (1.0, 0.0)


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_pairs_that_agree_give_the_probabilities_that_they_come_from(n_classes):
    expected = np.random.default_rng(0).dirichlet(np.full(n_classes, 0.5), size=200)
    pairs = itertools.combinations(range(n_classes), 2)
    odds = np.stack([np.log(expected[:, i] / expected[:, j]) for i, j in pairs], axis=1)
    sure = (abs(odds) < 15).all(axis=1)  # nearer to 0 and 1 than that no pair is taken to be
    assert sure.sum() > 50
    found = coupled(3 * odds[sure], np.arange(n_classes), n_classes, 3.0)
    np.testing.assert_allclose(found, expected[sure], atol=1e-6)


def test_pairs_that_disagree_are_coupled_by_the_least_squares_of_wu_lin_and_weng():
    rng = np.random.default_rng(0)
    for decisions in rng.normal(scale=2, size=(20, 6)):
        r = np.full((4, 4), np.nan)
        for (i, j), value in zip(itertools.combinations(range(4), 2), decisions, strict=True):
            r[i, j], r[j, i] = expit(value / 0.7), expit(-value / 0.7)

        def loss(p, r=r):
            pairs = itertools.permutations(range(4), 2)
            return sum((r[j, i] * p[i] - r[i, j] * p[j]) ** 2 for i, j in pairs)

        best = minimize(
            loss,
            np.full(4, 0.25),
            bounds=[(0, 1)] * 4,
            constraints=LinearConstraint(np.ones(4), 1, 1),
            options={"ftol": 1e-12},
        )
        [found] = coupled(decisions[None], np.arange(4), 4, 0.7)
        np.testing.assert_allclose(found, best.x, atol=1e-4)


def test_decisions_without_bounds_give_probabilities():
    decisions = np.array([[1e6, 1e6, -1e6], [1e6, -1e6, 1e6], [0.0, 0.0, 0.0]])
    found = coupled(decisions, np.array([1, 3, 4]), 5, 0.02)
    np.testing.assert_allclose(found[:, 1], [1.0, 1 / 3, 1 / 3], atol=1e-6)
    assert not found[:, [0, 2]].any()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_sure_decision_is_likelier_to_be_right(clips):
    train, validation, test = (
        clips(n, subjects=3, seed=seed, spread=1.0) for n, seed in ((60, 1), (60, 2), (400, 3))
    )
    svm = KernelSVM(4)
    choice = svm.select([both(train, validation)])
    probabilities = svm.fit(embedded(train), train.emotion, choice).predict_proba(embedded(test))
    right = probabilities.argmax(axis=1) == test.emotion
    assert roc_auc_score(right, probabilities.max(axis=1)) > 0.65  # of votes 0.47


def test_one_modality_alone_has_the_temperature_that_fits_it(clips):
    """That of an SVM which judges the same clips by the same machines through one modality."""
    train, validation = clips(120, seed=1, spread=0.8), clips(80, subjects=2, seed=2, spread=0.8)
    svm = KernelSVM(4, c=(0.3, 3.0), sigma=(0.7, 1.5))
    alone = {
        m: Embedding({m: validation.features[m]}, embedded(validation).weights)
        for m in ("audio", "video")
    }
    choice = svm.select([(*both(train, validation), alone)])
    assert set(choice.alone) == {"audio", "video"}
    fitted = svm.fit(embedded(train), train.emotion, choice)
    for modality, part in alone.items():
        decisions = fitted.decision_function(part)

        def nll(temperature, decisions=decisions):
            probabilities = coupled(decisions, np.arange(4), 4, temperature)
            return log_loss(validation.emotion, probabilities, labels=range(4))

        temperature = choice.alone[modality]
        assert nll(temperature) < min(nll(1.05 * temperature), nll(temperature / 1.05))
        np.testing.assert_allclose(
            fitted.predict_proba(part, modality),
            coupled(decisions, np.arange(4), 4, temperature),
        )
    again = KernelSVM(4).restore(fitted.state())
    assert again.alone_ == fitted.alone_ == choice.alone


@pytest.mark.parametrize("joint", [False, True])
def test_one_modality_alone_decides_as_the_fitted_svm_does_by_it(clips, joint):
    """Whether its vectors are among those of all, or were made anew as a joint map must."""
    train, validation = clips(90, seed=1), clips(40, subjects=2, seed=2)
    if joint:
        learned, judged = (
            Embedding({"joint": np.hstack(list(c.features.values()))}, {"joint": 1.0})
            for c in (train, validation)
        )
        silent = validation.features | {"audio": 0 * validation.features["audio"]}
        alone = Embedding({"joint": np.hstack(list(silent.values()))}, {"joint": 1.0})
    else:
        learned, judged = embedded(train), embedded(validation)
        alone = Embedding({"video": judged.vectors["video"]}, judged.weights)
    svm = KernelSVM(4, c=(1.0,), sigma=(1.0,))
    held_out = svm.held_out((learned, train.emotion), (judged, validation.emotion), {"v": alone})
    fitted = svm.fit(learned, train.emotion, Choice(1.0, 1.0, 1.0, 0.0, 0.0, np.zeros((0, 0))))
    found = held_out.alone["v"][1.0, 1.0]
    np.testing.assert_allclose(found, fitted.decision_function(alone), atol=5e-3)
    assert abs(found - held_out.decisions[1.0, 1.0]).max() > 0.1
