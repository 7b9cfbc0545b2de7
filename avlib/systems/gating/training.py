"""How the gating paradigm's networks learn (section III, eq. 2 and section IV of its paper)."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from avlib.metric_learning.triplets import MultiWindowMiner, hinge, squared_distances
from avlib.networks.layer_rates import EQUAL, Factors, rated_groups
from avlib.systems.common.model import map_arrays
from avlib.systems.common.sequences import Batch
from avlib.systems.gating.network import Gates, GatingNetwork


class GatingTraining(LightningModule):
    """Eq. 2: per window, the modalities' embeddings are drawn together and triplets apart.

    The paper's networks come pre-trained with softmax. From random weights the hardest triplets
    only teach all embeddings to be one, so the first epochs classify each gate's embedding instead.

    Parameters
    ----------
    network : GatingNetwork
    n_classes : int
    mse : bool
        Whether the shared space draws the modalities together; the baselines train them apart.
    factors : mapping of nn.Parameter to float, optional
        By what some parameters multiply the learning rate.
    settings
        Section ``gating`` of params.yaml: softmax_epochs, margin, learning_rate, weight_decay,
        mining, and cross_modal, to take an anchor's positive and negative from the other modality.
    """

    def __init__(
        self,
        network: GatingNetwork,
        n_classes: int,
        *,
        mse: bool,
        factors: Factors = EQUAL,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.network, self.settings, self.factors = network, settings, factors
        self.heads = nn.ModuleDict(
            {m: nn.Linear(network.stream(m).embedding, n_classes) for m in network.streams}
        )
        self.mse, self.cross_modal = mse, settings["cross_modal"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam, as the paper."""
        s = self.settings
        groups = rated_groups(self.parameters(), s["learning_rate"], self.factors)
        return torch.optim.Adam(
            groups, s["learning_rate"], weight_decay=s["weight_decay"], fused=True
        )

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of an augmented batch."""
        noise = torch.Generator().manual_seed(int(torch.randint(2**62, ()).item()))
        return self._learn(batch, "train", noise)

    def validation_step(self, batch: Batch, index: int) -> None:
        """Log the loss of a batch as it is."""
        self._learn(batch, "validation", None)

    def parts(self, gates: Gates, batch: Batch) -> dict[str, Tensor]:
        """Return the parts of eq. 2 by name, in full precision whatever the networks compute in.

        Distances are differences of large numbers, and the hardest triplet is the one that rounding
        makes hardest.
        """
        with torch.autocast(batch.sound.device.type, enabled=False):
            full = map_arrays(lambda v: v.float() if v.is_floating_point() else v, gates)
            margin, once = self.settings["margin"], self.settings["mining"] == "windows"
            found = {
                "triplet": triplet_loss(
                    full, batch.emotion, margin, cross_modal=self.cross_modal, once=once
                )
            }
            if self.mse and len(gates.projected) == 2:
                found["mse"] = mse_loss(full)
            return found

    def _learn(self, batch: Batch, part: str, noise: torch.Generator | None) -> Tensor:
        gates = self.network(batch, noise)
        if self.current_epoch < self.settings["softmax_epochs"]:
            loss, parts = softmax_loss(gates, batch.emotion, self.heads), {}
            # Only training loss: softmax and triplets have no best epoch in common.
            logged = loss if part == "train" else torch.full_like(loss, torch.nan)
        else:
            parts = self.parts(gates, batch)
            logged = loss = torch.stack(list(parts.values())).sum()
        means = {"loss": logged, **parts}
        self.log_dict(
            {f"{part}_{name}": value.detach() for name, value in means.items()},
            on_step=False,
            on_epoch=True,
            batch_size=len(batch),
        )
        return loss


def softmax_loss(gates: Gates, emotion: Tensor, heads: nn.ModuleDict) -> Tensor:
    """Return the cross-entropy of each modality's gates, averaged over the windows there are."""
    # Also without a single window, as where no face is found, there is something to differentiate.
    total = torch.stack([values.sum() * 0 for values in gates.embedded.values()]).sum()
    for modality, values in gates.embedded.items():
        there = gates.there[modality]
        if there.any():
            labels = emotion[:, None].expand(there.shape)[there]
            total = total + functional.cross_entropy(heads[modality](values[there]), labels)
    return total


def mse_loss(gates: Gates) -> Tensor:
    """Return the modality gap's part of eq. 2: (1 / 2T) sum_t mean_i |f_v - f_a|^2.

    The paper draws the mappings together before the LSTM; the mean is over the clips that have
    both modalities in a window, and T counts the windows that some clip has in both.
    """
    first, second = gates.projected.values()
    both = torch.stack(list(gates.there.values())).all(0)  # (n, n_gates)
    squares = (first - second).square().sum(2).masked_fill(~both, 0.0)
    count = both.sum(0)
    return (squares.sum(0) / count.clamp_min(1)).sum() / (2 * (count > 0).sum().clamp_min(1))


def triplet_loss(
    gates: Gates, emotion: Tensor, margin: float, *, cross_modal: bool, once: bool
) -> Tensor:
    """Return the triplets' part of eq. 2: (1 / 2T) sum_t (1 / 2N) sum_i sum_m max(d, 0).

    N counts the clips of a window in a modality and T the windows that any clip has; an anchor
    without a positive or a negative adds nothing. With `once` no clip is an anchor's positive or
    negative in two windows; else each window mines by itself.
    """
    modalities = list(gates.embedded)
    miners = {modality: MultiWindowMiner(emotion) for modality in modalities}
    windows = torch.stack(list(gates.there.values())).any(0).any(0)
    total = next(iter(gates.embedded.values())).new_zeros(())
    for gate in range(len(windows)):
        for modality in modalities:
            if not once:
                miners[modality] = MultiWindowMiner(emotion)
            # Across modalities an anchor's positive and negative are the other one's embeddings.
            other = modalities[-1 - modalities.index(modality)] if cross_modal else modality
            anchors, others = gates.embedded[modality][:, gate], gates.embedded[other][:, gate]
            there = gates.there[modality][:, gate] & gates.there[other][:, gate]
            distances = squared_distances(anchors, others)
            # The hardest triplet of each anchor; one miner uses none of them in two windows.
            anchor, positive, negative = miners[modality].mine(distances, there)
            losses = hinge(distances[anchor, positive], distances[anchor, negative], margin)
            total = total + losses.sum() / (2 * there.sum().clamp_min(1))
    return total / (2 * windows.sum().clamp_min(1))
