"""SoundNet of eight layers: one-dimensional convolutions on the waveform (Aytar et al., NIPS 2016).

The audio network of the gating paradigm (Ghaleb et al., ACII 2019, section IV).
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from avlib.networks.channels import scaled

RATE = 22_050  # Hz
# Channels, kernel (half of it is the padding on either side; the stride is 2), max-pool after it.
LAYERS = {
    "conv1": (16, 64, 8),
    "conv2": (32, 32, 8),
    "conv3": (64, 16, 1),
    "conv4": (128, 8, 1),
    "conv5": (256, 4, 4),
    "conv6": (512, 4, 1),
    "conv7": (1024, 4, 1),
}
_AT_ONCE = 32  # values of the first convolution that one row of a matrix product yields
# Objects of ImageNet and places of Places; their convolutions are not padded.
HEADS = {"conv8": 1000, "conv8_2": 401}
HEAD_KERNEL = 8
# Kinds of arrays in the TensorFlow port's ``sound8.npy`` and what torch calls them.
_TENSORFLOW = {
    "weight": "0.weight",
    "bias": "0.bias",
    "gamma": "1.weight",
    "beta": "1.bias",
    "mean": "1.running_mean",
    "var": "1.running_var",
}


class TimeConvolution(nn.Conv2d):
    """The ports' two-dimensional layer, computed along time alone: twice as fast on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (n, channels, time, 1)."""
        stride, padding = int(self.stride[0]), int(self.padding[0])
        waves, kernel = x.squeeze(3), self.weight.squeeze(3)
        if self.in_channels == 1 and not x.is_cuda:
            return convolve_waves(waves[:, 0], kernel[:, 0], self.bias, stride, padding)[..., None]
        return functional.conv1d(waves, kernel, self.bias, stride, padding)[..., None]


def convolve_waves(
    waves: Tensor, kernel: Tensor, bias: Tensor | None, stride: int, padding: int
) -> Tensor:
    """Convolve waves with each row of a kernel by one product of matrices.

    A frame of the wave yields `_AT_ONCE` values in a row: the matrix holds the kernel as often,
    each time a stride further. On a CPU that is two (full width) to six times as fast as conv1d,
    which is made for many channels.

    Parameters
    ----------
    waves : Tensor of shape (n, samples)
    kernel : Tensor of shape (channels, k)
    bias : Tensor of shape (channels,), optional
    stride, padding : int

    Returns
    -------
    Tensor of shape (n, channels, (samples + 2 padding - k) // stride + 1)
    """
    (n, samples), (channels, k) = waves.shape, kernel.shape
    steps = (samples + 2 * padding - k) // stride + 1
    n_frames = math.ceil(steps / _AT_ONCE)
    hop, reach = stride * _AT_ONCE, stride * (_AT_ONCE - 1)
    end = hop * (n_frames - 1) + reach + k
    frames = functional.pad(waves, (padding, end - padding - samples)).unfold(1, reach + k, hop)
    # One row for each of a frame's values and channels: the kernel behind so many zeros.
    shifts = range(0, reach + 1, stride)
    matrix = torch.stack([functional.pad(kernel, (shift, reach - shift)) for shift in shifts], 1)
    values = (frames @ matrix.flatten(0, 1).T).view(n, n_frames, channels, _AT_ONCE)
    values = values.transpose(1, 2).reshape(n, channels, -1)[..., :steps]
    return values if bias is None else values + bias[:, None]


class SoundNet8(nn.Module):
    """Seven convolutions with batch norm and ReLU, max-pools after three.

    Parameters are named as in the PyTorch ports of the published weights (``conv1.0.weight`` of
    shape (16, 1, 64, 1), ``conv1.1.running_mean`` ... ``conv8_2.0.bias``).

    Parameters
    ----------
    width : float
        Multiplies every channel count, but for the heads' outputs; 1 is the published network.
    heads : bool
        Whether to build conv8 and conv8_2, to read published files; nothing computes them.

    Attributes
    ----------
    dim : int
        Channels of `features`: 1024 at width 1.
    """

    def __init__(self, *, width: float = 1.0, heads: bool = True):
        super().__init__()
        channels = 1
        for name, (full, kernel, pool) in LAYERS.items():
            out = scaled(full, width)
            parts = [
                TimeConvolution(channels, out, (kernel, 1), (2, 1), (kernel // 2, 0)),
                nn.BatchNorm2d(out),
                nn.ReLU(inplace=True),
                *([nn.MaxPool2d((pool, 1))] if pool > 1 else []),
            ]
            setattr(self, name, nn.Sequential(*parts))
            channels = out
        self.dim = channels
        if heads:
            for name, classes in HEADS.items():
                head = nn.Conv2d(channels, classes, (HEAD_KERNEL, 1), (2, 1))
                setattr(self, name, nn.Sequential(head))

    def features(self, x: Tensor) -> Tensor:
        """Activations of conv7, averaged over time.

        Parameters
        ----------
        x : Tensor of shape (n, samples)
            Mono at 22,050 Hz in [-256, 256]; at least 4,574 samples, 0.21 s. From 0.58 s on there
            are two time steps to average, from 2.07 s three, and one more every 1.49 s.

        Returns
        -------
        Tensor of shape (n, dim)
        """
        x = x[:, None, :, None]
        for name in LAYERS:
            x = getattr(self, name)(x)
        return x.mean((2, 3))


def from_tensorflow(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename and permute the arrays of ``sound8.npy``; tensors named as here stay as they are.

    ``conv1.weight`` (height, width, in, out) becomes ``conv1.0.weight`` (out, in, height, width),
    ``conv1.bias`` ``conv1.0.bias``, and ``conv1.gamma``, ``beta``, ``mean`` and ``var`` become
    ``conv1.1.weight``, ``bias``, ``running_mean`` and ``running_var``.
    """
    renamed = {}
    for name, tensor in tensors.items():
        layer, _, kind = name.partition(".")
        if kind == "weight" and tensor.dim() == 4:
            tensor = tensor.permute(3, 2, 0, 1)
        renamed[f"{layer}.{_TENSORFLOW.get(kind, kind)}"] = tensor
    return renamed
