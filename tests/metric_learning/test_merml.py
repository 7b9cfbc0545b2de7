import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from avlib.metric_learning.base import squared_distances
from avlib.metric_learning.descent import Descent
from avlib.metric_learning.merml import MERML
from avlib.metric_learning.pairs import PairSampler
from avlib.metric_learning.training_subspace import principal_subspace

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
QUICK = {"dim": 4, "epochs": 2, "pairs_per_epoch": 400, "batch_size": 16}


def toy(n=90, dims=(8, 12), seed=0):
    """Three classes that differ in two features of each modality, ten subjects."""
    rng = np.random.default_rng(seed)
    y, groups = np.tile([0, 1, 2], n // 3), np.repeat(np.arange(n // 9), 9)
    X = {}
    for modality, d in zip(("audio", "video"), dims, strict=True):
        means = np.zeros((3, d))
        means[:, :2] = rng.normal(size=(3, 2))
        X[modality] = (
            means[y] + rng.normal(size=(n // 9, d))[groups] + 0.5 * rng.normal(size=(n, d))
        )
    return X, y, groups


def paper_descent(X, y, groups, start, learning_rate, n_pairs, seed):
    """Online descent of eqs. 4-7, pair by pair, in the features' own units."""
    scale = {m: 2 * np.var(v, axis=0).sum() * len(v) / (len(v) - 1) for m, v in X.items()}
    W = {m: w.astype(np.float64) for m, w in start.W_.items()}
    omega, b = 0.5, start.b_
    sampler = PairSampler(y, groups, seed=int(np.random.SeedSequence(seed).generate_state(3)[0]))
    first, second, _ = sampler.sample(4000)
    E = start.transform(X).astype(np.float64)
    mean_distance = np.mean(((E[first] - E[second]) ** 2).sum(axis=1))
    first, second, sign = sampler.sample(n_pairs)
    for t, (i, j, s) in enumerate(zip(first, second, sign, strict=True)):
        rate = learning_rate * (1 - t / n_pairs)
        gap = {m: X[m][i] - X[m][j] for m in X}
        d = {m: np.sum((W[m] @ gap[m]) ** 2) for m in X}
        if s * (b - (omega * d["video"] + (1 - omega) * d["audio"])) >= 1:
            continue
        for m, weight in (("audio", 1 - omega), ("video", omega)):
            W[m] = W[m] - rate / scale[m] * s * 2 * weight * np.outer(W[m] @ gap[m], gap[m])
        b += rate * s
        slope = s * (d["video"] - d["audio"])
        omega = min(1.0, max(0.0, omega - 0.01 * rate / mean_distance * slope))
    return W, omega, b


def test_batch_of_one_is_the_papers_online_descent():
    X, y, groups = toy()
    arguments = {"dim": 4, "learning_rate": 0.02, "hard_fraction": 0.0, "batch_size": 1, "seed": 3}
    start = MERML(epochs=0, **arguments).fit(X, y, groups)
    fitted = MERML(epochs=1, pairs_per_epoch=500, **arguments).fit(X, y, groups)
    W, omega, b = paper_descent(X, y, groups, start, 0.02, 500, seed=3)
    for modality in X:
        assert np.abs(fitted.W_[modality] - start.W_[modality]).max() > 0.01
        np.testing.assert_allclose(fitted.W_[modality], W[modality], atol=1e-5)
    assert fitted.omega_ == pytest.approx(omega, abs=1e-5)
    assert fitted.b_ == pytest.approx(b, abs=1e-5)


def test_learning_separates_classes_better_than_its_start():
    X, y, groups = toy(n=270)
    ratios = []
    for epochs in (0, 10):
        fitted = MERML(dim=8, epochs=epochs, pairs_per_epoch=2000).fit(X, y, groups)
        distance = squared_distances(fitted.transform(X), fitted.transform(X))
        same = y[:, None] == y[None]
        ratios.append(distance[same].mean() / distance[~same].mean())
    assert ratios[1] < 0.6 * ratios[0]


@pytest.mark.parametrize("modality", ["audio", "video"])
def test_one_modality_alone_has_no_omega(modality):
    X, y, groups = toy()
    fitted = MERML(**QUICK).fit({modality: X[modality]}, y, groups)
    assert fitted.omega_ is None
    assert fitted.weights_ == {modality: 1.0}
    assert fitted.transform({modality: X[modality]}).shape == (90, 4)


def test_more_features_than_samples_give_the_same_metric_as_their_span(monkeypatch):
    X, y, groups = toy(n=45, dims=(150, 200))
    X = {m: v.astype(np.float32) for m, v in X.items()}
    narrow = MERML(**QUICK).fit(X, y, groups)
    monkeypatch.setattr(
        "avlib.metric_learning.training_subspace.SUBSPACE_RATIO", np.inf
    )  # no rotation
    wide = MERML(**QUICK).fit(X, y, groups)
    assert narrow.b_ == pytest.approx(wide.b_, abs=1e-4)
    assert narrow.omega_ == pytest.approx(wide.omega_, abs=1e-5)
    distances = [squared_distances(e, e) for e in (narrow.transform(X), wide.transform(X))]
    np.testing.assert_allclose(*distances, rtol=2e-3, atol=1e-3)


def test_pca_start_keeps_the_leading_variance():
    X, y, _ = toy()
    start = MERML(dim=3, epochs=0).fit({"video": X["video"]}, y)
    centred = X["video"] - X["video"].mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:3]
    metric = start.W_["video"].T @ start.W_["video"]
    np.testing.assert_allclose(metric / metric.trace() * 3, axes.T @ axes, atol=1e-5)


def test_random_start_is_seeded_and_blind_to_what_training_never_showed():
    X, y, _ = toy(n=45, dims=(150, 20))
    X["video"][:, 5] = 1.0
    a, b, other = (MERML(**QUICK, init="random", seed=s).fit(X, y) for s in (0, 0, 1))
    np.testing.assert_array_equal(a.W_["audio"], b.W_["audio"])
    assert (a.W_["audio"] != other.W_["audio"]).any()
    assert not a.W_["video"][:, 5].any()
    outside = np.linalg.svd(X["audio"] - X["audio"].mean(axis=0))[2][-1]
    np.testing.assert_allclose(a.W_["audio"] @ outside, 0.0, atol=1e-5)


def test_first_scale_makes_the_margin_meaningful_in_any_unit():
    X, y, groups = toy()
    fits = [
        MERML(**QUICK).fit({m: unit * v for m, v in X.items()}, y, groups)
        for unit in (1.0, 1e-3, 1e3)
    ]
    for other, unit in zip(fits[1:], (1e-3, 1e3), strict=True):
        assert other.b_ == pytest.approx(fits[0].b_, abs=1e-3)
        np.testing.assert_allclose(other.W_["audio"] * unit, fits[0].W_["audio"], atol=1e-3)


def test_two_runs_and_other_thread_counts_give_the_same_bits():
    X, y, groups = toy(n=180, dims=(300, 60))
    before = torch.get_num_threads()
    fits = []
    for threads in (1, 2, 2):
        torch.set_num_threads(threads)
        fits.append(MERML(**QUICK).fit(X, y, groups))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    for other in fits[1:]:
        assert other.b_ == fits[0].b_
        for modality in X:
            np.testing.assert_array_equal(other.W_[modality], fits[0].W_[modality])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_gives_the_cpus_metric(monkeypatch):
    X, y, groups = toy(n=180)
    fits = {}
    for device in ("cpu", "cuda"):
        monkeypatch.setenv("AVLIB_DEVICE", device)
        fits[device] = MERML(**QUICK).fit(X, y, groups)
    for modality in X:
        np.testing.assert_allclose(
            fits["cuda"].W_[modality], fits["cpu"].W_[modality], rtol=1e-4, atol=1e-4
        )


def test_rounding_does_not_grow_on_the_way_down():
    """What double precision would change; a GPU rounds otherwise, too."""
    X, y, groups = toy(n=180)
    ends = []
    for kind in (np.float32, np.float64):
        spans = {m: principal_subspace(v, 4, seed=0) for m, v in X.items()}
        spans = {
            m: replace(s, coordinates=s.coordinates.astype(kind), axes=s.axes.astype(kind))
            for m, s in spans.items()
        }
        sampler, descent = (
            PairSampler(y, groups),
            Descent({v: (s, s.axes) for v, s in spans.items()}),
        )
        descent.scale(*sampler.sample(1000))
        for first, second, sign in descent.batches(*sampler.sample(16000), size=16):
            descent.step(first, second, sign.to(descent.W["audio"].dtype), 0.3)
        ends.append({m: W.numpy() for m, W in descent.W.items()})
    for modality in X:
        np.testing.assert_allclose(ends[0][modality], ends[1][modality], rtol=1e-4, atol=1e-4)


def test_constant_and_repeated_features_do_no_harm():
    X, y, groups = toy()
    X["audio"][:, 3] = 7.0
    X["video"] = np.zeros((90, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        fitted = MERML(**QUICK).fit(X, y, groups)
    assert np.isfinite(fitted.transform(X)).all()
    everything_equal = MERML(**QUICK).fit({"audio": np.ones((90, 5))}, y, groups)
    assert not everything_equal.project({"audio": X["audio"][:, :5]})["audio"].any()


def test_class_with_one_sample_is_accepted():
    X, y, groups = toy()
    y = y.copy()
    y[0] = 3
    assert np.isfinite(MERML(**QUICK).fit(X, y, groups).transform(X)).all()


def test_bad_input_names_what_is_wrong():
    X, y, groups = toy()
    broken = {m: v.copy() for m, v in X.items()}
    broken["video"][17, 2] = np.nan
    with pytest.raises(ValueError, match="video contains NaN"):
        MERML().fit(broken, y)
    with pytest.raises(ValueError, match="at least two classes"):
        MERML().fit(X, np.zeros(90, int))
    with pytest.raises(ValueError, match=r"\(90,\).*\(89,\)"):
        MERML().fit(X, y[1:])
    with pytest.raises(ValueError, match=r"groups must have shape \(90,\)"):
        MERML().fit(X, y, groups[1:])
    with pytest.raises(ValueError, match="same samples"):
        MERML().fit({"audio": X["audio"], "video": X["video"][1:]}, y)
    fitted = MERML(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match="audio features have 5 columns"):
        fitted.transform({"audio": X["audio"][:, :5], "video": X["video"]})


@pytest.mark.parametrize(
    "argument",
    [{"dim": 0}, {"init": "zca"}, {"learning_rate": 0}, {"batch_size": 0}, {"hard_fraction": 2}],
)
def test_impossible_parameter_is_named(argument):
    X, y, _ = toy()
    with pytest.raises(ValueError, match=next(iter(argument))):
        MERML(**argument).fit(X, y)


def test_stopping_too_early_warns():
    X, y, groups = toy(n=270)
    with pytest.warns(ConvergenceWarning, match="more epochs"):
        MERML(dim=8, epochs=1, pairs_per_epoch=200).fit(X, y, groups)


def test_divergence_is_an_error_not_nan():
    X, y, groups = toy()
    with pytest.raises(FloatingPointError, match="learning_rate"):
        MERML(dim=4, learning_rate=1e30, epochs=5, pairs_per_epoch=2000).fit(X, y, groups)


def test_parameters_are_only_stored():
    estimator = MERML(dim=7, hard_fraction=0.5)
    assert clone(estimator).get_params() == estimator.get_params()
    assert not [name for name in vars(estimator) if name.endswith("_")]


def several_views():
    """Two views of sound, one of faces; the second of sound holds nothing but noise."""
    X, y, groups = toy(n=180)
    noise = np.random.default_rng(9).normal(size=(180, 6))
    return {"audio.a": X["audio"], "audio.b": noise, "video": X["video"]}, y, groups


def test_views_of_a_modality_share_its_weight():
    X, y, groups = several_views()
    fitted = MERML(**QUICK, omega=0.4).fit(X, y, groups)
    assert fitted.weights_ == pytest.approx({"audio.a": 0.3, "audio.b": 0.3, "video": 0.4})
    assert fitted.omega_ == 0.4
    equal = MERML(**QUICK, omega="equal").fit(X, y, groups)
    assert equal.weights_ == pytest.approx(dict.fromkeys(X, 1 / 3))
    again = equal.reweighted(0.4)
    assert again.weights_ == fitted.weights_
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))


def test_one_view_of_each_is_the_modality_itself():
    X, y, groups = toy()
    named = {f"{modality}.only": values for modality, values in X.items()}
    expected = MERML(**QUICK).fit(X, y, groups).transform(X)
    np.testing.assert_array_equal(MERML(**QUICK).fit(named, y, groups).transform(named), expected)


def test_whitened_start_is_the_inverse_root_of_the_shrunk_scatter_within_classes():
    X, y, _ = toy()
    fitted = MERML(dim=12, init="whitened", epochs=0).fit({"video": X["video"]}, y)
    Z = X["video"] - X["video"].mean(axis=0)
    within = sum(np.cov(Z[y == c].T, bias=True) * np.mean(y == c) for c in range(3))
    metric = np.linalg.inv(within + Z.var(axis=0).mean() * np.eye(12))
    found = fitted.W_["video"].astype(float)
    found = found.T @ found
    np.testing.assert_allclose(found / np.trace(found), metric / np.trace(metric), atol=1e-6)


def test_regularisation_holds_the_metric_near_its_start():
    X, y, groups = toy(n=180)
    start = MERML(**QUICK | {"epochs": 0}).fit(X, y, groups)
    moved = [
        np.linalg.norm(
            MERML(**QUICK, regularisation=r).fit(X, y, groups).W_["audio"] - start.W_["audio"]
        )
        for r in (0.0, 0.3, 3.0)
    ]
    assert moved[0] > 1.5 * moved[1] > 2 * moved[2]
