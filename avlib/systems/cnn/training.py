"""How the plain network learns: by the modern recipe, from random crops."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.nn import functional

from avlib.networks.modern import one_cycle
from avlib.networks.spectrogram_augmentation import augmented, crops
from avlib.systems.cnn.mels import MelBatch
from avlib.systems.cnn.network import PlainCNN


class CNNTraining(LightningModule):
    """Cross-entropy of augmented crops, which are not blended: in trials that cost accuracy.

    Parameters
    ----------
    network : PlainCNN
    frames : int
        Of a crop.
    modern
        Section ``modern`` of params.yaml.
    """

    def __init__(self, network: PlainCNN, frames: int, modern: dict[str, Any]) -> None:
        super().__init__()
        self.network, self.frames, self.modern = network, frames, modern

    def configure_optimizers(self) -> Any:
        """Return AdamW and its cycle."""
        return one_cycle(self.network, self.modern, int(self.trainer.estimated_stepping_batches))

    def training_step(self, batch: MelBatch, index: int) -> Tensor:
        """Return the loss of a batch."""
        s = self.modern
        noise = torch.Generator().manual_seed(int(torch.randint(2**62, ()).item()))
        cut = crops(batch.mels, batch.lengths, self.frames, s["stretch"], noise)
        logits = self.network(augmented(cut, s, noise), batch.statistics).float()
        smoothing = s["label_smoothing"]
        loss = functional.cross_entropy(logits, batch.emotion, label_smoothing=smoothing)
        self.log("train_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=len(batch))
        return loss

    def validation_step(self, batch: MelBatch, index: int) -> None:
        """Log the loss of one whole clip."""
        logits = self.network(batch.mels, batch.statistics)
        loss = functional.cross_entropy(logits.float(), batch.emotion)
        right = (logits.argmax(1) == batch.emotion).float().mean()
        found = {"validation_loss": loss, "validation_accuracy": right}
        self.log_dict(found, on_step=False, on_epoch=True, batch_size=len(batch))
