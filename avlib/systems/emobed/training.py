"""How EmoBed's networks learn emotions (sections 3 and 4.2)."""

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.nn import functional

from avlib.metric_learning.batch_hard import crossmodal_triplet_loss
from avlib.systems.emobed.batches import Half
from avlib.systems.emobed.joint_loss import joint_loss
from avlib.systems.emobed.network import EmoBedNetwork


class EmoBedTraining(LightningModule):
    """Eq. 8 with cross-entropy, by Adam, whose weight decay is the term lambda R.

    A clip's logits and its embedding are those after its last step, where the network has read all
    of it. The paper's clips are one step long, which leaves nothing to choose.

    Parameters
    ----------
    network : EmoBedNetwork
        Of the target modality and, where it has one, of the auxiliary modality.
    target : str
        The modality that is to be recognised.
    alpha, beta : float
        Weights of the auxiliary modality's cross-entropy and of the crossmodal triplets.
    margin : float or None
        Of the triplets (see `crossmodal_triplet_loss`).
    learning_rate, weight_decay : float
    """

    def __init__(
        self,
        network: EmoBedNetwork,
        target: str,
        *,
        alpha: float,
        beta: float,
        margin: float | None,
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        super().__init__()
        self.network, self.target = network, target
        self.alpha, self.beta, self.margin = alpha, beta, margin
        self.learning_rate, self.weight_decay = learning_rate, weight_decay

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam with L2 regularisation."""
        return torch.optim.Adam(
            self.parameters(), self.learning_rate, weight_decay=self.weight_decay
        )

    def training_step(self, batch: dict[str, Half], index: int) -> Tensor:
        """Return the objective of an unpaired mini-batch."""
        losses, embedded = {}, []
        for modality, half in batch.items():
            logits, embeddings = half.ends(self.network, modality)
            losses[modality] = functional.cross_entropy(logits.float(), half.emotion)
            embedded.append((embeddings.float(), half.emotion))
            if modality == self.target:
                self._log(logits, half, "train")
        own, zero = losses.pop(self.target), torch.zeros((), device=self.device)
        auxiliary = sum(losses.values(), zero)
        triplet = crossmodal_triplet_loss(embedded, self.margin) if self.beta else zero
        if self.beta:
            self._note("train_triplet", triplet, len(batch[self.target].emotion))
        return joint_loss(own, auxiliary, triplet, alpha=self.alpha, beta=self.beta)

    def validation_step(self, batch: dict[str, Half], index: int) -> None:
        """Log how well the target modality is recognised."""
        half = batch[self.target]
        self._log(half.ends(self.network, self.target)[0], half, "validation")

    def _log(self, logits: Tensor, half: Half, part: str) -> None:
        """Log what is to be compared between parts and systems: the target's loss alone."""
        loss = functional.cross_entropy(logits.float(), half.emotion)
        right = (logits.argmax(1) == half.emotion).float().mean()
        self._note(f"{part}_loss", loss, len(half.emotion))
        self._note(f"{part}_accuracy", right, len(half.emotion))

    def _note(self, name: str, value: Tensor, n: int) -> None:
        self.log(name, value.detach(), on_step=False, on_epoch=True, batch_size=n)
