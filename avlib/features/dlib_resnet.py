"""The embedded face descriptor: dlib's ResNet, whose weights come with the environment."""

import functools

import numpy as np
import torch
from PIL import Image

from avlib.faces.alignment import CHIP, RESNET_CROP
from avlib.faces.models import RECOGNITION, model_file
from avlib.networks.dlib_resnet import DIM, SIDE, DlibResNet, load_dlib_resnet, preprocess

# Chips per forward pass.
BATCH_CPU = 16
BATCH_GPU = 512


class DlibResNetDescriptor:
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
        self.network = _network(device)

    @torch.inference_mode()
    def describe(self, chips: np.ndarray) -> np.ndarray:
        """Describe aligned chips.

        Parameters
        ----------
        chips : uint8 of shape (n, 224, 224, 3)
            RGB; n may be 0.

        Returns
        -------
        float32 of shape (n, 128)

        Raises
        ------
        ValueError
            Another shape or type.
        """
        if chips.dtype != np.uint8 or chips.shape[1:] != (CHIP, CHIP, 3):
            raise ValueError(
                f"chips are {chips.dtype} of shape {chips.shape}; "
                f"expected uint8 of shape (n, {CHIP}, {CHIP}, 3)"
            )
        size = BATCH_CPU if self.device == "cpu" else BATCH_GPU
        values = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, len(chips), size):
            faces = np.stack([inner_face(chip) for chip in chips[start : start + size]])
            values.append(self.network(preprocess(faces, self.device)).cpu().numpy())
        return np.concatenate(values)


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
