"""How the networks of temporal aggregation learn (section IV of their paper)."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import functional

from avlib.systems.temporal_aggregation.batches import SegmentBatch
from avlib.systems.temporal_aggregation.network import SegmentNetworks, drop_modalities
from avlib.systems.temporal_aggregation.pictures import log_mean_probabilities, pictures

MOMENTUM = 0.9  # section IV
DECAY = 0.1  # section IV


def logged_scores(logits: Tensor, emotion: Tensor, part: str) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the cross-entropy of clips' summed probabilities, and what is logged of a part.

    Parameters
    ----------
    logits : Tensor of shape (n, n_segments, n_classes)
    emotion : int64 Tensor of shape (n,)
    part
        "train" or "validation".
    """
    probabilities = log_mean_probabilities(logits)
    loss = functional.nll_loss(probabilities, emotion)
    right = (probabilities.argmax(1) == emotion).float().mean()
    return loss, {f"{part}_loss": loss.detach(), f"{part}_accuracy": right}


class TemporalAggregationTraining(LightningModule):
    """Cross-entropy of a clip's summed probabilities, by stochastic gradient descent.

    The paper does not say what its cross-entropy is taken of. Resolved literally: of the scores
    that fig. 1 ends in, the sums over segments, divided by N so that they are probabilities. The
    "50 training steps" after which its learning rate falls are taken to be epochs.

    Parameters
    ----------
    network : SegmentNetworks
    settings
        Section ``temporal_aggregation`` of params.yaml: frequencies, modality_dropout (of a clip
        that has both modalities to lose one in a step; 0 is the paper), learning_rate (at first),
        decay_every (epochs after which the learning rate falls to a tenth, again and again).
    """

    def __init__(self, network: SegmentNetworks, **settings: Any) -> None:
        super().__init__()
        self.network, self.settings = network, settings

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return SGD with momentum, and the falling learning rate."""
        s = self.settings
        optimiser = torch.optim.SGD(self.parameters(), s["learning_rate"], MOMENTUM)
        falling = torch.optim.lr_scheduler.StepLR(optimiser, s["decay_every"], DECAY)
        return [optimiser], [falling]

    def training_step(self, batch: SegmentBatch, index: int) -> Tensor:
        """Return the loss of a batch, some of whose clips lose a modality."""
        noise = torch.Generator().manual_seed(int(torch.randint(2**62, ()).item()))
        present = drop_modalities(batch.present, self.settings["modality_dropout"], noise)
        return self._loss(batch, present, "train")

    def validation_step(self, batch: SegmentBatch, index: int) -> None:
        """Log the loss of a batch as it is."""
        self._loss(batch, batch.present, "validation")

    def _loss(self, batch: SegmentBatch, present: Tensor, part: str) -> Tensor:
        shown = pictures(batch, self.network, self.settings["frequencies"])
        logits = self.network(*shown, present)
        loss, found = logged_scores(logits, batch.emotion, part)
        self.log_dict(found, on_step=False, on_epoch=True, batch_size=len(batch))
        return loss
