"""Features standardised with the means and deviations of a fold's training part."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from avlib.runtime.errors import DataError


@dataclass(frozen=True)
class Standardiser:
    """Means and standard deviations of the training frames.

    Attributes
    ----------
    mean, scale : float64 arrays of shape (d,)
        The scale of a feature that does not vary in training is 1.
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, sequences: Iterable[np.ndarray]) -> Self:
        """Learn from training sequences of shape (n_frames, d), one at a time.

        Frames that are not finite do not count.

        Raises
        ------
        DataError
            There is no frame.
        """
        count, mean, squares = 0, np.zeros(()), np.zeros(())
        for values in sequences:
            kept = values[np.isfinite(values).all(axis=1)].astype(float)
            if not len(kept):
                continue
            # Chan et al. 1983: sums of squares about the mean, joined without cancellation.
            own, joined = kept.mean(axis=0), count + len(kept)
            step = own - mean
            squares = squares + ((kept - own) ** 2).sum(axis=0)
            squares = squares + step**2 * (count * len(kept) / joined)
            mean = mean + step * (len(kept) / joined)
            count = joined
        if not count:
            raise DataError("no training frame has features; expected one at least")
        scale = np.sqrt(squares / count)
        return cls(mean, np.where(scale > 1e-9 * np.maximum(1.0, np.abs(mean)), scale, 1.0))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return standardised values, float32 of shape (n_frames, d).

        Parameters
        ----------
        values : array of shape (n_frames, d)
            Frames that are not finite become 0, the training mean.

        Raises
        ------
        DataError
            There are not d features.
        """
        if values.ndim != 2 or values.shape[1] != len(self.mean):
            raise DataError(
                f"features of shape {values.shape}; expected (n_frames, {len(self.mean)}) as in "
                "training: extract them with the same settings"
            )
        standard = ((values - self.mean) / self.scale).astype(np.float32)
        standard[~np.isfinite(values).all(axis=1)] = 0.0
        return standard
