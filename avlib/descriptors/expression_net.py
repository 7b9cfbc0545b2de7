"""The small network that tells expressions: what it takes, its layers, its classes."""

import functools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from avlib.corpora.fer2013 import EMOTIONS, SIZE

CLASSES = len(EMOTIONS)
FEATURES = 128
STEM = 32
# Output channels of the residual blocks from input to output, and whether the block halves.
BLOCKS = ((32, False), (64, True), (64, False), (FEATURES, True), (FEATURES, False))
SQUEEZE = 8  # channels per unit of the layer that weighs them


class Block(nn.Module):
    """Two 3x3 convolutions, their channels weighed by what the whole face shows, plus the input.

    A residual block (He et al. 2016) with squeeze and excitation (Hu et al. 2018).
    """

    def __init__(self, channels_in: int, channels: int, halves: bool):
        super().__init__()
        stride = 2 if halves else 1
        self.first = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        self.squeeze = nn.Linear(channels, channels // SQUEEZE)
        self.excite = nn.Linear(channels // SQUEEZE, channels)
        self.shortcut: nn.Module = nn.Identity()
        if halves or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True),
                nn.Conv2d(channels_in, channels, 1, bias=False),
                nn.BatchNorm2d(channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to (n, channels, h', w')."""
        y = functional.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        weights = self.excite(functional.relu(self.squeeze(y.mean(dim=(2, 3)))))
        y = y * torch.sigmoid(weights)[:, :, None, None]
        return functional.relu(y + self.shortcut(x))


class ExpressionNet(nn.Module):
    """Grey faces to features and to logits of the seven emotions, in the order of `EMOTIONS`.

    Parameters
    ----------
    side : int
        Of the faces that the layers work on, even, in pixels.
    detail : float
        The finest detail that they work on, in cycles a face; 0: all. Both are kept with the
        weights.
    """

    def __init__(self, side: int = SIZE, detail: float = 0.0) -> None:
        super().__init__()
        self.side: Tensor
        self.detail: Tensor
        self.register_buffer("side", torch.tensor(side))
        self.register_buffer("detail", torch.tensor(float(detail)))
        # 2 x 2 neighbours become channels: nothing is lost, and no layer works on 48 x 48 maps,
        # which would take most of the time.
        self.fold = nn.PixelUnshuffle(2)
        self.stem = nn.Conv2d(4, STEM, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(STEM)
        widths = [STEM, *(channels for channels, _ in BLOCKS)]
        self.blocks = nn.Sequential(
            *(Block(width, *block) for width, block in zip(widths[:-1], BLOCKS, strict=True))
        )
        self.emotion = nn.Linear(FEATURES, CLASSES)

    def see(self, grey: Tensor, blur: float = 0.0) -> Tensor:
        """Turn faces into what the layers work on.

        Parameters
        ----------
        grey : float Tensor of shape (n, 1, 48, 48)
            In grey levels of 0 to 255.
        blur : float
            Of the faces, see `keep_detail`.

        Returns
        -------
        Tensor of shape (n, 1, side, side)
            Of mean 0 and standard deviation 1 a face: brightness and contrast fall out.
        """
        grey, side = keep_detail(grey, float(self.detail), blur), int(self.side)
        return standardise(functional.interpolate(grey, (side, side), mode="bilinear"))

    def features(self, x: Tensor) -> Tensor:
        """Describe faces, (n, 1, side, side) of `see` to (n, 128); no value is negative."""
        x = functional.relu(self.stem_norm(self.stem(self.fold(x))))
        return self.blocks(x).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (n, 1, side, side) of `see` to (n, 7)."""
        return self.emotion(self.features(x))


def standardise(grey: Tensor) -> Tensor:
    """Give each face mean 0 and standard deviation 1: brightness and contrast fall out.

    Parameters
    ----------
    grey : float Tensor of shape (n, 1, h, w)
        In grey levels of 0 to 255. What is flatter than one level stays flat.
    """
    deviation, mean = torch.std_mean(grey, dim=(1, 2, 3), keepdim=True, correction=0)
    return (grey - mean) / deviation.clamp(min=1.0)


def keep_detail(grey: Tensor, detail: float, blur: float = 0.0) -> Tensor:
    """Take what is finer than `detail` out of faces, and a known blur out of what remains.

    In the cosine transform, where a Gaussian blur with mirrored borders is one factor a frequency.

    Parameters
    ----------
    grey : float Tensor of shape (n, 1, side, side)
    detail : float
        In cycles a face; 0 keeps all.
    blur : float
        Standard deviation of the Gaussian that blurred the faces, in pixels; 0: they are sharp.
    """
    if not detail:
        return grey
    side = grey.shape[-1]
    cosines, cycles = _cosines(side), torch.arange(side) / 2
    frequency = torch.hypot(cycles[:, None], cycles)
    kept = torch.exp(-((frequency / detail) ** 8))  # flat, then steep
    blurred = torch.exp(-2 * (math.pi * blur * frequency / side) ** 2)
    gain = torch.where(kept > 1e-6, kept / blurred.clamp(min=1e-6), 0.0).to(grey.device)
    cosines = cosines.to(grey.device)
    return cosines.T @ (gain * (cosines @ grey @ cosines.T)) @ cosines


@functools.cache
def _cosines(side: int) -> Tensor:
    """Return the orthonormal cosine transform of `side` values, a matrix (side, side)."""
    k, x = torch.arange(side)[:, None], torch.arange(side) + 0.5
    rows = torch.cos(math.pi * k * x / side) * math.sqrt(2 / side)
    rows[0] /= math.sqrt(2)
    return rows
