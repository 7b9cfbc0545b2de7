"""Faces described by an encoder of pictures of the user's; see docs/features.md.

ViT (Dosovitskiy et al. 2021), the picture side of CLIP (Radford et al. 2021) and DINOv2 (Oquab et
al. 2023), through transformers.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from avlib.descriptors.chips import ChipDescriptor
from avlib.descriptors.encoder_folder import NAME, check_folder
from avlib.descriptors.encoder_model import Layer, layer_of, load_network, read_part


@dataclass(frozen=True)
class EncoderVideo(ChipDescriptor):
    """The class token of one layer of an encoder, or of the mean of all.

    Parameters
    ----------
    model : str
        Folder of the encoder.
    model_layer : int, {"last", "mean"} or tuple of float
        See `avlib.descriptors.encoder_model.layer_of`.
    model_sha256 : str
        Of that folder's files: which encoder this is, wherever it is.
    """

    model: str = field(default="", compare=False)
    model_layer: Layer = "last"
    model_sha256: str = ""

    name = NAME
    batch_cpu, batch_gpu = 16, 256

    @property
    def dim(self) -> int:
        """Length of a row."""
        return _dim(self.model, self.model_sha256)

    def load(self, device: str) -> Callable[[np.ndarray], Tensor]:
        """Load the network onto a device; WeightsError where it cannot be."""
        folder = Path(self.model)
        kind_of_config, kind, kind_of_processor = _parts(folder)
        # ViT's pooler is trained for classes, and not published with every ViT.
        given = {"add_pooling_layer": False} if kind.__name__ == "ViTModel" else {}
        config = read_part(kind_of_config, folder)
        network = load_network(kind, folder, config, device, **given)
        processor = read_part(kind_of_processor, folder)

        def describe(chips: np.ndarray) -> Tensor:
            pixels = processor(list(chips), input_data_format="channels_last", return_tensors="pt")
            output = network(pixels["pixel_values"].to(device), output_hidden_states=True)
            rows = layer_of(output, self.model_layer, "video.model_layer")[:, 0]
            # CLIP alone normalises its last layer outside of what it calls that.
            is_clips_last = self.model_layer == "last" and hasattr(network, "post_layernorm")
            return network.post_layernorm(rows) if is_clips_last else rows

        return describe


@functools.cache
def _dim(folder: str, digest: str) -> int:
    config, *_ = _parts(Path(folder))
    return read_part(config, Path(folder)).hidden_size


# By model_type: configuration, network, preprocessor. Preprocessors are those that compute with
# Pillow: the others need torchvision, and where it is installed values would depend on it.
_CLIP = ("CLIPVisionConfig", "CLIPVisionModel", "CLIPImageProcessorPil")
_PARTS = {
    "vit": ("ViTConfig", "ViTModel", "ViTImageProcessorPil"),
    "clip": _CLIP,
    "clip_vision_model": _CLIP,
    "dinov2": ("Dinov2Config", "Dinov2Model", "BitImageProcessorPil"),
}


def _parts(folder: Path) -> list[Any]:
    """Return the classes of transformers that the encoder of a folder is made of."""
    import transformers

    return [getattr(transformers, name) for name in _PARTS[check_folder(folder, "video")]]
