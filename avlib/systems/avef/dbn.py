"""A deep belief network: restricted Boltzmann machines one on another, then a classifier."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.optim import SGD

from avlib.runtime.errors import ParamsError
from avlib.systems.avef.rbm import RBM, contrastive_divergence

SIZES = (8192, 4096, 2048)
SPREAD_FLOOR = 0.1  # of the typical spread: what hardly varies is not blown up, nor are gradients


class DBN(nn.Module):
    """Sigmoid layers over standardised features, and a linear classifier.

    Ma et al. 2019 (AVEF), section 2.2.3: 8192-4096-2048-C. `pretrain` fills the layers without
    labels; after it, or without it, this is a feed-forward network as any other.

    Parameters
    ----------
    n_classes : int
    sizes : sequence of int
        Input features, then units of each hidden layer.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, n_classes: int, sizes: Sequence[int] = SIZES):
        super().__init__()
        self.register_buffer("mean", torch.zeros(sizes[0]))
        self.register_buffer("spread", torch.ones(sizes[0]))
        self.layers = nn.ModuleList(nn.Linear(*shape) for shape in pairwise(sizes))
        self.classifier = nn.Linear(sizes[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes before softmax: (n, n_features) to (n, n_classes)."""
        return self.classifier(self.embed(x))

    def embed(self, x: Tensor) -> Tensor:
        """Activations of the last hidden layer: (n, n_features) to (n, 2048)."""
        return self.climb(x, len(self.layers))

    def climb(self, x: Tensor, n_layers: int) -> Tensor:
        """Standardise features and apply the first hidden layers."""
        x = (x - self.mean) / self.spread
        for layer in self.layers[:n_layers]:
            x = torch.sigmoid(layer(x))
        return x


def pretrain(
    dbn: DBN,
    batches: Iterable[Tensor],
    held_out: Tensor,
    *,
    epochs: int,
    rates: Sequence[float],
    momentum: float = 0.9,
    weight_decay: float = 2e-4,
    steps: int = 1,
    seed: int,
) -> list[dict[str, float]]:
    """Train each layer as a restricted Boltzmann machine on what the one below makes of the data.

    The features' mean and spread are learned first. The first machine has Gaussian visible units,
    the others take probabilities for states of 0 or 1. Where the free energy of held-out data rises
    above that of training data and goes on rising, a machine overfits.

    Parameters
    ----------
    dbn : DBN
        Trained in place, on its device.
    batches : iterable of Tensor of shape (n, n_features)
        Gone through once for the spread, then once per layer and epoch: no iterator.
    held_out : Tensor of shape (n_held_out, n_features)
        Not trained on. As many training samples are watched beside it, the first ones.
    epochs : int
        For each layer.
    rates : sequence of float
        Learning rate of each layer; Gaussian units need about a hundredth of what others bear.
    momentum, weight_decay : float
        Biases do not decay.
    steps : int
        Of Gibbs sampling, the k of CD-k.
    seed : int

    Returns
    -------
    list of dict
        A row per layer and epoch: layer, epoch, reconstruction_error (per unit, mean over the
        epoch's batches before they are learned), free_energy and free_energy_held_out (means), gap
        (the second less the first).

    Raises
    ------
    ParamsError
        A machine's weights grew beyond all bounds.
    ValueError
        `batches` is an iterator, there is no rate for a layer, or data, held out or not, are none
        or hold NaN or infinity.
    """
    if isinstance(batches, Iterator) or len(rates) != len(dbn.layers):
        raise ValueError(
            f"{len(rates)} learning rates for {len(dbn.layers)} layers, batches of type "
            f"{type(batches).__name__}; expected one rate a layer and batches to go through again"
        )
    if len(held_out) == 0 or not torch.isfinite(held_out).all():
        raise ValueError(f"{len(held_out)} samples held out; expected some, all of them finite")
    standardise(dbn, batches)
    generator = torch.Generator(dbn.mean.device).manual_seed(seed)
    watched = torch.cat(_first(batches, len(held_out))).to(dbn.mean.device)
    held_out = held_out.to(dbn.mean.device)
    rows = []
    for number, layer in enumerate(dbn.layers):
        assert isinstance(layer, nn.Linear)
        n_hidden, n_visible = layer.weight.shape
        rbm = RBM(n_visible, n_hidden, gaussian=number == 0, generator=generator)
        biases = {"params": [rbm.hidden_bias, rbm.visible_bias]}
        optimizer = SGD([biases], lr=rates[number], momentum=momentum)
        optimizer.add_param_group({"params": [rbm.weight], "weight_decay": weight_decay})
        for epoch in range(epochs):
            error = _epoch(dbn, number, rbm, optimizer, batches, steps, generator)
            with torch.no_grad():
                trained = rbm.free_energy(dbn.climb(watched, number)).mean().item()
                unseen = rbm.free_energy(dbn.climb(held_out, number)).mean().item()
            if not torch.isfinite(torch.tensor([error, trained, unseen])).all():
                raise ParamsError(
                    f"pre-training of layer {number + 1} diverged in epoch {epoch} at learning rate"
                    f" {rates[number]}; lower it"
                )
            rows.append(
                {
                    "layer": number,
                    "epoch": epoch,
                    "reconstruction_error": error,
                    "free_energy": trained,
                    "free_energy_held_out": unseen,
                    "gap": unseen - trained,
                }
            )
        with torch.no_grad():
            layer.weight.copy_(rbm.weight)
            layer.bias.copy_(rbm.hidden_bias)
    return rows


@torch.no_grad()
def standardise(dbn: DBN, batches: Iterable[Tensor]) -> None:
    """Set the mean and spread by which a network standardises its features.

    Raises
    ------
    ValueError
        There are no data, or they hold NaN or infinity.
    """
    n, total = 0, torch.zeros_like(dbn.mean, dtype=torch.float64)
    squares = torch.zeros_like(total)
    for batch in batches:
        x = batch.to(dbn.mean.device, torch.float64)
        n, total, squares = n + len(x), total + x.sum(0), squares + x.square().sum(0)
    mean = total / max(n, 1)
    variance = squares / max(n, 1) - mean.square()
    if n == 0 or not torch.isfinite(variance).all():
        raise ValueError(f"{n} samples to pre-train on; expected some, all of them finite")
    spread = variance.clamp(min=0).sqrt()
    floor = SPREAD_FLOOR * spread.mean()
    dbn.mean.copy_(mean)
    dbn.spread.copy_(torch.where(spread > floor, spread, torch.ones_like(spread)))


def _epoch(
    dbn: DBN,
    number: int,
    rbm: RBM,
    optimizer: SGD,
    batches: Iterable[Tensor],
    steps: int,
    generator: torch.Generator,
) -> float:
    """Go through the data once; return the mean reconstruction error."""
    total, n = torch.zeros((), device=dbn.mean.device), 0
    for batch in batches:
        with torch.no_grad():
            v = dbn.climb(batch.to(dbn.mean.device), number)
        total += len(v) * rbm.reconstruction_error(v)
        n += len(v)
        optimizer.zero_grad()
        contrastive_divergence(rbm, v, steps, generator).backward()
        optimizer.step()
    return total.item() / n


def _first(batches: Iterable[Tensor], n: int) -> list[Tensor]:
    """Leading samples of the data, in pieces."""
    pieces: list[Tensor] = []
    for batch in batches:
        pieces.append(batch[:n])
        n -= len(pieces[-1])
        if n <= 0:
            break
    return pieces
