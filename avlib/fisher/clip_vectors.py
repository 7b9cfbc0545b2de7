"""The plain ways from a clip's descriptors to one vector: as they are, or their moments."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from scipy.stats import norm
from sklearn.preprocessing import QuantileTransformer

QUANTILES = 100  # of each value, that are learned
MAX_CLIPS = 10_000  # that they are learned from


class ClipVectors:
    """Clips that already are one vector each (functionals of a recording), every value made normal.

    The counterpart of `FisherEncoder` for descriptors of level "clip". Functionals have heavy
    tails: standardised alone, a few clips far out would rule all distances. So a value becomes the
    normal deviate of its rank among the training clips (scikit-learn's `QuantileTransformer`), and
    what lies beyond their outermost value stands where that does. A value in which they agree tells
    nothing and is 0. Fisher vectors have length 1; these have squared length 1 or so on average.
    """

    backend_ = "none"

    def fit(self, descriptors: Iterable[np.ndarray], n_clips: int | None = None) -> Self:
        """Learn each value's quantiles over the training clips.

        Of more than `MAX_CLIPS` clips, which `n_clips` tells, an even selection counts.
        """
        step = -(-(n_clips or 1) // MAX_CLIPS)
        chosen = [self._pooled(clip) for i, clip in enumerate(descriptors) if i % step == 0]
        n_quantiles = min(QUANTILES, len(chosen))
        self._quantiles = _transformer(n_quantiles).fit(np.concatenate(chosen))
        return self

    def encode(self, descriptors: Sequence[np.ndarray]) -> np.ndarray:
        """Return the normal deviates over sqrt(d), float32 of shape (n_clips, d)."""
        pooled = np.concatenate([self._pooled(clip) for clip in descriptors])
        quantiles = self._quantiles.quantiles_
        # The outermost of n equally likely ranks has half a rank beyond it.
        limit = norm.ppf(1 - 0.5 / len(quantiles))
        deviates = self._quantiles.transform(pooled).clip(-limit, limit)
        deviates[:, quantiles[0] == quantiles[-1]] = 0.0
        return (deviates / np.sqrt(deviates.shape[1])).astype(np.float32)

    def _pooled(self, clip: np.ndarray) -> np.ndarray:
        return clip.astype(np.float64)

    def state(self) -> dict[str, Any]:
        """Return what was learned, as arrays."""
        return {"quantiles_": self._quantiles.quantiles_}

    def restore(self, state: Mapping[str, np.ndarray]) -> Self:
        """Take on what `state` returned."""
        quantiles = state["quantiles_"]
        # Fitted to its own quantiles a transformer finds the same ones.
        self._quantiles = _transformer(len(quantiles)).fit(quantiles)
        return self


def _transformer(n_quantiles: int) -> QuantileTransformer:
    return QuantileTransformer(
        n_quantiles=n_quantiles, output_distribution="normal", subsample=None
    )


class Moments(ClipVectors):
    """Means and standard deviations over a clip's rows, made normal likewise: 2 d values."""

    def _pooled(self, clip: np.ndarray) -> np.ndarray:
        rows = clip.astype(np.float64)
        return np.concatenate([rows.mean(axis=0), rows.std(axis=0)])[None]
