"""How the networks of temporal aggregation learn by the modern recipe."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from avlib.networks.modern import Mixup, one_cycle
from avlib.networks.picture_augmentation import augmented_pictures
from avlib.networks.spectrogram_augmentation import augmented
from avlib.systems.temporal_aggregation.batches import SegmentBatch
from avlib.systems.temporal_aggregation.network import SegmentNetworks, drop_modalities
from avlib.systems.temporal_aggregation.training import (
    log_mean_probabilities,
    logged_scores,
    pictures,
)


class ModernTraining(LightningModule):
    """Cross-entropy of blends of augmented clips.

    Parameters
    ----------
    network : SegmentNetworks
    settings
        Section ``temporal_aggregation`` of params.yaml: ``modality_dropout``, and ``loss``, which
        is "segments", the mean over the segments of each one's cross-entropy, or "clip", as the
        paper has it: there a segment learns the less the more of them there are. ``modern`` is
        that section.
    """

    def __init__(self, network: SegmentNetworks, **settings: Any) -> None:
        super().__init__()
        self.network, self.settings = network, settings

    def configure_optimizers(self) -> Any:
        """Return AdamW and its cycle."""
        steps = int(self.trainer.estimated_stepping_batches)
        return one_cycle(self.network, self.settings["modern"], steps)

    def training_step(self, batch: SegmentBatch, index: int) -> Tensor:
        """Return the loss of a batch."""
        s, modern = self.settings, self.settings["modern"]
        noise = torch.Generator().manual_seed(int(torch.randint(2**62, ()).item()))
        present = drop_modalities(batch.present, s["modality_dropout"], noise)
        spectrograms, faces = pictures(batch, self.network)
        heard = augmented(spectrograms.flatten(0, 1), modern, noise).view_as(spectrograms)
        seen = augmented_pictures(faces, modern, noise) if batch.faces.numel() else faces
        mixup = Mixup.draw(len(batch), modern["mixup"], noise, present)
        logits = self.network(mixup.blend(heard), mixup.blend(seen), present)
        # One row of scores for each clip, or for each of its segments.
        rows = [log_mean_probabilities(logits)] if s["loss"] == "clip" else logits.unbind(1)
        losses = [mixup.loss(row, batch.emotion, modern["label_smoothing"]) for row in rows]
        loss = torch.stack(losses).mean()
        self.log("train_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=len(batch))
        return loss

    def validation_step(self, batch: SegmentBatch, index: int) -> None:
        """Log the loss of a batch as it is."""
        logits = self.network(*pictures(batch, self.network), batch.present)
        _, found = logged_scores(logits, batch.emotion, "validation")
        self.log_dict(found, on_step=False, on_epoch=True, batch_size=len(batch))
