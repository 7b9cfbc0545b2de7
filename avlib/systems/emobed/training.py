"""How EmoBed's networks learn: eq. 8, and emotions by it (sections 3 and 4.2)."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Sampler

from avlib.metric_learning.batch_hard import crossmodal_triplet_loss
from avlib.networks.train_network import train_network
from avlib.systems.common.batch import batch_loader
from avlib.systems.common.deep import frozen, seeded
from avlib.systems.emobed.network import EmoBedNetwork, read_clips
from avlib.systems.emobed.unpaired import (
    Half,
    Sequences,
    UnpairedDataset,
    UnpairedRows,
)

Draw = Callable[[Mapping[str, Sequences]], Sampler[UnpairedRows]]


class JointTraining(LightningModule):
    """L_target + alpha L_auxiliary + beta L_triplet (eq. 8) by Adam, whose decay is its last term.

    Parameters
    ----------
    network : EmoBedNetwork
        Of the target modality and, where it has one, of the auxiliary modality.
    target : str
        The modality that is to be recognised.
    **settings
        ``alpha`` and ``beta``, weights of the auxiliary modality's loss and of the crossmodal
        triplets; ``beta_ramp``, epochs in which the latter rises from 0 (by default none);
        ``margin`` of the triplets (see `crossmodal_triplet_loss`); ``learning_rate`` and
        ``weight_decay``. Others are not looked at.
    """

    def __init__(self, network: EmoBedNetwork, target: str, **settings: Any) -> None:
        super().__init__()
        self.network, self.target, self.settings = network, target, settings

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam with L2 regularisation."""
        rate, decay = self.settings["learning_rate"], self.settings["weight_decay"]
        return torch.optim.Adam(self.network.parameters(), rate, weight_decay=decay, fused=True)

    def objective(self, losses: Mapping[str, Tensor], triplet: Tensor | None) -> Tensor:
        """Return eq. 8 of each modality's loss and of the triplets', where these count.

        alpha = beta = 0 is the classic system, beta = 0 joint training (eqs. 3 and 4), alpha = 0
        the crossmodal triplets alone (eq. 7).
        """
        total = losses[self.target]
        for modality, loss in losses.items():
            if modality != self.target:
                total = total + self.settings["alpha"] * loss
        if triplet is None:
            return total
        ramp = self.settings.get("beta_ramp", 0)
        risen = min(1.0, self.current_epoch / ramp) if ramp else 1.0
        return total + risen * self.settings["beta"] * triplet

    def note(self, name: str, value: Tensor, n: int) -> None:
        """Log the mean over an epoch of a value of `n` sequences."""
        self.log(name, value.detach(), on_step=False, on_epoch=True, batch_size=n)


class EmoBedTraining(JointTraining):
    """Eq. 8 with cross-entropy.

    Of ``pooling`` see `read_clips`. The paper's clips are one step long, which leaves nothing to
    choose.
    """

    def training_step(self, batch: dict[str, Half], index: int) -> Tensor:
        """Return the objective of an unpaired mini-batch."""
        losses, embedded, triplet = {}, [], None
        for modality, half in batch.items():
            losses[modality], embeddings = self._read(modality, half, "train")
            embedded.append((embeddings, half.labels))
        if self.settings["beta"]:
            triplet = crossmodal_triplet_loss(embedded, self.settings["margin"])
            self.note("train_triplet", triplet, len(batch[self.target].labels))
        return self.objective(losses, triplet)

    def validation_step(self, batch: dict[str, Half], index: int) -> None:
        """Log how well the target modality is recognised."""
        self._read(self.target, batch[self.target], "validation")

    def _read(self, modality: str, half: Half, part: str) -> tuple[Tensor, Tensor]:
        """Return loss and embeddings of a modality.

        What is logged is to be compared between parts and systems: the target's loss alone.
        """
        logits, embeddings = read_clips(
            self.network, modality, half.features, half.lengths, self.settings["pooling"]
        )
        loss = functional.cross_entropy(logits.float(), half.labels)
        if modality == self.target:
            right = (logits.argmax(1) == half.labels).float().mean()
            self.note(f"{part}_loss", loss, len(half.labels))
            self.note(f"{part}_accuracy", right, len(half.labels))
        return loss, embeddings.float()


def train_jointly(
    make: Callable[..., JointTraining],
    n_outputs: int,
    sequences: Mapping[str, Sequences],
    held_out: DataLoader | None,
    settings: Mapping[str, Any],
    draw: Draw,
    **how: Any,
) -> tuple[EmoBedNetwork, str]:
    """Train the network of a modality with the help of others; return it, and its curves.

    With ``alpha_first`` each other modality first learns by itself, with what is shared: the target
    then meets shared layers that already know what emotions look like, which its own few clips
    could not teach them.

    Parameters
    ----------
    make
        Returns how a network learns; keywords may change the target and settings.
    n_outputs
        Of the network.
    sequences
        By modality, the target first.
    held_out
        Mini-batches of the target that tell the best epoch; without them the last one counts.
    settings
        ``epochs``, ``alpha_first`` and ``seed``, and those of the network.
    draw
        Returns the mini-batches of an epoch of some of the sequences, a target first.
    **how
        Further arguments of `train_network`.
    """
    target = next(iter(sequences))
    sizes = {m: of.features[0].shape[1] for m, of in sequences.items()}
    with seeded(settings["seed"]):
        alone = EmoBedNetwork({target: sizes[target]}, n_outputs, **settings)
        network = EmoBedNetwork(sizes, n_outputs, **settings)
    # The same start with and without help: systems differ in their objective alone.
    network.load_state_dict(network.state_dict() | alone.state_dict())
    if settings["alpha"] and settings["alpha_first"]:
        for helper in filter(lambda m: m != target, sequences):
            only = {helper: sequences[helper]}
            folder = how["folder"] and how["folder"] / f"{helper}_first"
            train_network(
                make(network, target=helper, beta=0.0),
                batch_loader(UnpairedDataset(only), draw(only)),
                max_epochs=settings["alpha_first"],
                **how | {"folder": folder, "patience": None},
            )
    loader = batch_loader(UnpairedDataset(sequences), draw(sequences))
    curves = train_network(make(network), loader, held_out, max_epochs=settings["epochs"], **how)
    return frozen(network), curves
