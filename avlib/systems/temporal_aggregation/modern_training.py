"""How the networks of temporal aggregation learn by the modern recipe."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.nn import functional

from avlib.networks.modern import one_cycle
from avlib.networks.picture_augmentation import augmented_pictures
from avlib.networks.spectrogram_augmentation import augmented
from avlib.systems.temporal_aggregation.batches import SegmentBatch
from avlib.systems.temporal_aggregation.network import SegmentNetworks, drop_modalities
from avlib.systems.temporal_aggregation.pictures import log_mean_probabilities, pictures
from avlib.systems.temporal_aggregation.training import logged_scores


class ModernTraining(LightningModule):
    """Cross-entropy of augmented segments or clips, which are not blended.

    On blends of windows networks did not even learn their training clips, as AVEF's did not.

    Parameters
    ----------
    network : SegmentNetworks
    settings
        Section ``temporal_aggregation`` of params.yaml: ``frequencies``, ``modality_dropout``, and
        ``loss``, which
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
        spectrograms, faces = pictures(batch, self.network, s["frequencies"])
        heard = augmented(spectrograms.flatten(0, 1), modern, noise).view_as(spectrograms)
        seen = augmented_pictures(faces, modern, noise) if batch.faces.numel() else faces
        logits = self.network(heard, seen, present).float()
        # One row of scores for each clip, or for each of its segments.
        rows = [log_mean_probabilities(logits)] if s["loss"] == "clip" else logits.unbind(1)
        smoothing = modern["label_smoothing"]
        losses = [
            functional.cross_entropy(row, batch.emotion, label_smoothing=smoothing) for row in rows
        ]
        loss = torch.stack(losses).mean()
        self.log("train_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=len(batch))
        return loss

    def validation_step(self, batch: SegmentBatch, index: int) -> None:
        """Log the loss of a batch as it is."""
        shown = pictures(batch, self.network, self.settings["frequencies"])
        logits = self.network(*shown, batch.present)
        _, found = logged_scores(logits, batch.emotion, "validation")
        self.log_dict(found, on_step=False, on_epoch=True, batch_size=len(batch))
