"""I3D's RGB stream: Inception-v1 inflated to three dimensions (Carreira and Zisserman, CVPR 2017).

The video network of the gating paradigm (Ghaleb et al., ACII 2019, section IV).
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from avlib.networks.channels import scaled
from avlib.networks.spared_memory import Layered, in_turn

# Channels, side of the kernel, stride.
STEM = {"Conv3d_1a_7x7": (64, 7, 2), "Conv3d_2b_1x1": (64, 1, 1), "Conv3d_2c_3x3": (192, 3, 1)}
# Channels of b0, b1a, b1b, b2a, b2b and b3b.
INCEPTION = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
# Kernel and stride of the max-pools before these layers, in (time, height, width).
POOL_BEFORE = {
    "Conv3d_2b_1x1": ((1, 3, 3), (1, 2, 2)),
    "Mixed_3b": ((1, 3, 3), (1, 2, 2)),
    "Mixed_4b": ((3, 3, 3), (2, 2, 2)),
    "Mixed_5b": ((2, 2, 2), (2, 2, 2)),
}
KINETICS_CLASSES = 400


class I3D(Layered):
    """Three convolutions and nine Inception modules over (time, height, width).

    Parameters are named as in the PyTorch port of the published weights
    (``Conv3d_1a_7x7.conv3d.weight`` ... ``logits.conv3d.bias``), so its state dict loads without
    renaming.

    Parameters
    ----------
    width : float
        Multiplies every channel count; 1 is the published network.
    classes : int or None
        Logits; 400 in Kinetics, 157 in Charades. They are built to read published files alone,
        nothing computes them; None leaves them out.

    Attributes
    ----------
    dim : int
        Channels of `features`: 1024 at width 1.
    """

    def __init__(self, *, width: float = 1.0, classes: int | None = KINETICS_CLASSES):
        super().__init__()
        channels = 3
        for name, (full, kernel, stride) in STEM.items():
            setattr(self, name, Unit(channels, scaled(full, width), kernel, stride))
            channels = scaled(full, width)
        for name, branches in INCEPTION.items():
            module = Inception(channels, [scaled(full, width) for full in branches])
            setattr(self, name, module)
            channels = module.channels
        self.dim = channels
        if classes is not None:
            self.logits = nn.Sequential(OrderedDict(conv3d=nn.Conv3d(channels, classes, 1)))

    def features(self, x: Tensor) -> Tensor:
        """Activations of the last Inception module, averaged over time, height and width.

        Parameters
        ----------
        x : Tensor of shape (n, 3, t, h, w)
            t RGB frames of h x w pixels in [-1, 1]. Every t, h and w will do,
            but time is divided by 8 and the picture by 32, each rounded up, on the way.

        Returns
        -------
        Tensor of shape (n, dim)
        """
        return in_turn(self, x).mean((2, 3, 4))

    def layers(self) -> list[Callable[[Tensor], Tensor]]:
        """Return the convolutions and Inception modules, each with the pooling before it."""
        return [partial(self._layer, name) for name in (*STEM, *INCEPTION)]

    def _layer(self, name: str, x: Tensor) -> Tensor:
        if name in POOL_BEFORE:
            x = max_pool_same(x, *POOL_BEFORE[name])
        return getattr(self, name)(x)


class Unit(nn.Module):
    """A convolution without bias, padded as TensorFlow's "same", batch norm and ReLU."""

    def __init__(self, channels_in: int, channels: int, kernel: int, stride: int = 1):
        super().__init__()
        self.conv3d = nn.Conv3d(channels_in, channels, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(channels, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, t, h, w) to (n, channels, t / stride, h / stride, w / stride), rounded up."""
        conv = self.conv3d
        x, padding = _pad_same(x, conv.kernel_size, conv.stride)
        x = functional.conv3d(x, conv.weight, None, conv.stride, padding)
        return functional.relu_(self.bn(x))


class Inception(nn.Module):
    """Four branches side by side: 1x1x1; 1x1x1 and 3x3x3, twice; 3x3x3 max-pool and 1x1x1."""

    def __init__(self, channels_in: int, branches: Sequence[int]):
        super().__init__()
        b0, b1a, b1b, b2a, b2b, b3b = branches
        self.b0 = Unit(channels_in, b0, 1)
        self.b1a = Unit(channels_in, b1a, 1)
        self.b1b = Unit(b1a, b1b, 3)
        self.b2a = Unit(channels_in, b2a, 1)
        self.b2b = Unit(b2a, b2b, 3)
        self.b3b = Unit(channels_in, b3b, 1)
        self.channels = b0 + b1b + b2b + b3b

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, t, h, w) to (n, channels, t, h, w)."""
        pooled = max_pool_same(x, (3, 3, 3), (1, 1, 1))
        branches = [self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled)]
        return torch.cat(branches, 1)


def max_pool_same(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """Max-pool what a ReLU left, padded as TensorFlow's "same"."""
    x, padding = _pad_same(x, kernel, stride)
    return functional.max_pool3d(x, kernel, stride, padding)


def _pad_same(
    x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]
) -> tuple[Tensor, tuple[int, ...]]:
    """Pad such that an axis of s positions becomes one of s / stride, rounded up.

    An axis lacks `total` positions for that; when their number is odd the end gets one more than
    the start. That one is appended here, a zero, which no maximum over ReLU's outputs can see; the
    rest is the same on both sides, and the operation itself pads it without a copy.
    """
    totals = [
        max(k - 1 - (size - 1) % s, 0)
        for size, k, s in zip(x.shape[2:], kernel, stride, strict=True)
    ]
    if any(total % 2 for total in totals):
        x = functional.pad(x, [side for total in reversed(totals) for side in (0, total % 2)])
    return x, tuple(total // 2 for total in totals)
