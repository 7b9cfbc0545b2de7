"""The paper's face descriptor: a fully connected layer of VGG-Face."""

from pathlib import Path
from typing import cast

import numpy as np
import torch

from avlib.descriptors.backbone import Backbone
from avlib.descriptors.vgg_face_network import Layer, VGGFace, preprocess
from avlib.runtime.errors import ParamsError
from avlib.weights import load_tensors, load_weights

# Chips per forward pass: the first block alone holds 26 MB of activations for each.
BATCH_CPU = 8
BATCH_GPU = 128


class VGGFaceLayer(Backbone):
    """Activations of one fully connected layer of VGG-Face, after its ReLU.

    Parameters
    ----------
    network : VGGFace
        With its weights; it is moved to `device` and set to evaluation.
    layer : {"fc6", "fc7"}
        MERML (section 4) uses fc6.
    device : str
        Of torch.
    """

    name = "vgg_face"

    def __init__(self, network: VGGFace, layer: Layer = "fc6", device: str = "cpu"):
        self.network = network.to(device).eval()
        self.layer = layer
        self.device = device
        self.batch_size = BATCH_CPU if device == "cpu" else BATCH_GPU
        self.dim: int = getattr(network, layer).out_features

    def forward(self, chips: np.ndarray) -> torch.Tensor:
        """Describe one batch of chips: shape (n, dim)."""
        return self.network(preprocess(chips, self.device), layer=self.layer)


def load_vgg_face(
    layer: str = "fc6", weights: Path | None = None, device: str = "cpu"
) -> VGGFaceLayer:
    """Make VGG-Face up to `layer`, with its published weights or those of a file.

    Raises
    ------
    ParamsError
        No such layer.
    WeightsError
        The weights are missing or not of this network.
    """
    if layer not in ("fc6", "fc7"):
        raise ParamsError(f"visual.layer is {layer!r}; expected fc6 or fc7")
    with torch.device("meta"):
        network = VGGFace(cast(Layer, layer))
    if weights is None:
        load_weights("vgg_face", network)
    else:
        load_tensors(weights, network)
    return VGGFaceLayer(network, cast(Layer, layer), device)
