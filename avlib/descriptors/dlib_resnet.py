"""The embedded face descriptor: dlib's ResNet, whose weights come with the environment."""

import functools

import numpy as np
import torch
from PIL import Image

from avlib.descriptors.backbone import Backbone
from avlib.descriptors.dlib_resnet_network import (
    DIM,
    SIDE,
    DlibResNet,
    load_dlib_resnet,
    preprocess,
)
from avlib.faces.alignment import RESNET_CROP
from avlib.faces.models import RECOGNITION, model_file

# Chips per forward pass.
BATCH_CPU = 16
BATCH_GPU = 512


class DlibResNetDescriptor(Backbone):
    """128 numbers per face, within 0.6 of each other for faces of one person.

    The network was trained on faces cut by dlib's own alignment; the canonical frame of our chips
    is laid out so that the same square can be cut from them.

    Parameters
    ----------
    device : str
        Of torch.

    Raises
    ------
    WeightsError
        The package with the weights is not installed.
    """

    name = "dlib_resnet"
    dim = DIM

    def __init__(self, device: str = "cpu"):
        self.device = device
        self.batch_size = BATCH_CPU if device == "cpu" else BATCH_GPU
        self.network = _network(device)

    def forward(self, chips: np.ndarray) -> torch.Tensor:
        """Describe one batch of chips: shape (n, 128)."""
        faces = np.stack([inner_face(chip) for chip in chips])
        return self.network(preprocess(faces, self.device))


def inner_face(chip: np.ndarray) -> np.ndarray:
    """Return what dlib's ResNet is to see of a chip, uint8 of shape (150, 150, 3)."""
    first, last = RESNET_CROP
    face = Image.fromarray(chip).resize(
        (SIDE, SIDE), Image.Resampling.BILINEAR, box=(first, first, last, last)
    )
    return np.array(face)


@functools.cache
def _network(device: str) -> DlibResNet:
    return load_dlib_resnet(model_file(RECOGNITION)).to(device)
