"""The plain ways from a clip's descriptors to one vector: as they are, or their moments."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.preprocessing import StandardScaler


class ClipVectors:
    """Clips that already are one vector each (functionals of a recording) are standardised.

    The counterpart of `FisherEncoder` for descriptors of level "clip". Fisher vectors have length
    1; these have squared length 1 on average.
    """

    backend_ = "none"

    def fit(self, descriptors: Iterable[np.ndarray], n_clips: int | None = None) -> Self:
        """Learn each value's mean and standard deviation over the training clips."""
        self._scaler = StandardScaler()
        for clip in descriptors:
            self._scaler.partial_fit(self._pooled(clip))
        return self

    def encode(self, descriptors: Sequence[np.ndarray]) -> np.ndarray:
        """Return the standardised vectors over sqrt(d), float32 of shape (n_clips, d)."""
        pooled = np.concatenate([self._pooled(clip) for clip in descriptors])
        standardised = self._scaler.transform(pooled)
        return (standardised / np.sqrt(standardised.shape[1])).astype(np.float32)

    def _pooled(self, clip: np.ndarray) -> np.ndarray:
        return clip.astype(np.float64)

    def state(self) -> dict[str, Any]:
        """Return what was learned, as arrays."""
        return {"mean_": self._scaler.mean_, "scale_": self._scaler.scale_}

    def restore(self, state: Mapping[str, np.ndarray]) -> Self:
        """Take on what `state` returned."""
        self._scaler = StandardScaler()
        self._scaler.mean_, self._scaler.scale_ = state["mean_"], state["scale_"]
        return self


class Moments(ClipVectors):
    """Means and standard deviations over a clip's rows, standardised likewise: 2 d values."""

    def _pooled(self, clip: np.ndarray) -> np.ndarray:
        rows = clip.astype(np.float64)
        return np.concatenate([rows.mean(axis=0), rows.std(axis=0)])[None]
