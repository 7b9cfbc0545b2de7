"""Pieces of recordings that are in no corpus: what a system is asked about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Piece:
    """What is seen and heard in a piece of a recording; its times count from its start.

    Attributes
    ----------
    sound : float32 array of shape (n_samples,), or None
        16 kHz, as table ``speech`` keeps it.
    voiced : float array of shape (n_intervals, 2)
        Where somebody speaks, s.
    faces : (float array of shape (n_frames,), sequence of length n_frames), or None
        Times of frames, s, increasing, and the aligned faces as JPEG, None in one without a face.
    described : dict of str to (array of shape (n_rows,), float32 array of shape (n_rows, d))
        By modality, where the system learns from frame descriptors: times, s, and descriptors.
    wider : (int, float32 array of shape (n_samples,)), or None
        A rate above 16 kHz, Hz, and the sound at it, where there is more of it than in `sound`.
    """

    sound: np.ndarray | None
    voiced: np.ndarray
    faces: tuple[np.ndarray, Sequence[bytes | None]] | None
    described: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    wider: tuple[int, np.ndarray] | None = None


def unlabelled(n: int) -> dict[str, Any]:
    """Return the fields of `Clips` that tell who shows what; of `n` pieces nobody knows."""
    ids = np.array([f"piece {i}" for i in range(n)], str)
    return {"clip_id": ids, "subject": np.full(n, "", str), "emotion": np.zeros(n, int)}
