"""The plain network: blocks of convolution and pooling, averaged over time and bands."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class PlainCNN(nn.Module):
    """Blocks of 3x3 convolution, batch normalisation, ReLU and 2x2 max-pooling, then one mean.

    Parameters
    ----------
    n_classes : int
    channels : sequence of int
        Of each block.
    dropout : float
        Before the last layer, in training.
    """

    def __init__(self, n_classes: int, channels: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_block(*pair) for pair in pairwise([1, *channels])))
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels[-1], n_classes)

    def forward(self, mels: Tensor) -> Tensor:
        """Return logits (n, n_classes) of standardised mel bands (n, 1, bands, frames)."""
        return self.classifier(self.dropout(self.embed(mels)))

    def embed(self, mels: Tensor) -> Tensor:
        """Return the last block's means over bands and frames, (n, channels[-1])."""
        # With the channels last, a CPU needs two thirds of the time.
        return self.blocks(mels.contiguous(memory_format=torch.channels_last)).mean((2, 3))


def _block(channels_in: int, channels: int) -> nn.Module:
    convolution = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
    # Pooled first: the same values as the other way round, for a quarter of the work.
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.MaxPool2d(2), nn.ReLU())
