"""A deep belief network: restricted Boltzmann machines one on another, then a classifier."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim import SGD

from avlib.runtime.errors import ParamsError
from avlib.runtime.same_bits import root
from avlib.systems.avef.rbm import RBM, contrastive_divergence

SIZES = (8192, 4096, 2048)
ENERGIES = ("free_energy", "free_energy_held_out", "gap")
COLUMNS = ("layer", "epoch", "reconstruction_error", *ENERGIES)
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
    data: Tensor,
    held_out: Tensor,
    *,
    batch: int,
    epochs: int,
    rates: Sequence[float],
    momentum: float = 0.9,
    weight_decay: float = 2e-4,
    steps: int = 1,
    seed: int,
    begun: int = 0,
) -> pd.DataFrame:
    """Train each layer as a restricted Boltzmann machine on what the one below makes of the data.

    The features' mean and spread are learned first. The first machine has Gaussian visible units,
    the others take probabilities for states of 0 or 1. Where the free energy of held-out data rises
    above that of training data and goes on rising, a machine overfits.

    Parameters
    ----------
    dbn : DBN
        Trained in place, on its device.
    data : Tensor of shape (n, n_features)
        Finite; may be mapped from a file, of which a batch is in memory at a time.
    held_out : Tensor of shape (n_held_out, n_features)
        Not trained on. As many training samples are watched beside it, the first ones.
    batch : int
        Samples of a step.
    epochs : int
        For each layer.
    rates : sequence of float
        Learning rate of each layer; Gaussian units need about a hundredth of what others bear.
    momentum, weight_decay : float
        Biases do not decay.
    steps : int
        Of Gibbs sampling, the k of CD-k.
    seed : int
    begun : int
        The machines of so many first layers begin with these layers' weights, not with drawn ones.

    Returns
    -------
    DataFrame
        A row per layer and epoch, with the columns `COLUMNS`: reconstruction_error (per unit, mean
        over the epoch's batches before they are learned), free_energy of training data and of
        held-out data (means), gap (the second less the first).

    Raises
    ------
    ParamsError
        A machine's weights grew beyond all bounds.
    """
    device = dbn.mean.device
    batches = data.split(batch)
    _standardise(dbn, batches)
    generator = torch.Generator(device).manual_seed(seed)
    watched, held_out = data[: len(held_out)].to(device), held_out.to(device)
    rows = []
    # Greedy, from the bottom up: what a trained layer makes of the data are the next one's data.
    for number, (layer, rate) in enumerate(zip(dbn.layers, rates, strict=True)):
        assert isinstance(layer, nn.Linear)
        n_hidden, n_visible = layer.weight.shape
        rbm = RBM(n_visible, n_hidden, gaussian=number == 0, generator=generator)
        if number < begun:
            rbm.load_state_dict({"weight": layer.weight, "hidden_bias": layer.bias}, strict=False)
        optimizer = SGD([rbm.hidden_bias, rbm.visible_bias], lr=rate, momentum=momentum)
        optimizer.add_param_group({"params": [rbm.weight], "weight_decay": weight_decay})
        for epoch in range(epochs):
            total = torch.zeros((), device=device)
            for x in batches:
                v = dbn.climb(x.to(device), number).detach()  # the layers below learn no more
                total += len(v) * rbm.reconstruction_error(v)
                optimizer.zero_grad()
                contrastive_divergence(rbm, v, steps, generator).backward()
                optimizer.step()
            with torch.no_grad():
                error = total.item() / len(data)
                trained = rbm.free_energy(dbn.climb(watched, number)).mean().item()
                unseen = rbm.free_energy(dbn.climb(held_out, number)).mean().item()
            if not np.isfinite([error, trained, unseen]).all():
                raise ParamsError(
                    f"pre-training of layer {number + 1} diverged in epoch {epoch} at learning rate"
                    f" {rate}; lower it"
                )
            rows.append((number, epoch, error, trained, unseen, unseen - trained))
        # The machine's hidden units become the layer; its visible biases are of no more use.
        layer.load_state_dict({"weight": rbm.weight, "bias": rbm.hidden_bias})
    return pd.DataFrame(rows, columns=COLUMNS)


@torch.no_grad()
def _standardise(dbn: DBN, batches: Sequence[Tensor]) -> None:
    """Set the mean and spread by which a network standardises its features."""
    n, total = 0, torch.zeros_like(dbn.mean, dtype=torch.float64)
    squares = torch.zeros_like(total)
    for batch in batches:
        x = batch.to(dbn.mean.device, torch.float64)
        n, total, squares = n + len(x), total + x.sum(0), squares + x.square().sum(0)
    mean = total / n
    spread = root((squares / n - mean.square()).clamp(min=0))
    floor = SPREAD_FLOOR * spread.mean()
    dbn.mean.copy_(mean)
    dbn.spread.copy_(torch.where(spread > floor, spread, torch.ones_like(spread)))
