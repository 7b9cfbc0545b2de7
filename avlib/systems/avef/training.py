"""How AVEF's networks learn: softmax of single segments, by stochastic descent with momentum."""

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from avlib.networks.layer_rates import EQUAL, Factors, rated_groups
from avlib.systems.avef.segments import MelFaceBatch


class SegmentTraining(LightningModule):
    """Cross-entropy of single segments, each with its clip's emotion (eqs. 2.5 and 2.6 of AVEF).

    Parameters
    ----------
    network : nn.Module
        Of a batch's inputs.
    learning_rate, momentum : float
    factors : mapping of nn.Parameter to float, optional
        By what some parameters multiply the rate.
    """

    def __init__(
        self,
        network: nn.Module,
        learning_rate: float,
        momentum: float,
        factors: Factors = EQUAL,
    ) -> None:
        super().__init__()
        self.network, self.factors = network, factors
        self.learning_rate, self.momentum = learning_rate, momentum

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return descent with momentum (table 3)."""
        groups = rated_groups(self.parameters(), self.learning_rate, self.factors)
        return torch.optim.SGD(groups, self.learning_rate, self.momentum)

    def training_step(self, batch: MelFaceBatch, index: int) -> Tensor:
        """Return the loss of a batch."""
        return self._loss(batch, "train")

    def validation_step(self, batch: MelFaceBatch, index: int) -> None:
        """Log the loss of a batch."""
        self._loss(batch, "validation")

    def _loss(self, batch: MelFaceBatch, part: str) -> Tensor:
        loss, found = logged_scores(self.network(batch.inputs), batch.emotion, part)
        self.log_dict(found, on_step=False, on_epoch=True, batch_size=len(batch))
        return loss


def logged_scores(scores: Tensor, emotion: Tensor, part: str) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the cross-entropy of segments, and what is logged of a part.

    Parameters
    ----------
    scores : Tensor of shape (n, n_classes)
    emotion : int64 Tensor of shape (n,)
    part
        "train" or "validation".
    """
    loss = functional.cross_entropy(scores, emotion)
    accuracy = (scores.argmax(1) == emotion).float().mean()
    return loss, {f"{part}_loss": loss.detach(), f"{part}_accuracy": accuracy}
