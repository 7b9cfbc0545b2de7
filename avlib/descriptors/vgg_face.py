"""MERML's face descriptor: VGG-Face, the 16-layer recogniser of Parkhi, Vedaldi and Zisserman.

"Deep face recognition", BMVC 2015.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from avlib.descriptors.chips import ChipDescriptor
from avlib.networks.channels import scaled
from avlib.weights import load_tensors, require_weights

Layer = Literal["fc6", "fc7", "fc8"]
LAYERS: tuple[Layer, ...] = get_args(Layer)

BLOCKS = (
    (("conv1_1", 64), ("conv1_2", 64)),
    (("conv2_1", 128), ("conv2_2", 128)),
    (("conv3_1", 256), ("conv3_2", 256), ("conv3_3", 256)),
    (("conv4_1", 512), ("conv4_2", 512), ("conv4_3", 512)),
    (("conv5_1", 512), ("conv5_2", 512), ("conv5_3", 512)),
)
FULLY_CONNECTED = 4096
IDENTITIES = 2622
CHIP = 224  # pixels
MEAN_RGB = (129.186, 104.762, 93.594)


@dataclass(frozen=True)
class VGGFaceDescriptor(ChipDescriptor):
    """Activations of one fully connected layer of VGG-Face, after its ReLU.

    Parameters
    ----------
    layer : {"fc6", "fc7"}
        MERML (section 4) uses fc6.
    weights : Path, optional
        Tensors as safetensors: the published ones (the default) or fine-tuned ones.
    sha256 : str
        Of that file: which tensors these are, wherever the file is.
    """

    layer: Layer = "fc6"
    weights: Path | None = field(default=None, compare=False)
    sha256: str = ""

    name = "vgg_face"
    dim = FULLY_CONNECTED
    batch_cpu, batch_gpu = 8, 128  # the first block alone holds 26 MB of activations for each

    def load(self, device: str) -> Callable[[np.ndarray], Tensor]:
        """Load the network onto a device."""
        network = self.network().to(device).eval()
        return lambda chips: network(preprocess(chips, device), self.layer)

    def network(self) -> "VGGFace":
        """Read the network up to the layer; WeightsError where its weights are missing."""
        with torch.device("meta"):
            network = VGGFace(self.layer)
        load_tensors(self.weights or require_weights("vgg_face"), network)
        return network


class VGGFace(nn.Module):
    """Thirteen 3x3 convolutions in five max-pooled blocks, then fc6, fc7 and fc8.

    Parameters are named as in the PyTorch port of the published weights (``conv1_1.weight`` ...
    ``fc8.bias``), so its state dict loads without renaming.

    Parameters
    ----------
    last : {"fc6", "fc7", "fc8"}
        Layers after this one are not built: fc7 and fc8 cost 110 MB that fc6 does not need.
    width : float
        Multiplies every channel count; 1 is the published network, tests use less.
    """

    def __init__(self, last: Layer = "fc8", *, width: float = 1.0):
        super().__init__()
        self.last = last
        channels = 3
        for block in BLOCKS:
            for name, full in block:
                setattr(self, name, nn.Conv2d(channels, scaled(full, width), 3, padding=1))
                channels = scaled(full, width)
        hidden = scaled(FULLY_CONNECTED, width)
        sizes = {
            "fc6": (channels * (CHIP // 2 ** len(BLOCKS)) ** 2, hidden),
            "fc7": (hidden, hidden),
            "fc8": (hidden, IDENTITIES),
        }
        for name in LAYERS[: LAYERS.index(last) + 1]:
            setattr(self, name, nn.Linear(*sizes[name]))

    def forward(self, x: Tensor, layer: Layer | None = None) -> Tensor:
        """Activations of one layer; fc6 and fc7 are taken after their ReLU, fc8 has none.

        The paper on MERML says "FCL 6's output": resolved as what the next layer receives.

        Parameters
        ----------
        x : Tensor of shape (n, 3, 224, 224)
            Preprocessed chips, see `preprocess`.
        layer : {"fc6", "fc7", "fc8"}, optional
            The last one that was built by default.

        Returns
        -------
        Tensor of shape (n, 4096) for fc6 and fc7, (n, 2622) for fc8
            Times ``width``, but for fc8.

        Raises
        ------
        ValueError
            The layer was not built.
        """
        layer = self.last if layer is None else layer
        if layer not in LAYERS[: LAYERS.index(self.last) + 1]:
            raise ValueError(f"layer {layer!r} is not in this network, which ends at {self.last}")
        x = self.convolve(x)
        for name in LAYERS[: LAYERS.index(layer) + 1]:
            x = getattr(self, name)(x)
            if name != "fc8":
                x = functional.relu(x)
            if name != layer:
                x = functional.dropout(x, 0.5, self.training)
        return x

    def convolve(self, x: Tensor) -> Tensor:
        """Apply the five blocks and flatten: (n, 3, 224, 224) to (n, 25088) at width 1."""
        for block in BLOCKS:
            for name, _ in block:
                # In place: the pre-activation is needed by nobody, and blocks 1 and 2 are large.
                x = functional.relu_(getattr(self, name)(x))
            x = functional.max_pool2d(x, 2)
        return x.flatten(1)


def preprocess(chips: np.ndarray | Tensor, device: torch.device | str = "cpu") -> Tensor:
    """Face chips as VGG-Face expects them: RGB 0-255 minus the training mean, not scaled.

    Parameters
    ----------
    chips : uint8 of shape (n, 224, 224, 3)
        RGB.
    device : torch.device or str
        Bytes travel there before they become floats, a quarter of the traffic.

    Returns
    -------
    Tensor of shape (n, 3, 224, 224)
        float32.
    """
    return torch.as_tensor(chips).to(device).permute(0, 3, 1, 2).float() - mean_rgb(device)


def mean_rgb(device: torch.device | str) -> Tensor:
    """Return the training set's mean colour, of shape (3, 1, 1)."""
    return torch.tensor(MEAN_RGB, device=device).view(3, 1, 1)
