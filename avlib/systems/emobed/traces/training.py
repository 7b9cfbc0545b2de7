"""How EmoBed learns from sequences with labels at every step (eqs. 3 to 8).

Truncated back-propagation: the network reads a mini-batch piece by piece, the optimiser takes a
step after each, and only the state is handed on, so that memory does not grow with the recordings.
"""

from itertools import zip_longest
from typing import cast

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor

from avlib.metric_learning.batch_hard import crossmodal_triplet_loss, high_low
from avlib.systems.emobed.joint_loss import ccc_loss, joint_loss, mse_loss
from avlib.systems.emobed.network import (
    Chunk,
    EmoBedNetwork,
    in_chunks,
    predict_sequences,
)
from avlib.systems.emobed.traces.batches import CHUNK, SequenceBatch

# Steps of each modality that a piece's triplets are mined among: neighbours 40 ms apart say the
# same, and mining needs memory for the square of their number.
MINED = 128
LOSSES = {"mse": mse_loss, "ccc": ccc_loss}


class TraceTraining(LightningModule):
    """Adam on L_target + alpha L_auxiliary + beta L_triplet, after each piece of a mini-batch.

    Parameters
    ----------
    network : EmoBedNetwork
    target : str
        The modality that will be used; the network's other one, if any, helps.
    middle : sequence of float
        Training mean of each dimension, around which triplets tell high from low.
    alpha, beta : float
        Weights of the auxiliary modality's loss and of the triplets; their defaults are the classic
        system.
    margin : float or None
        Of the triplets; None is eq. 6 as printed.
    loss : {"mse", "ccc"}
    learning_rate, weight_decay : float
    """

    def __init__(
        self,
        network: EmoBedNetwork,
        target: str,
        middle: list[float],
        *,
        alpha: float = 0.0,
        beta: float = 0.0,
        margin: float | None,
        loss: str,
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False  # a step of the optimiser for each piece
        self.network, self.target, self.middle = network, target, middle
        self.alpha, self.beta, self.margin = alpha, beta, margin
        self.loss = LOSSES[loss]
        self.learning_rate, self.weight_decay = learning_rate, weight_decay

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam with the L2 term of eq. 8."""
        return torch.optim.Adam(
            self.network.parameters(), self.learning_rate, weight_decay=self.weight_decay
        )

    def training_step(self, batch: dict[str, SequenceBatch], index: int) -> None:
        """Learn from a mini-batch, piece by piece, to the end of the target's longest sequence.

        The auxiliary modality takes part as long as it lasts.
        """
        optimiser = cast(LightningOptimizer, self.optimizers())
        reading = [
            in_chunks(self.network, m, sequences.features, sequences.lengths, CHUNK)
            for m, sequences in batch.items()
        ]
        losses = []
        for pieces in zip_longest(*reading):
            if pieces[0] is None:  # the target stands first
                break
            read = {m: piece for m, piece in zip(batch, pieces, strict=True) if piece is not None}
            wanted = {m: _labels(batch[m], piece) for m, piece in read.items()}
            loss = self._objective(read, wanted)
            optimiser.zero_grad()
            self.manual_backward(loss)
            optimiser.step()
            losses.append(loss.detach())
        self._log("train_loss", torch.stack(losses).mean(), len(batch[self.target].labels))

    def validation_step(self, batch: dict[str, SequenceBatch], index: int) -> None:
        """Log the target modality's loss over all recordings of the batch."""
        features, labels = batch[self.target]
        lengths = batch[self.target].lengths
        found = predict_sequences(self.network, self.target, features, lengths, CHUNK)
        self._log("validation_loss", self._regression(found, labels), len(labels))

    def _objective(self, read: dict[str, Chunk], wanted: dict[str, Tensor]) -> Tensor:
        """Return the loss of a piece of the target, and of the other modality while it lasts."""
        losses = {
            m: self._regression(piece.output.predictions, wanted[m]) for m, piece in read.items()
        }
        nothing = next(iter(losses.values())) * 0.0
        others = [loss for m, loss in losses.items() if m != self.target]
        return joint_loss(
            losses[self.target],
            others[0] if others else nothing,
            self._triplets(read, wanted) if self.beta else nothing,
            alpha=self.alpha,
            beta=self.beta,
        )

    def _regression(self, found: Tensor, wanted: Tensor) -> Tensor:
        """Return the mean of the dimensions' losses; steps after an end have no label."""
        there = torch.ones_like(wanted[:, :, 0], dtype=torch.bool)
        dimensions = zip(found.unbind(2), wanted.unbind(2), strict=True)
        return torch.stack([self.loss(f.float(), w, there) for f, w in dimensions]).mean()

    def _triplets(self, read: dict[str, Chunk], wanted: dict[str, Tensor]) -> Tensor:
        """Return the mean of the dimensions' triplet losses, of the same embeddings."""
        mined = [_mined(piece, wanted[m]) for m, piece in read.items()]
        losses = []
        for dimension, middle in enumerate(self.middle):
            halves = [(e, high_low(labels[:, dimension], middle)) for e, labels in mined]
            losses.append(crossmodal_triplet_loss(halves, self.margin))
        return torch.stack(losses).mean()

    def _log(self, name: str, value: Tensor, size: int) -> None:
        self.log(name, value, on_step=False, on_epoch=True, batch_size=size)


def _labels(batch: SequenceBatch, piece: Chunk) -> Tensor:
    """Return the labels of a piece, (n_rows, n_steps, 2)."""
    steps = piece.output.predictions.shape[1]
    return batch.labels[piece.rows, piece.start : piece.start + steps]


def _mined(piece: Chunk, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Draw labelled steps of a piece; return their embeddings (n, hidden) and labels (n, 2)."""
    known = torch.nonzero(~labels.isnan().all(2))
    rows, steps = known[torch.randperm(len(known))[:MINED].to(known.device)].unbind(1)
    return piece.output.embeddings[rows, steps].float(), labels[rows, steps]
