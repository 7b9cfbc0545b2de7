import numpy as np
import pytest

from avlib.systems.common.model import VectorClips


def make_clips(n=120, n_classes=4, subjects=6, seed=0, dims=(6, 9), first_subject=0, spread=2.0):
    """Clips whose emotions differ in three features of each modality."""
    world, rng = np.random.default_rng(77), np.random.default_rng(seed)
    emotion = np.arange(n) % n_classes
    subject = (np.arange(n) // n_classes) % subjects
    features = {}
    for modality, d in zip(("audio", "video"), dims, strict=True):
        means = np.zeros((n_classes, d))
        means[:, :3] = spread * world.normal(size=(n_classes, 3))
        offsets = rng.normal(size=(subjects, d))
        noise = 0.7 * rng.normal(size=(n, d))
        features[modality] = (means[emotion] + offsets[subject] + noise).astype(np.float32)
    name = np.array([f"s{first_subject + s:02d}" for s in subject])
    clip_id = np.array([f"{s}-{seed}-{k}" for k, s in enumerate(name)])
    present = {m: np.ones(n, bool) for m in features}
    return VectorClips(clip_id, name, emotion, present, features)


@pytest.fixture
def parts():
    """Train, validation and test clips of different subjects."""
    return (
        make_clips(120, seed=1),
        make_clips(40, subjects=2, seed=2, first_subject=10),
        make_clips(60, subjects=3, seed=3, first_subject=20),
    )


@pytest.fixture
def clips():
    return make_clips


@pytest.fixture(autouse=True, scope="session")
def _one_thread(one_thread):
    """Networks here are small."""
