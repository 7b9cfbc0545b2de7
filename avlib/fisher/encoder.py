"""`FisherEncoder`: everything between a clip's frame descriptors and its Fisher vector."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Literal, Self

import numpy as np
from scipy.linalg import eigh
from sklearn.base import BaseEstimator

from avlib.fisher import vlfeat
from avlib.fisher.mixture import Mixture, fit_mixture
from avlib.fisher.vectors import encode_torch
from avlib.runtime.device import device
from avlib.runtime.errors import DataError
from avlib.runtime.threads import single_thread

STATE = ("mean_", "scale_", "projection_", "weights_", "means_", "variances_")
SCALE_FLOOR = 1e-6
CHUNK = 4096


@dataclass(eq=False, repr=False)
class FisherEncoder(BaseEstimator):
    """Standardise, project by PCA, fit a Gaussian mixture, encode as improved Fisher vectors.

    The encoding of the papers "The Fisher kernel for large-scale image classification"
    (Perronnin et al. 2010) and "Image classification with the Fisher vector" (Sanchez et al.
    2013), as the MERML paper aggregates the frames of a clip (Ghaleb et al. 2019, section 4).

    Parameters
    ----------
    n_components : int
        Gaussians, K.
    pca_dim : int or None
        Dimensions kept of the standardised descriptors, D; None keeps all d without a projection.
    max_descriptors : int
        Most descriptors that the fit looks at, an equal share of each clip's.
    seed : int
        Of the choice of descriptors and of the mixture's start.
    backend : {"auto", "torch", "vlfeat"}
        What encodes. "auto" is torch where there is a GPU, else VLFeat where cyvlfeat is
        installed, else torch. The two agree to 2e-4.

    Attributes
    ----------
    backend_ : {"torch", "vlfeat"}
        What encodes on this machine; not part of the saved state.
    mean_, scale_ : arrays of shape (d,)
        Of the descriptors. Constant descriptors have scale 1.
    projection_ : array of shape (d, D)
        Principal axes of the standardised descriptors; the identity where `pca_dim` is None.
    weights_, means_, variances_ : arrays of shape (K,), (K, D), (K, D)
        The mixture.
    """

    n_components: int = 64
    pca_dim: int | None = 64
    _: KW_ONLY
    max_descriptors: int = 20_000
    seed: int = 0
    backend: Literal["auto", "torch", "vlfeat"] = "auto"

    def fit(self, descriptors: Iterable[np.ndarray], n_clips: int | None = None) -> Self:
        """Learn scaling, projection and mixture from the training clips.

        Each clip is looked at once and may be freed afterwards: memory depends on
        `max_descriptors`, not on the number of clips. One thread is used, since the last bits of
        k-means and of the eigenvectors depend on the number of threads.

        Parameters
        ----------
        descriptors : iterable of arrays of shape (n_i, d)
            One per training clip.
        n_clips : int or None
            Length of `descriptors` where it has none of its own, as a generator.

        Raises
        ------
        DataError
            There are fewer descriptors than components or than PCA dimensions, or some of them
            are not finite.
        """
        if n_clips is None:
            n_clips = len(descriptors)  # type: ignore[arg-type]  # a sized one, see above
        sample = sample_descriptors(descriptors, n_clips, self.max_descriptors, self.seed)
        self._check_sample(sample)
        with single_thread():
            self.mean_ = sample.mean(axis=0, dtype=np.float64)
            scale = sample.std(axis=0, dtype=np.float64)
            self.scale_ = np.where(scale > SCALE_FLOOR * np.abs(self.mean_), scale, 1.0)
            self.projection_ = self._principal_axes(sample)
            projected = np.concatenate([self._project(chunk) for chunk in _chunks(sample)])
            mixture = fit_mixture(projected, self.n_components, self.seed)
        self.weights_, self.means_, self.variances_ = mixture
        return self

    def encode(self, descriptors: Sequence[np.ndarray]) -> np.ndarray:
        """Encode clips.

        Parameters
        ----------
        descriptors : sequence of arrays of shape (n_i, d)
            One per clip, n_i >= 1: a clip without any frame has no Fisher vector.

        Returns
        -------
        array of shape (n_clips, 2 K D), float32
            Rows of unit length.

        Raises
        ------
        DataError
            A clip holds NaN or infinite descriptors.
        ValueError
            A clip has no frame, or descriptors of another dimension.
        """
        if not descriptors:
            return np.empty((0, 2 * self.means_.size), dtype=np.float32)
        for i, clip in enumerate(descriptors):
            if clip.ndim != 2 or clip.shape[1] != len(self.mean_) or len(clip) == 0:
                raise ValueError(
                    f"clip {i} has descriptors of shape {clip.shape}; expected (n, "
                    f"{len(self.mean_)}) with n >= 1"
                )
            if not np.isfinite(clip).all():
                raise DataError(
                    f"clip {i} of those to encode has frame descriptors that are NaN or infinite; "
                    "leave it out"
                )
        mixture = Mixture(self.weights_, self.means_, self.variances_)
        with single_thread():
            projected = [self._project(clip) for clip in descriptors]
            if self.backend_ == "vlfeat":
                return vlfeat.encode_vlfeat(projected, mixture)
            return encode_torch(projected, mixture, device())

    @property
    def backend_(self) -> str:
        """The encoder used on this machine, "torch" or "vlfeat"."""
        if self.backend == "auto":
            return "vlfeat" if vlfeat.AVAILABLE and device() == "cpu" else "torch"
        return self.backend

    def state(self) -> dict[str, np.ndarray]:
        """Return the learned state as arrays."""
        return {name: getattr(self, name) for name in STATE}

    def restore(self, state: Mapping[str, np.ndarray]) -> Self:
        """Take on what `state` returned."""
        for name in STATE:
            setattr(self, name, state[name])
        return self

    def _project(self, descriptors: np.ndarray) -> np.ndarray:
        """Float64 from here on."""
        return (descriptors - self.mean_) / self.scale_ @ self.projection_

    def _principal_axes(self, sample: np.ndarray) -> np.ndarray:
        """Axes of largest variance, largest first, each with its largest entry positive."""
        d = sample.shape[1]
        if self.pca_dim is None:
            return np.eye(d)
        covariance = np.zeros((d, d))
        for chunk in _chunks(sample):
            standardised = (chunk - self.mean_) / self.scale_
            covariance += standardised.T @ standardised
        _, axes = eigh(covariance, subset_by_index=[d - self.pca_dim, d - 1])
        axes = axes[:, ::-1]
        largest = axes[np.abs(axes).argmax(axis=0), np.arange(self.pca_dim)]
        return axes * np.sign(largest)

    def _check_sample(self, sample: np.ndarray) -> None:
        if not np.isfinite(sample).all():
            raise DataError(
                "the frame descriptors of the training clips hold NaN or infinite values; "
                "remove the clips that hold them"
            )
        n, d = sample.shape
        if n < self.n_components:
            raise DataError(
                f"a mixture of {self.n_components} components cannot be fitted to {n} frame "
                "descriptors; lower fisher.components or give more training clips"
            )
        if self.pca_dim is not None and self.pca_dim > min(n, d):
            raise DataError(
                f"{self.pca_dim} PCA dimensions were asked for, of {n} frame descriptors with {d} "
                "dimensions; lower fisher.pca_audio or fisher.pca_video, or set it to null"
            )


def _chunks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Cut into groups of rows, so that no float64 copy of wide descriptors stands as a whole."""
    return (array[start : start + CHUNK] for start in range(0, len(array), CHUNK))


def sample_descriptors(
    descriptors: Iterable[np.ndarray], n_clips: int, max_descriptors: int, seed: int
) -> np.ndarray:
    """Draw the same number of frames from each clip, without replacement, in the order of time.

    Parameters
    ----------
    descriptors : iterable of arrays of shape (n_i, d)
        A clip with fewer frames than its share gives all of them.
    n_clips, max_descriptors, seed : int

    Returns
    -------
    array of shape (n, d), float32, n <= max(max_descriptors, n_clips)
    """
    share = max(1, max_descriptors // max(1, n_clips))
    chosen = []
    for i, clip in enumerate(descriptors):
        rows = np.arange(len(clip))
        if len(clip) > share:
            rows = np.sort(np.random.default_rng([seed, i]).choice(rows, share, replace=False))
        chosen.append(np.asarray(clip[rows], dtype=np.float32))
    if not chosen:
        raise DataError("no training clip has frame descriptors; Fisher vectors need at least one")
    return np.concatenate(chosen)
