"""What a face expresses, by a small network of our own, trained on FER2013.

See ``data/weights/expression/README.md`` for its data, its scores and what it cannot do.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from avlib.corpora.fer2013 import SIZE
from avlib.descriptors.chips import ChipDescriptor
from avlib.descriptors.expression_net import CLASSES, FEATURES, ExpressionNet
from avlib.descriptors.winograd import Convolution3x3
from avlib.weights import load_tensors, require_weights

# The square of the chip, from its left, top, right and bottom edge in pixels, that frames a face as
# FER2013 does: where the median of the landmarks found on PublicTest puts it, made symmetric.
CROP = (25, 12, 199, 186)
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601, as in a JPEG


@dataclass(frozen=True)
class ExpressionDescriptor(ChipDescriptor):
    """128 features of the network's last layer, then 7 logits in the order of FER2013's `EMOTIONS`.

    Parameters
    ----------
    weights : Path, optional
        Tensors as safetensors; by default those of the repository.
    sha256 : str
        Of that file: which tensors these are, wherever the file is.
    """

    weights: Path | None = field(default=None, compare=False)
    sha256: str = ""

    name = "expression"
    dim = FEATURES + CLASSES
    batch_cpu, batch_gpu = 64, 512
    grey = True

    def load(self, device: str) -> Callable[[np.ndarray], Tensor]:
        """Load the network onto a device; WeightsError where its weights are missing."""
        network = folded(self.network()).to(device)

        def describe(chips: np.ndarray) -> Tensor:
            x = network.see(crop(chips).to(device)).to(memory_format=torch.channels_last)
            features = network.features(x)
            return torch.cat([features, network.emotion(features)], 1)

        return describe

    def network(self) -> ExpressionNet:
        """Read the network; WeightsError where its weights are missing."""
        with torch.device("meta"):
            network = ExpressionNet()
        load_tensors(self.weights or require_weights("expression"), network)
        return network.eval()


def folded(network: ExpressionNet) -> ExpressionNet:
    """Make a network that has learned faster, in place; return it.

    A BatchNorm2d multiplies each channel and adds to it, which the convolution that stands before
    it takes over; where it is faster, the convolution is Winograd's.
    """
    for module in list(network.modules()):
        for (place, convolution), (after, norm) in pairwise(list(module.named_children())):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, place, _faster(fuse_conv_bn_eval(convolution, norm)))
                setattr(module, after, nn.Identity())
    return network


def _faster(convolution: nn.Conv2d) -> nn.Conv2d:
    if (convolution.kernel_size, convolution.stride) != ((3, 3), (1, 1)):
        return convolution
    faster = Convolution3x3(convolution.in_channels, convolution.out_channels)
    faster.load_state_dict(convolution.state_dict())
    return faster


def crop(chips: np.ndarray) -> Tensor:
    """Return what the network is to see of chips, in grey levels.

    Parameters
    ----------
    chips : uint8 of shape (n, 224, 224, 3) or (n, 224, 224)
        RGB or grey.

    Returns
    -------
    Tensor of shape (n, 1, 48, 48)
        float32; each value the mean of the area of the chip that it covers.
    """
    left, top, right, bottom = CROP
    grey = chips[:, top:bottom, left:right].astype(np.float32)
    # numpy's products are alike on every processor, as torch's are, and take half of the time.
    if grey.ndim == 4:
        grey = (grey.reshape(-1, 3) @ np.array(LUMA, np.float32)).reshape(grey.shape[:3])
    return torch.from_numpy(_areas(bottom - top) @ grey @ _areas(right - left).T).unsqueeze(1)


@functools.cache
def _areas(pixels: int) -> np.ndarray:
    """Return the share of each of 48 equal parts of a line that each of its pixels covers."""
    edges = np.linspace(0, pixels, SIZE + 1)[:, None]
    first = np.arange(pixels)
    covered = np.minimum(edges[1:], first + 1) - np.maximum(edges[:-1], first)
    return (covered.clip(min=0) * SIZE / pixels).astype(np.float32)
