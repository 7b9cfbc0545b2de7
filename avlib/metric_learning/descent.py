"""MERML's stochastic gradient descent: where it begins, and one step."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from avlib.metric_learning.loss import pair_loss, view_weights
from avlib.metric_learning.training_subspace import TrainingSubspace
from avlib.runtime.device import device
from avlib.runtime.same_bits import product, root

SPREAD = 2.0  # standard deviation of the first d^2 over pairs, in margins
OMEGA_RATE = 0.01  # omega learns slower than W: the modality ahead would starve the other


class Descent:
    """W, omega and b on their way down.

    Parameters
    ----------
    first : dict of str to (TrainingSubspace, float32 array of shape (p, r))
        By view: the training features in learning coordinates, and W at the start.
    omega : float
        At the start, in [0, 1].
    learn_omega : bool
        Whether omega moves too.
    regularisation : float
        At least 0; how strongly W is pulled back to its start.

    Attributes
    ----------
    W : dict of str to Tensor of shape (p, r)
    omega, b : Tensor of shape ()
    """

    def __init__(
        self,
        first: Mapping[str, tuple[TrainingSubspace, np.ndarray]],
        *,
        omega: float = 0.5,
        learn_omega: bool = True,
        regularisation: float = 0.0,
    ) -> None:
        self.device = torch.device(device())
        self.features = {
            v: torch.from_numpy(span.coordinates).to(self.device) for v, (span, _) in first.items()
        }
        self.W = {v: self._tensor(W) for v, (_, W) in first.items()}
        self.omega = torch.full((), omega, device=self.device)
        self.learn_omega, self.regularisation = learn_omega, regularisation
        # A view's slope carries its weight: with more views each would move less.
        self._pace = max(1.0, len(self.W) / 2)
        self.b = torch.ones((), device=self.device)
        self._mean_distance = 1.0

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.tensor(array, device=self.device)

    def weights(self) -> dict[str, Tensor]:
        """Return the weight of each view's distance in eq. 4."""
        return view_weights(self.W, self.omega)

    def scale(self, first: np.ndarray, second: np.ndarray, sign: np.ndarray) -> None:
        """Give d^2 a standard deviation of `SPREAD` over these pairs, and place b among them."""
        embedding = self.embedding()
        distance = np.square(embedding[first] - embedding[second]).sum(axis=1, dtype=np.float64)
        factor = SPREAD / distance.std() if distance.std() > 0 else 1.0
        for W in self.W.values():
            W *= factor**0.5
        self._start = {view: W.clone() for view, W in self.W.items()}
        middle = factor * (distance[sign > 0].mean() + distance[sign < 0].mean()) / 2.0
        self.b.fill_(middle)
        self._mean_distance = factor * distance.mean() or 1.0

    def embedding(self) -> np.ndarray:
        """Embed the training samples: float32 of shape (n, sum of p)."""
        weights = self.weights()
        parts = [root(weights[m]) * product(self.features[m], W.T) for m, W in self.W.items()]
        return torch.cat(parts, dim=1).cpu().numpy()

    def batches(
        self, first: np.ndarray, second: np.ndarray, sign: np.ndarray, size: int
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Cut pairs into batches on the device; the last may be smaller."""
        signs = self._tensor(sign.astype(np.float32))
        columns = (self._tensor(first), self._tensor(second), signs)
        return list(zip(*(column.split(size) for column in columns), strict=True))

    def step(self, first: Tensor, second: Tensor, sign: Tensor, rate: float) -> Tensor:
        """Descend on one batch; return the loss before, summed over its pairs.

        W moves features of unit size, b a distance. omega multiplies distances, so that its slope
        grows with them: its rate is divided by their mean.
        """
        gaps = {
            m: values.index_select(0, first).sub_(values.index_select(0, second))
            for m, values in self.features.items()
        }
        slope = pair_loss(gaps, sign, self.W, self.omega, self.b)
        for view, W in self.W.items():
            W.lerp_(self._start[view], rate * self.regularisation)
            W.sub_(slope.W[view], alpha=rate * self._pace)
        self.b -= rate * slope.b
        if self.learn_omega and slope.omega is not None:
            self.omega -= OMEGA_RATE * rate / self._mean_distance * slope.omega
            self.omega.clamp_(0.0, 1.0)
        return slope.loss * len(sign)


def first_w(
    subspace: TrainingSubspace, init: str, rng: np.random.Generator, codes: np.ndarray
) -> np.ndarray:
    """Return W of shape (p, r) before it is scaled.

    Parameters
    ----------
    subspace : TrainingSubspace
    init : {"pca", "whitened", "random"}
        Random directions are drawn inside the span of the training features.
    rng : numpy.random.Generator
    codes : int array of shape (n,)
        Classes, which "whitened" looks at.
    """
    if init == "pca":
        return subspace.axes
    if init == "whitened":
        return whitened_axes(subspace, codes)
    directions = rng.standard_normal(subspace.axes.shape) / np.sqrt(len(subspace.axes))
    varies = subspace.coordinates.any(axis=0)  # W stays 0 where training tells it nothing
    return (directions * varies).astype(np.float32)


def whitened_axes(subspace: TrainingSubspace, codes: np.ndarray) -> np.ndarray:
    """Return the principal axes, shortened where samples of one class differ.

    ``(S + r I)^(-1/2)`` of the principal coordinates, S being their scatter within classes and r
    the mean variance of a coordinate, scaled so that the mean squared distance of two samples is 1.
    Half of the shrinkage is the identity's: a few hundred clips do not tell S from noise.
    """
    Z = subspace.coordinates.astype(np.float64) @ subspace.axes.T.astype(np.float64)
    if not Z.any():
        return subspace.axes
    counts = np.bincount(codes)
    means = np.zeros((len(counts), Z.shape[1]))
    np.add.at(means, codes, Z)
    within = Z - (means / np.maximum(counts, 1)[:, None])[codes]
    scatter = within.T @ within / len(Z)
    values, vectors = np.linalg.eigh(scatter + Z.var(axis=0).mean() * np.eye(len(scatter)))
    L = (vectors / np.sqrt(values)).T
    spread = 2.0 * (Z @ L.T).var(axis=0).sum()
    return (L @ subspace.axes / np.sqrt(spread)).astype(np.float32)
