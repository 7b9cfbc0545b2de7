"""What a face expresses, by a small network of our own, trained on FER2013.

See ``data/weights/expression/README.md`` for its data, its scores and what it cannot do.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from avlib.corpora.fer2013 import SIZE
from avlib.descriptors.chips import ChipDescriptor
from avlib.descriptors.expression_net import CLASSES, FEATURES, ExpressionNet
from avlib.faces.alignment import CHIP
from avlib.weights import load_tensors, require_weights

# The square of the chip, from its left, top, right and bottom edge in pixels, that frames a face as
# FER2013 does: where the median of the landmarks found on PublicTest puts it, made symmetric.
CROP = (25, 12, 199, 186)
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601


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
    batch_cpu, batch_gpu = 32, 512

    def load(self, device: str) -> Callable[[np.ndarray], Tensor]:
        """Load the network onto a device; WeightsError where its weights are missing."""
        network = self.network().to(device)

        def describe(chips: np.ndarray) -> Tensor:
            x = network.see(crop(chips, device)).to(memory_format=torch.channels_last)
            features = network.features(x)
            return torch.cat([features, network.emotion(features)], 1)

        return describe

    def network(self) -> ExpressionNet:
        """Read the network; WeightsError where its weights are missing."""
        with torch.device("meta"):
            network = ExpressionNet()
        load_tensors(self.weights or require_weights("expression"), network)
        return network.eval()


def crop(chips: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """Return what the network is to see of chips, in grey levels.

    Parameters
    ----------
    chips : uint8 of shape (n, 224, 224, 3)
        RGB.

    Returns
    -------
    Tensor of shape (n, 1, 48, 48)
        float32; each value the mean of the area of the chip that it covers.
    """
    left, top, right, bottom = CROP
    grey = torch.from_numpy(chips).to(device).float() @ torch.tensor(LUMA, device=device)
    rows, columns = _areas(top, bottom).to(device), _areas(left, right).to(device)
    return (rows @ grey @ columns.T).unsqueeze(1)


def _areas(first: float, last: float) -> Tensor:
    """Return the share of each of 48 equal parts of a line that each of 224 pixels covers."""
    edges = torch.linspace(first, last, SIZE + 1).unsqueeze(1)
    pixels = torch.arange(CHIP)
    covered = torch.minimum(edges[1:], pixels + 1) - torch.maximum(edges[:-1], pixels)
    return covered.clamp(min=0) * SIZE / (last - first)
