"""MERML's stochastic gradient descent: where it begins, and one step."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from avlib.metric_learning.loss import modality_weights, pair_loss
from avlib.metric_learning.training_subspace import TrainingSubspace
from avlib.runtime.device import device

SPREAD = 2.0  # standard deviation of the first d^2 over pairs, in margins
OMEGA_RATE = 0.01  # omega learns slower than W: the modality ahead would starve the other


class Descent:
    """W, omega and b on their way down.

    Parameters
    ----------
    spans : dict of str to TrainingSubspace
        Training features in learning coordinates, and as many axes as W shall have rows.
    init : {"pca", "random"}
        Random directions are drawn inside the span of the training features.
    seed : int

    Attributes
    ----------
    W : dict of str to Tensor of shape (p, r)
    omega, b : Tensor of shape ()
    """

    def __init__(self, spans: Mapping[str, TrainingSubspace], init: str, seed: int) -> None:
        self.device = torch.device(device())
        self.features = {m: self._tensor(s.coordinates) for m, s in spans.items()}
        rng = np.random.default_rng(seed)
        self.W = {m: self._tensor(_first_w(s, init, rng)) for m, s in spans.items()}
        self.omega = torch.full((), 0.5, device=self.device)
        self.b = torch.ones((), device=self.device)
        self._mean_distance = 1.0

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.tensor(array, device=self.device)

    def weights(self) -> dict[str, Tensor]:
        """Return the weight of each modality's distance in eq. 4."""
        return modality_weights(tuple(self.W), self.omega)

    def scale(self, first: np.ndarray, second: np.ndarray, sign: np.ndarray) -> None:
        """Give d^2 a standard deviation of `SPREAD` over these pairs, and place b among them."""
        embedding = self.embedding()
        distance = np.square(embedding[first] - embedding[second]).sum(axis=1, dtype=np.float64)
        factor = SPREAD / distance.std() if distance.std() > 0 else 1.0
        for W in self.W.values():
            W *= factor**0.5
        middle = factor * (distance[sign > 0].mean() + distance[sign < 0].mean()) / 2.0
        self.b.fill_(middle)
        self._mean_distance = factor * distance.mean() or 1.0

    def embedding(self) -> np.ndarray:
        """Embed the training samples: float32 of shape (n, sum of p)."""
        weights = self.weights()
        parts = [weights[m].sqrt() * (self.features[m] @ W.T) for m, W in self.W.items()]
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
        gaps = {m: values[first] - values[second] for m, values in self.features.items()}
        slope = pair_loss(gaps, sign, self.W, self.omega, self.b)
        for modality, W in self.W.items():
            W -= rate * slope.W[modality]
        self.b -= rate * slope.b
        if slope.omega is not None:
            self.omega -= OMEGA_RATE * rate / self._mean_distance * slope.omega
            self.omega.clamp_(0.0, 1.0)
        return slope.loss * len(sign)


def _first_w(subspace: TrainingSubspace, init: str, rng: np.random.Generator) -> np.ndarray:
    """Return W of shape (p, r) before it is scaled."""
    if init == "pca":
        return subspace.axes
    directions = rng.standard_normal(subspace.axes.shape) / np.sqrt(len(subspace.axes))
    varies = subspace.coordinates.any(axis=0)  # W stays 0 where training tells it nothing
    return (directions * varies).astype(np.float32)
