"""The plain network: blocks of convolution and pooling, averaged, and statistics beside them."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from avlib.speech.mel import N_BANDS

N_STATISTICS = 2 * N_BANDS
HIDDEN = 0.5  # share of the statistics, and of what is made of them, that training hides


class PlainCNN(nn.Module):
    """Blocks of 3x3 convolution, batch normalisation, ReLU and 2x2 max-pooling, then one mean.

    The blocks see bands that are standardised over the clip. What that took off, how loud each
    band is and how much it varies, tells much of an emotion too; a layer of its own sees it.

    Parameters
    ----------
    n_classes : int
    channels : sequence of int
        Of each block.
    dropout : float
        Of the blocks' means, in training.
    units : int
        That see the statistics; 0: nothing does.

    Attributes
    ----------
    mean, spread : Tensor of shape (128,)
        Of the training clips' statistics.
    n_features : int
        That the last layer sees.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self, n_classes: int, channels: Sequence[int], dropout: float, units: int = 0
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_block(*pair) for pair in pairwise([1, *channels])))
        self.dropout = nn.Dropout(dropout)
        self.statistics = (
            nn.Sequential(
                nn.Dropout(HIDDEN), nn.Linear(N_STATISTICS, units), nn.ReLU(), nn.Dropout(HIDDEN)
            )
            if units
            else None
        )
        self.register_buffer("mean", torch.zeros(N_STATISTICS))
        self.register_buffer("spread", torch.ones(N_STATISTICS))
        self.n_features = channels[-1] + units
        self.classifier = nn.Linear(self.n_features, n_classes)

    def learn_scale(self, statistics: Tensor) -> None:
        """Take the mean and the deviation of training clips' statistics, (n, 128)."""
        spread, mean = torch.std_mean(statistics, 0, correction=0)
        self.mean.copy_(mean)
        self.spread.copy_(torch.where(spread > 0, spread, 1.0))

    def forward(self, mels: Tensor, statistics: Tensor) -> Tensor:
        """Return logits (n, n_classes) of what `embed` takes."""
        return self.classifier(self.embed(mels, statistics))

    def embed(self, mels: Tensor, statistics: Tensor) -> Tensor:
        """Return what the last layer sees, (n, n_features).

        Parameters
        ----------
        mels : Tensor of shape (n, 1, n_bands, n_frames)
            Standardised.
        statistics : Tensor of shape (n, 128)
            See `avlib.systems.cnn.mels.Mels`.
        """
        # With the channels last, a CPU needs two thirds of the time.
        blocks = self.blocks(mels.contiguous(memory_format=torch.channels_last))
        means = self.dropout(blocks.mean((2, 3)))
        if self.statistics is None:
            return means
        return torch.cat([means, self.statistics((statistics - self.mean) / self.spread)], 1)


def _block(channels_in: int, channels: int) -> nn.Module:
    convolution = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
    # Pooled first: the same values as the other way round, for a quarter of the work.
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.MaxPool2d(2), nn.ReLU())
