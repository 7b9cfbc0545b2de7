"""How AVEF's networks learn by the modern recipe: from augmented segments."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from avlib.networks.layer_rates import EQUAL, Factors
from avlib.networks.modern import one_cycle
from avlib.networks.picture_augmentation import augmented_pictures
from avlib.networks.spectrogram_augmentation import augmented, crops
from avlib.systems.avef.segments import MelFaceBatch
from avlib.systems.avef.training import logged_scores


class ModernSegmentTraining(LightningModule):
    """Cross-entropy of augmented segments, each with its clip's emotion.

    They are not blended: two thirds of a second say so little that networks on blends of them did
    not even learn their training segments.

    Parameters
    ----------
    network : nn.Module
        Of a batch's inputs.
    modern
        Section ``modern`` of params.yaml.
    factors : mapping of nn.Parameter to float, optional
        By what some parameters multiply their rate.
    """

    def __init__(
        self, network: nn.Module, modern: Mapping[str, Any], factors: Factors = EQUAL
    ) -> None:
        super().__init__()
        self.network, self.modern, self.factors = network, modern, factors

    def configure_optimizers(self) -> Any:
        """Return AdamW and its cycle."""
        steps = int(self.trainer.estimated_stepping_batches)
        return one_cycle(self.network, self.modern, steps, self.factors)

    def training_step(self, batch: MelFaceBatch, index: int) -> Tensor:
        """Return the loss of a batch."""
        s = self.modern
        noise = torch.Generator().manual_seed(int(torch.randint(2**62, ()).item()))
        changed = augmented_inputs(batch.inputs, s, noise)
        scores = self.network(changed).float()
        smoothing = s["label_smoothing"]
        loss = functional.cross_entropy(scores, batch.emotion, label_smoothing=smoothing)
        self.log("train_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=len(batch))
        return loss

    def validation_step(self, batch: MelFaceBatch, index: int) -> None:
        """Log the loss of a batch as it is."""
        _, found = logged_scores(self.network(batch.inputs), batch.emotion, "validation")
        self.log_dict(found, on_step=False, on_epoch=True, batch_size=len(batch))


def augmented_inputs(
    inputs: Mapping[str, Tensor], settings: Mapping[str, Any], noise: torch.Generator
) -> dict[str, Tensor]:
    """Change the mel images and the chips of segments, which the network has not prepared yet.

    Parameters
    ----------
    inputs
        See `MelFaceBatch`.
    settings
        Section ``modern`` of params.yaml.
    noise
        Of the CPU.

    Returns
    -------
    dict of str to Tensor
        Of the same shapes; chips are floats, still from 0 to 255.
    """
    changed = dict(inputs)  # fc7 of wholly frozen networks stays as it is
    if "audio" in inputs:
        images = inputs["audio"]
        # What is blanked or lies outside is the image's mean, whatever its level.
        mean = images.mean((2, 3), keepdim=True)
        frames = images.shape[3]
        lengths = torch.full((len(images),), frames)
        moved = crops(images - mean, lengths, frames, settings["stretch"], noise)
        changed["audio"] = augmented(moved, settings, noise) + mean
    if "video" in inputs:
        pictures = inputs["video"].movedim(-1, 2).float() / 255
        seen = augmented_pictures(pictures, settings, noise)
        changed["video"] = 255 * seen.movedim(2, -1)
    return changed
