"""How EmoBed's networks learn by the modern recipe."""

from typing import Any

import torch
from torch import Tensor

from avlib.metric_learning.batch_hard import crossmodal_triplet_loss
from avlib.networks.modern import Mixup, one_cycle
from avlib.systems.emobed.network import read_clips
from avlib.systems.emobed.training import EmoBedTraining
from avlib.systems.emobed.unpaired import Half


class ModernTraining(EmoBedTraining):
    """Eq. 8 with the cross-entropy of blends of clips, by AdamW and one cycle.

    Clips of one modality are blended with each other, step by step from their starts. In the
    triplets a blend has the emotion of the clip that it holds more of.

    Parameters
    ----------
    network, target
        As of `JointTraining`.
    **settings
        ``alpha``, ``beta``, ``margin`` and ``pooling`` as of `EmoBedTraining`, and section
        ``modern`` of params.yaml.
    """

    def configure_optimizers(self) -> Any:
        """Return AdamW and its cycle."""
        return one_cycle(self.network, self.settings, int(self.trainer.estimated_stepping_batches))

    def training_step(self, batch: dict[str, Half], index: int) -> Tensor:
        """Return the objective of an unpaired mini-batch."""
        noise = torch.Generator().manual_seed(int(torch.randint(2**62, ()).item()))
        losses, embedded, triplet = {}, [], None
        for modality, half in batch.items():
            mixup = Mixup.draw(len(half.labels), self.settings["mixup"], noise)
            logits, embeddings = self._read_blends(modality, half, mixup)
            losses[modality] = mixup.loss(logits, half.labels, self.settings["label_smoothing"])
            embedded.append((embeddings.float(), most_of(mixup, half.labels)))
        n = len(batch[self.target].labels)
        if self.settings["beta"]:
            triplet = crossmodal_triplet_loss(embedded, self.settings["margin"])
            self.note("train_triplet", triplet, n)
        self.note("train_loss", losses[self.target], n)
        return self.objective(losses, triplet)

    def _read_blends(self, modality: str, half: Half, mixup: Mixup) -> tuple[Tensor, Tensor]:
        lengths = half.lengths
        if mixup.share < 1:  # a blend is as long as the longer of its clips
            lengths = torch.maximum(lengths, lengths[mixup.partner.to(lengths.device)])
        blends = mixup.blend(half.features)
        return read_clips(self.network, modality, blends, lengths, self.settings["pooling"])


def most_of(mixup: Mixup, labels: Tensor) -> Tensor:
    """Return the emotion of the clip that each blend holds more of, int64 of shape (n,)."""
    return labels if mixup.share >= 0.5 else labels[mixup.partner.to(labels.device)]
