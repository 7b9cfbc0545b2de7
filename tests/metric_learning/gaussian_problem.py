"""A problem with a known answer: Gaussian emotions under a strong subject nuisance.

Each modality has 60 features: six class means in a 5-dimensional subspace, a subject's offset with
standard deviation 5 in a 10-dimensional one that the class subspace leaks into, and unit noise.
A test clip's subject is always a new one, so given the class its features are Gaussian with a
covariance that all classes share, and the best classifier is linear with the true parameters.
"""

from dataclasses import dataclass

import numpy as np

from avlib.systems.common.model import VectorClips

N_CLASSES, DIM, SIGNAL, NUISANCE = 6, 60, 5, 10
SEPARATION, OFFSET, LEAK = 0.8, 5.0, 0.05


@dataclass(frozen=True)
class World:
    """The true parameters of each modality: means (6, d) and the subject directions (10, d)."""

    means: dict[str, np.ndarray]
    nuisance: dict[str, np.ndarray]


def make_world(seed):
    rng = np.random.default_rng([seed, 0])
    means, nuisance = {}, {}
    for modality in ("audio", "video"):
        axes = np.linalg.qr(rng.normal(size=(DIM, SIGNAL + NUISANCE)))[0].T
        signal, subject = axes[:SIGNAL], axes[SIGNAL:]
        means[modality] = SEPARATION * rng.normal(size=(N_CLASSES, SIGNAL)) @ signal
        nuisance[modality] = subject + LEAK * rng.normal(size=(NUISANCE, SIGNAL)) @ signal
    return World(means, nuisance)


def draw(world, n, n_subjects, seed, first_subject=0):
    """Draw clips; with as many subjects as clips each clip has its own."""
    rng = np.random.default_rng([seed, 1])
    emotion = rng.permutation(np.resize(np.arange(N_CLASSES), n))
    subject = rng.permutation(np.resize(np.arange(n_subjects), n))
    features = {}
    for modality, means in world.means.items():
        offsets = OFFSET * rng.normal(size=(n_subjects, NUISANCE)) @ world.nuisance[modality]
        noise = rng.normal(size=(n, DIM))
        features[modality] = (means[emotion] + offsets[subject] + noise).astype(np.float32)
    names = np.array([f"s{first_subject + s:05d}" for s in subject])
    ids = np.array([f"{name}-{k}" for k, name in enumerate(names)])
    here = np.ones(n, bool)
    return VectorClips(ids, names, emotion, {"audio": here, "video": here.copy()}, features)


def bayes_accuracy(world, n=40_000):
    """Accuracy of the best classifier, by Monte Carlo (standard error 0.002)."""
    clips = draw(world, n, n, seed=99)
    scores = np.zeros((n, N_CLASSES))
    for modality, means in world.means.items():
        spread = OFFSET * world.nuisance[modality]
        weights = np.linalg.solve(np.eye(DIM) + spread.T @ spread, means.T)
        scores += clips.features[modality] @ weights - 0.5 * (means.T * weights).sum(axis=0)
    return float(np.mean(scores.argmax(axis=1) == clips.emotion))


def concatenated(clips):
    return np.hstack([clips.features["audio"], clips.features["video"]])
