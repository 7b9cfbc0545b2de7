"""Recordings of which the video follows arousal and the sound both dimensions."""

import numpy as np

from avlib.systems.emobed.traces.recordings import TraceRecording

SETTINGS = {
    "step": 0.04,
    "delay": 0.2,
    "loss": "mse",
    "alpha": 0.5,
    "alpha_first": 0,
    "beta_ramp": 0,
    "epoch_over": "target",
    "beta": 0.1,
    "margin": 1.0,
    "hidden": 8,
    "layers": 1,
    "batch_size": 4,
    "learning_rate": 0.02,
    "weight_decay": 1e-4,
    "epochs": 6,
    "patience": None,
    "seed": 0,
}
LATE = 5  # frames of the delay


def recording(name, rng, *, lacking=(), n=None):
    """Make a recording of a second or so, annotated `LATE` frames late."""
    n = n or int(rng.integers(28, 36))
    felt = np.cumsum(rng.normal(size=(n, 2)), axis=0)
    felt = np.tanh(felt / np.abs(felt).max(axis=0).clip(1))
    labels = np.concatenate([np.repeat(felt[:1], LATE, axis=0), felt[:-LATE]])
    sound = np.concatenate([felt, rng.normal(size=(n, 1))], axis=1)
    face = np.concatenate([felt[:, :1], rng.normal(size=(n, 3))], axis=1)
    features = {
        modality: (values + 0.2 * rng.normal(size=values.shape)).astype(np.float32)
        for modality, values in (("audio", sound), ("video", face))
        if modality not in lacking
    }
    return TraceRecording(name, labels, features)


def recordings(count, seed, **options):
    """Make some recordings."""
    rng = np.random.default_rng(seed)
    return [recording(f"r{seed}-{i}", rng, **options) for i in range(count)]
