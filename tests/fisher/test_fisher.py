import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from avlib.fisher import encoder, vectors, vlfeat
from avlib.fisher.encoder import FisherEncoder, sample_descriptors
from avlib.fisher.mixture import Mixture
from avlib.fisher.vectors import encode_torch
from avlib.runtime.errors import DataError

needs_cyvlfeat = pytest.mark.skipif(
    not vlfeat.AVAILABLE, reason="cyvlfeat is not installed (scripts/install_cyvlfeat.sh)"
)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def random_mixture(n_components, dim, seed=0):
    rng = np.random.default_rng(seed)
    return Mixture(
        rng.dirichlet(np.full(n_components, 5.0)),
        rng.normal(size=(n_components, dim)),
        rng.uniform(0.05, 2.0, size=(n_components, dim)),
    )


def random_clips(lengths, dim, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, dim)).astype(np.float32) for n in lengths]


def like_opensmile(n_clips=12, d=10, seed=2):
    """Exact zeros for stretches, a constant column, scales from 1e-3 to 1e4, collinear columns."""
    rng = np.random.default_rng(seed)
    clips = []
    for _ in range(n_clips):
        clip = rng.normal(size=(rng.integers(80, 120), d)).cumsum(axis=0) / 5
        clip[:, 0] = 7.25
        clip[20:60, 1:4] = 0.0
        clip[:, 4] = clip[:, 5]
        clips.append((clip * np.logspace(-3, 4, d)).astype(np.float32))
    return clips


def by_loops(clip, mixture):
    """Sanchez et al. 2013, eqs. 16-18, one number at a time."""
    weights, means, variances = mixture.weights, mixture.means, mixture.variances
    n_components, dim = means.shape
    of_means = np.zeros((n_components, dim))
    of_deviations = np.zeros((n_components, dim))
    for frame in clip.astype(float):
        joint = [
            weights[k]
            * math.prod(
                norm.pdf(frame[j], means[k, j], math.sqrt(variances[k, j])) for j in range(dim)
            )
            for k in range(n_components)
        ]
        for k in range(n_components):
            posterior = joint[k] / sum(joint)
            if posterior < 1e-6:
                continue
            for j in range(dim):
                z = (frame[j] - means[k, j]) / math.sqrt(variances[k, j])
                of_means[k, j] += posterior * z / math.sqrt(weights[k]) / len(clip)
                of_deviations[k, j] += (
                    posterior * (z * z - 1) / math.sqrt(2 * weights[k]) / len(clip)
                )
    raw = np.concatenate([of_means.ravel(), of_deviations.ravel()])
    powered = np.sign(raw) * np.sqrt(np.abs(raw))
    return powered / np.linalg.norm(powered)


def test_vector_is_the_formula_written_as_loops():
    mixture, clips = random_mixture(3, 4), random_clips([1, 7, 20], 4)
    encoded = encode_torch(clips, mixture, "cpu")
    np.testing.assert_allclose(encoded, [by_loops(clip, mixture) for clip in clips], atol=1e-6)


def test_vector_is_the_normalised_gradient_of_the_log_likelihood():
    mixture, (clip,) = random_mixture(3, 2), random_clips([15], 2)
    shape = mixture.means.shape
    deviations = np.sqrt(mixture.variances)

    def mean_log_likelihood(parameters):
        means, sigmas = parameters.reshape(2, *shape)
        joint = norm.logpdf(clip[:, None, :].astype(float), means, sigmas).sum(2)
        return logsumexp(joint + np.log(mixture.weights), axis=1).mean()

    at = np.concatenate([mixture.means.ravel(), deviations.ravel()])
    of_means, of_deviations = approx_fprime(at, mean_log_likelihood, 1e-6).reshape(2, *shape)
    # Over the square root of the Fisher information: w / sigma^2 and 2 w / sigma^2.
    root = np.sqrt(mixture.weights)[:, None]
    scaled = np.stack([of_means * deviations / root, of_deviations * deviations / (root * 2**0.5)])

    encoded = encode_torch([clip], mixture, "cpu")[0].astype(float)
    unpowered = np.sign(encoded) * encoded**2
    np.testing.assert_allclose(
        unpowered / np.linalg.norm(unpowered),
        scaled.ravel() / np.linalg.norm(scaled),
        atol=1e-5,
    )


@needs_cyvlfeat
@pytest.mark.parametrize(("n_components", "dim"), [(1, 1), (5, 3), (16, 64), (64, 24)])
def test_torch_and_vlfeat_agree(n_components, dim):
    mixture, clips = random_mixture(n_components, dim), random_clips([1, 30, 400], dim)
    ours, theirs = encode_torch(clips, mixture, "cpu"), vlfeat.encode_vlfeat(clips, mixture)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


