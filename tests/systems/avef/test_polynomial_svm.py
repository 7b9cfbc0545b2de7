import numpy as np
import pytest
from sklearn.svm import SVC

from avlib.systems.avef.polynomial_svm import PolynomialSVM, fit_by_subjects, fit_svm


def samples(seed, n=90, d=5, n_classes=3):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    centres = 2 * np.random.default_rng(7).normal(size=(n_classes, d))
    return 3 * (centres[y] + rng.normal(size=(n, d))) + 50, y


def pairs(svc, x):
    """Return scikit-learn's decisions of pairs, positive for the first; it turns a single one."""
    decisions = svc.decision_function(x)
    return -decisions[:, None] if decisions.ndim == 1 else decisions


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("degree", [1, 3])
def test_decisions_are_those_of_scikit_learns_polynomial_kernel(n_classes, degree):
    (x, y), (asked, _) = samples(0, n_classes=n_classes), samples(1, n_classes=n_classes)
    gamma = 1 / x.var(axis=0).sum()
    other = SVC(
        C=2.0, kernel="poly", degree=degree, gamma=gamma, coef0=1.0, tol=1e-6,
        decision_function_shape="ovo",
    ).fit(x - x.mean(0), y)  # fmt: skip
    ours = PolynomialSVM(n_classes, c=2.0, degree=degree).fit(x, y)
    np.testing.assert_allclose(
        ours.decision_function(asked), pairs(other, asked - x.mean(0)), atol=0.02
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_libsvms_kernel_decides_as_its_own_defaults_do(n_classes):
    """Units of a belief network are between 0 and 1; the paper's SVM took them as they are."""
    (x, y), (asked, _) = samples(0, n_classes=n_classes), samples(1, n_classes=n_classes)
    x, asked = (1 / (1 + np.exp(50 - values)) for values in (x, asked))
    other = SVC(kernel="poly", gamma="auto", decision_function_shape="ovo", tol=1e-6).fit(x, y)
    assert (other.C, other.degree, other.coef0) == (1.0, 3, 0.0)
    ours = PolynomialSVM(n_classes, c=1.0, degree=3, kernel="libsvm").fit(x, y)
    again = PolynomialSVM.restored(n_classes, ours.state())
    for svm in (ours, again):
        np.testing.assert_allclose(svm.decision_function(asked), pairs(other, asked), atol=0.02)


@pytest.mark.parametrize("kernel", ["scaled", "libsvm"])
def test_both_choices_of_settings_keep_to_the_kernel_asked_for(kernel):
    learned, held_out = samples(0), samples(1)
    subject = np.array([f"S{k % 5}" for k in range(len(learned[1]))])
    for svm in (
        fit_svm(3, [1.0], [1, 2], learned, held_out, kernel),
        fit_by_subjects(3, [1.0], [1, 2], learned, subject, 2, kernel),
    ):
        assert svm.kernel == kernel
        assert (svm.gamma_ == 1 / 5) == (kernel == "libsvm")


def test_scale_and_place_of_the_features_do_not_matter():
    (x, y), (asked, _) = samples(0), samples(1)
    one = PolynomialSVM(3, c=1.0, degree=3).fit(x, y).predict_proba(asked)
    two = PolynomialSVM(3, c=1.0, degree=3).fit(x / 40 - 9, y).predict_proba(asked / 40 - 9)
    np.testing.assert_allclose(one, two, atol=1e-3)


def test_a_class_without_training_samples_has_no_chance():
    x, y = samples(0, n_classes=2)
    probabilities = PolynomialSVM(4, c=1.0, degree=3).fit(x, 1 + 2 * y).predict_proba(x)
    assert (probabilities[:, [0, 2]] == 0).all()
    np.testing.assert_allclose(probabilities.sum(1), 1)


def test_calibration_makes_certain_what_is_right_and_unsure_what_is_not():
    x, y = samples(0)
    svm = PolynomialSVM(3, c=1.0, degree=3).fit(x, y)
    decided = svm.predict_proba(x).argmax(1)
    likelihood, accuracy = svm.calibrate(x, decided)
    probabilities = svm.predict_proba(x)
    assert accuracy == 1
    assert likelihood == pytest.approx(np.log(probabilities.max(1)).mean())
    assert probabilities.max(1).mean() > 0.95
    assert svm.calibrate(x, (decided + 1) % 3)[1] < 0.05
    assert svm.predict_proba(x).max(1).mean() < 0.4


def test_features_that_are_all_alike_give_finite_chances():
    probabilities = PolynomialSVM(2, c=1.0, degree=3).fit(np.ones((6, 2)), np.arange(6) % 2)
    assert np.isfinite(probabilities.predict_proba(np.ones((1, 2)))).all()


def test_state_comes_back_the_same():
    x, y = samples(0)
    svm = PolynomialSVM(3, c=1.0, degree=2).fit(x, y)
    svm.calibrate(x, y)
    again = PolynomialSVM.restored(3, svm.state())
    assert (again.predict_proba(x) == svm.predict_proba(x)).all()


def turned(seed, n=120):
    """Two rings, the inner one of class 0: no line divides them, a parabola does."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    radius = 1.0 + 2.0 * y + 0.1 * rng.normal(size=n)
    angle = rng.uniform(0, 2 * np.pi, n)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), y


def test_the_degree_that_tells_unseen_samples_apart_is_chosen():
    learned, held_out = turned(0), turned(1)
    chosen = fit_svm(2, [1.0], [1, 2], learned, held_out)
    assert (chosen.c, chosen.degree) == (1.0, 2)
    chosen = fit_svm(2, [1e-6, 1.0, 100.0], [1, 2], learned, held_out)
    right = {}
    for c in (1e-6, 1.0, 100.0):
        for degree in (1, 2):
            svm = PolynomialSVM(2, c=c, degree=degree).fit(*learned)
            right[c, degree] = (svm.predict_proba(held_out[0]).argmax(1) == held_out[1]).mean()
    assert right[chosen.c, chosen.degree] == max(right.values()) > min(right.values())


def test_the_chosen_svm_is_calibrated_on_what_is_held_out():
    learned, held_out = turned(0), turned(1)
    alone = PolynomialSVM(2, c=1.0, degree=2).fit(*learned)
    alone.calibrate(*held_out)
    chosen = fit_svm(2, [1.0], [2], learned, held_out)
    assert chosen.temperature_ == alone.temperature_ != 1


def test_the_first_settings_stand_where_there_is_nothing_to_choose_by():
    learned = turned(0)
    nobody = learned[0][:0], learned[1][:0]
    chosen = fit_svm(2, [3.0, 1.0], [2, 1], learned, nobody)
    assert (chosen.c, chosen.degree, chosen.temperature_) == (3.0, 2, 1.0)
    same = np.ones((8, 2)), np.arange(8) % 2
    chosen = fit_svm(2, [3.0, 1.0], [2, 1], same, same)
    assert (chosen.c, chosen.degree) == (3.0, 2)


def test_settings_are_those_that_do_best_on_subjects_left_out():
    x, y = turned(0)
    subject = np.array([f"S{k}" for k in np.arange(120) // 30])
    settings = [(c, degree) for c in (1e-6, 1.0) for degree in (1, 2)]
    right = dict.fromkeys(settings, 0)
    for left_out in np.unique(subject):
        rows = subject != left_out
        for c, degree in settings:
            svm = PolynomialSVM(2, c=c, degree=degree).fit(x[rows], y[rows])
            right[c, degree] += (svm.predict_proba(x[~rows]).argmax(1) == y[~rows]).sum()
    chosen = fit_by_subjects(2, [1e-6, 1.0], [1, 2], (x, y), subject, 4)
    assert right[chosen.c, chosen.degree] == max(right.values()) > min(right.values())
    whole = PolynomialSVM(2, c=chosen.c, degree=chosen.degree).fit(x, y)
    np.testing.assert_array_equal(chosen.predict_proba(x), whole.predict_proba(x))


def test_one_division_or_one_subject_leaves_the_first_settings():
    learned = turned(0)
    alike, apart = np.full(120, "S0"), np.arange(120).astype(str)
    for subject, n in ((alike, 4), (apart, 1)):
        chosen = fit_by_subjects(2, [3.0, 1.0], [1, 2], learned, subject, n)
        assert (chosen.c, chosen.degree) == (3.0, 1)


def test_samples_that_no_margin_divides_are_given_up_on_in_time():
    rng = np.random.default_rng(0)
    x, y = rng.standard_cauchy((120, 3)), rng.integers(0, 2, 120)
    svm = PolynomialSVM(2, c=1e6, degree=3).fit(x, y)
    assert np.isfinite(svm.predict_proba(x)).all()
