"""How EmoBed learns from sequences with labels at every step (eqs. 3 to 8).

Truncated back-propagation: the network reads a mini-batch piece by piece, the optimiser takes a
step after each, and only the state is handed on, so that memory does not grow with the recordings.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor

from avlib.metric_learning.batch_hard import crossmodal_triplet_loss, high_low
from avlib.systems.emobed.network import EmoBedNetwork, Output, in_chunks, predict_sequences
from avlib.systems.emobed.traces import CHUNK, DIMENSIONS
from avlib.systems.emobed.traces.losses import ccc_loss, mse_loss
from avlib.systems.emobed.training import JointTraining
from avlib.systems.emobed.unpaired import Half

# Steps of each modality that a piece's triplets are mined among: neighbours 40 ms apart say the
# same, and mining needs memory for the square of their number.
MINED = 128
LOSSES = {"mse": mse_loss, "ccc": ccc_loss}


class TraceTraining(JointTraining):
    """Eq. 8 after each piece of a mini-batch.

    Parameters
    ----------
    network, target, **settings
        As of `JointTraining`; and ``loss``, a key of `LOSSES`.
    middle : sequence of float
        Training mean of each dimension, around which triplets tell high from low.
    dimensions : sequence of str
        What the network predicts.
    """

    def __init__(
        self,
        network: EmoBedNetwork,
        target: str,
        middle: Sequence[float],
        dimensions: Sequence[str] = DIMENSIONS,
        **settings: Any,
    ) -> None:
        super().__init__(network, target, **settings)
        self.dimensions = dimensions
        self.automatic_optimization = False  # a step of the optimiser for each piece
        self.middle, self.loss = middle, LOSSES[settings["loss"]]

    def training_step(self, batch: dict[str, Half], index: int) -> None:
        """Learn from a mini-batch, piece by piece, to the end of the target's longest sequence.

        The auxiliary modality takes part as long as it lasts.
        """
        optimiser = cast(LightningOptimizer, self.optimizers())
        reading = [in_chunks(self.network, m, half.features, CHUNK) for m, half in batch.items()]
        losses = []
        for pieces in zip_longest(*reading):
            if pieces[0] is None:  # the target stands first
                break
            read = {m: piece for m, piece in zip(batch, pieces, strict=True) if piece is not None}
            outputs = {m: output for m, (_, output) in read.items()}
            wanted = {m: batch[m].labels[:, steps] for m, (steps, _) in read.items()}
            found = {m: self._regression(o.predictions, wanted[m]) for m, o in outputs.items()}
            triplet = self._triplets(outputs, wanted) if self.settings["beta"] else None
            loss = self.objective(found, triplet)
            optimiser.zero_grad()
            self.manual_backward(loss)
            optimiser.step()
            losses.append(loss.detach())
        self.note("train_loss", torch.stack(losses).mean(), len(batch[self.target].labels))

    def validation_step(self, batch: dict[str, Half], index: int) -> None:
        """Log the target modality's loss and CCC over all recordings of the batch."""
        half = batch[self.target]
        found = predict_sequences(self.network, self.target, half.features, CHUNK)
        self.note("validation_loss", self._regression(found, half.labels), len(half.labels))
        for k, dimension in enumerate(self.dimensions):
            ccc = 1 - ccc_loss(found[..., k].float(), half.labels[..., k])
            self.note(f"validation_ccc_{dimension}", ccc, len(half.labels))

    def _regression(self, found: Tensor, wanted: Tensor) -> Tensor:
        """Return the mean of the dimensions' losses; steps after an end have no label."""
        dimensions = zip(found.unbind(2), wanted.unbind(2), strict=True)
        return torch.stack([self.loss(f.float(), w) for f, w in dimensions]).mean()

    def _triplets(self, outputs: dict[str, Output], wanted: dict[str, Tensor]) -> Tensor:
        """Return the mean of the dimensions' triplet losses, of the same embeddings."""
        mined = [_mined(output.embeddings, wanted[m]) for m, output in outputs.items()]
        losses = []
        for dimension, middle in enumerate(self.middle):
            halves = [(e, high_low(labels[:, dimension], middle)) for e, labels in mined]
            losses.append(crossmodal_triplet_loss(halves, self.settings["margin"]))
        return torch.stack(losses).mean()


def _mined(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Draw labelled steps of a piece; return their embeddings (n, hidden) and labels (n, 2)."""
    known = torch.nonzero(~labels.isnan().all(2))
    rows, steps = known[torch.randperm(len(known))[:MINED].to(known.device)].unbind(1)
    return embeddings[rows, steps].float(), labels[rows, steps]