@needs_cyvlfeat
def test_torch_and_vlfeat_agree_on_a_fitted_mixture_of_awkward_descriptors():
    clips = like_opensmile()
    fitted = FisherEncoder(4, 6, backend="torch").fit(clips)
    ours = fitted.encode(clips)
    np.testing.assert_allclose(ours, fitted.set_params(backend="vlfeat").encode(clips), atol=2e-4)


@needs_gpu
@pytest.mark.gpu
def test_gpu_and_cpu_agree():
    mixture, clips = random_mixture(16, 32), random_clips([1, 30, 400], 32)
    np.testing.assert_allclose(
        encode_torch(clips, mixture, "cuda"), encode_torch(clips, mixture, "cpu"), atol=1e-5
    )


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 30), st.integers(2, 4))
def test_order_and_repetition_of_frames_do_not_matter(seed, n, times):
    mixture, (clip,) = random_mixture(4, 3), random_clips([n], 3, seed)
    shuffled = np.random.default_rng(seed).permutation(np.tile(clip, (times, 1)))
    first, second = encode_torch([clip, shuffled], mixture, "cpu")
    np.testing.assert_allclose(second, first, atol=1e-6)


def test_a_clips_vector_does_not_depend_on_its_company(monkeypatch):
    mixture, clips = random_mixture(5, 6), random_clips([3, 50, 1, 20, 50, 7], 6)
    alone = np.concatenate([encode_torch([clip], mixture, "cpu") for clip in clips])
    np.testing.assert_allclose(encode_torch(clips, mixture, "cpu"), alone, atol=1e-6)
    monkeypatch.setattr(vectors, "BATCH_FRAMES", 60)
    np.testing.assert_allclose(encode_torch(clips, mixture, "cpu"), alone, atol=1e-6)


def test_frames_far_from_every_component_stay_finite():
    mixture, (clip,) = random_mixture(4, 3), random_clips([10], 3)
    encoded = encode_torch([clip * 1e4], mixture, "cpu")
    assert np.isfinite(encoded).all()
    np.testing.assert_allclose(np.linalg.norm(encoded), 1, atol=1e-6)


def test_encoded_clips_have_unit_length_and_the_promised_shape():
    clips = like_opensmile()
    encoded = FisherEncoder(4, 6).fit(clips).encode(clips)
    assert encoded.shape == (12, 2 * 4 * 6)
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(encoded, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("pca_dim", [None, 6])
def test_constant_and_often_zero_descriptors_do_not_collapse_the_mixture(pca_dim):
    fitted = FisherEncoder(8, pca_dim).fit(like_opensmile())
    assert fitted.scale_[0] == 1.0
    assert fitted.variances_.min() >= 0.009
    assert fitted.weights_.min() > 1e-4
    encoded = fitted.encode(like_opensmile())
    assert np.isfinite(encoded).all()
    assert np.abs(encoded).max() < 0.9


def test_scaling_and_shifting_the_descriptors_changes_nothing():
    clips = random_clips([60] * 6, 5)
    moved = [clip * np.float32(1000) - np.float32(50) for clip in clips]
    first = FisherEncoder(3, 4, backend="torch").fit(clips).encode(clips)
    second = FisherEncoder(3, 4, backend="torch").fit(moved).encode(moved)
    np.testing.assert_allclose(first, second, atol=1e-3)


def test_projection_is_scikit_learns_pca():
    clips = like_opensmile()
    fitted = FisherEncoder(2, 5).fit(clips)
    pca = PCA(5).fit((np.concatenate(clips) - fitted.mean_) / fitted.scale_)
    signs = np.sign((fitted.projection_.T * pca.components_).sum(axis=1))
    np.testing.assert_allclose(fitted.projection_.T, signs[:, None] * pca.components_, atol=1e-5)


def test_vector_of_the_training_frames_vanishes_where_the_likelihood_is_largest():
    frames = random_clips([4000], 2)[0].astype(float)
    frames[:2000] += 6
    model = GaussianMixture(2, covariance_type="diag", reg_covar=0, tol=1e-12, random_state=0)
    model.fit(frames)
    mixture = Mixture(model.weights_, model.means_, model.covariances_)
    tensors = [torch.as_tensor(a) for a in (mixture.weights, mixture.means, mixture.variances)]
    present = torch.ones(1, len(frames), dtype=torch.bool)
    gradients = vectors.gradients(torch.as_tensor(frames)[None], present, *tensors)
    np.testing.assert_allclose(gradients.numpy(), 0, atol=1e-5)


def test_threads_do_not_change_a_bit():
    clips = random_clips([300] * 8, 40)
    states = []
    threads = torch.get_num_threads()
    for n in (1, 2):
        torch.set_num_threads(n)
        with threadpool_limits(limits=n):
            fitted = FisherEncoder(8, 20, backend="torch").fit(clips)
            states.append([getattr(fitted, name).tobytes() for name in encoder.STATE])
            states[-1].append(fitted.encode(clips).tobytes())
        assert torch.get_num_threads() == n
    torch.set_num_threads(threads)
    assert states[0] == states[1]


def test_seed_decides_the_mixture():
    clips = random_clips([100] * 5, 6)
    first, again, other = (FisherEncoder(4, 3, seed=seed).fit(clips) for seed in (1, 1, 2))
    assert first.means_.tobytes() == again.means_.tobytes()
    assert not np.array_equal(first.means_, other.means_)


def test_restored_state_encodes_the_same():
    clips = random_clips([40] * 5, 6)
    fitted = FisherEncoder(4, 3, backend="torch").fit(clips)
    loaded = FisherEncoder(backend="torch").restore(fitted.state())
    np.testing.assert_array_equal(loaded.encode(clips), fitted.encode(clips))


def test_every_clip_gives_an_equal_share_of_the_sample():
    clips = [np.column_stack([np.full(n, i), np.arange(n)]) for i, n in enumerate((500, 5, 90))]
    sample = sample_descriptors(iter(clips), 3, max_descriptors=60, seed=0)
    assert np.bincount(sample[:, 0].astype(int)).tolist() == [20, 5, 20]
    assert len(np.unique(sample, axis=0)) == 45
    again = sample_descriptors(clips, 3, max_descriptors=60, seed=0)
    other = sample_descriptors(clips, 3, max_descriptors=60, seed=1)
    np.testing.assert_array_equal(sample, again)
    assert not np.array_equal(sample, other)


def test_a_generator_is_read_once_and_needs_its_length():
    clips = random_clips([40] * 5, 6)
    streamed = FisherEncoder(4, 3).fit((clip for clip in clips), n_clips=5)
    np.testing.assert_array_equal(streamed.means_, FisherEncoder(4, 3).fit(clips).means_)


@pytest.mark.parametrize(
    ("n_components", "pca_dim", "clips", "message"),
    [
        (50, 3, random_clips([10, 20], 6), r"50 components .* 30 frame descriptors"),
        (2, 7, random_clips([10, 20], 6), r"7 PCA dimensions .* 6 dimensions"),
        (2, 3, [np.full((9, 6), np.nan)], "NaN"),
        (2, 3, [], "no training clip"),
    ],
)
def test_what_cannot_be_fitted_is_said_with_numbers(n_components, pca_dim, clips, message):
    with pytest.raises(DataError, match=message):
        FisherEncoder(n_components, pca_dim).fit(clips)


@pytest.mark.parametrize("shape", [(0, 6), (5, 4), (6,)])
def test_a_clip_without_frames_or_of_another_dimension_is_refused(shape):
    fitted = FisherEncoder(2, 3).fit(random_clips([20], 6))
    with pytest.raises(ValueError, match="clip 1 has descriptors of shape"):
        fitted.encode([np.zeros((5, 6)), np.zeros(shape)])


def test_nan_descriptors_are_refused_with_their_clip():
    clips = random_clips([20, 20], 6)
    fitted = FisherEncoder(2, 3).fit(clips)
    clips[1][4, 2] = np.nan
    with pytest.raises(DataError, match="clip 1"):
        fitted.encode(clips)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_fewer_distinct_frames_than_components_still_give_finite_vectors():
    clips = [np.repeat(clip, 50, axis=0) for clip in random_clips([2, 1], 4)]
    encoded = FisherEncoder(8, None, backend="torch").fit(clips).encode(clips)
    assert np.isfinite(encoded).all()


def test_no_clips_make_no_vectors():
    assert FisherEncoder(2, 3).fit(random_clips([20], 6)).encode([]).shape == (0, 12)


@pytest.mark.parametrize(
    ("on_gpu", "installed", "backend"),
    [(True, True, "torch"), (False, True, "vlfeat"), (False, False, "torch")],
)
def test_auto_takes_the_gpu_then_vlfeat_then_torch(monkeypatch, on_gpu, installed, backend):
    monkeypatch.setattr(encoder, "device", lambda: "cuda" if on_gpu else "cpu")
    monkeypatch.setattr(vlfeat, "AVAILABLE", installed)
    assert FisherEncoder().backend_ == backend
