"""AVEF's networks: AlexNet on mel images, C3D on faces, a deep belief network on both."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from avlib.networks.channels import scaled
from avlib.systems.avef.alexnet import AlexNet
from avlib.systems.avef.c3d import C3D
from avlib.systems.avef.dbn import DBN, SIZES


class SegmentNetwork(nn.Module):
    """One modality's network, and how its input is prepared.

    Parameters
    ----------
    modality : {"audio", "video"}
    n_classes : int
    width : float
        Multiplies the channels; 1: as published.
    side : int
        Of the pictures that the network takes, pixels: chips, or mel images resized.
    **layers
        ``dropout`` of the fully connected layers; ``batch_norm`` and ``pooling`` of the
        convolutions, see `AlexNet`.

    Attributes
    ----------
    mean, spread : Tensor of shape (3,)
        Of each channel of the input, which is standardised by them.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, modality: str, n_classes: int, *, width: float, side: int, **layers: Any):
        super().__init__()
        self.modality, self.side = modality, side
        self.modalities = (modality,)
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("spread", torch.ones(3))
        backbone: type[AlexNet | C3D] = AlexNet if modality == "audio" else C3D
        self.backbone = backbone(n_classes, width=width, side=side, **layers)

    @property
    def classifier(self) -> nn.Linear:
        """The last layer, fc8."""
        return cast(nn.Linear, self.backbone.get_submodule(self.backbone.LAST))

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Scores of the classes before softmax, (n, n_classes).

        Parameters
        ----------
        inputs : dict of str to Tensor
            "audio": mel images of shape (n, 3, 64, n_frames); "video": chips of shape (n, 16,
            side, side, 3), 0 to 255, integers or, augmented, floats; "audio_fc7" or "video_fc7" in
            their place: activations of fc7 that were computed before.
        """
        return self.backbone.classify(self.embed(inputs))

    def embed(self, inputs: dict[str, Tensor]) -> Tensor:
        """Activations of fc7, (n, 4096 width)."""
        known = inputs.get(f"{self.modality}_fc7")
        return self.backbone.embed(self.prepare(inputs)) if known is None else known

    def prepare(self, inputs: dict[str, Tensor]) -> Tensor:
        """Standardise the input; mel images are resized bilinearly to what AlexNet takes."""
        values = inputs[self.modality]
        if self.modality == "audio":
            shape = (1, 3, 1, 1)
            values = (values.to(self.mean) - self.mean.view(shape)) / self.spread.view(shape)
            return _resized(values, self.side)
        # Row by row, as arithmetic on runs of three channels is slow.
        rows, side = values.flatten(3).to(self.mean), values.shape[3]
        rows = (rows - self.mean.repeat(side)).div_(self.spread.repeat(side))
        # As they lie, channels last: on a CPU convolutions are a third faster with that.
        values = rows.view(values.shape).permute(0, 4, 1, 2, 3)
        return values.contiguous() if values.is_cuda else values


class JointNetwork(nn.Module):
    """Both networks' fc7 side by side in a deep belief network; learns as a whole.

    Ma et al. 2019 (AVEF), section 2.2.3: 8192-4096-2048-C.

    Parameters
    ----------
    streams : mapping of str to SegmentNetwork
        "audio" and "video"; become part of it.
    n_classes : int
    width : float
        Multiplies the units of the deep belief network.
    """

    def __init__(self, streams: dict[str, SegmentNetwork], n_classes: int, *, width: float):
        super().__init__()
        self.streams = nn.ModuleDict(streams)
        self.modalities = tuple(streams)
        half, *hidden = (scaled(size, width) for size in (SIZES[0] // 2, *SIZES[1:]))
        self.dbn = DBN(n_classes, (2 * half, *hidden))

    @property
    def classifier(self) -> nn.Linear:
        """The last layer of the deep belief network."""
        return self.dbn.classifier

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Scores of the classes before softmax, (n, n_classes)."""
        return self.dbn(self.features(inputs))

    def embed(self, inputs: dict[str, Tensor]) -> Tensor:
        """Activations of the last hidden layer, (n, 2048 width)."""
        return self.dbn.embed(self.features(inputs))

    def features(self, inputs: dict[str, Tensor]) -> Tensor:
        """Return fc7 of both networks side by side, (n, 8192 width)."""
        streams = (cast(SegmentNetwork, stream) for stream in self.streams.values())
        return torch.cat([stream.embed(inputs) for stream in streams], dim=1)


def _resized(images: Tensor, side: int) -> Tensor:
    """Resize images bilinearly; channel by channel, as torch is three times slower on three."""
    if images.shape[2:] == (side, side):  # it would take a tenth of the time
        return images
    single = images.flatten(0, 1)[:, None]
    single = functional.interpolate(single, (side, side), mode="bilinear")
    return single.view(*images.shape[:2], side, side)


def initialise(network: SegmentNetwork) -> None:
    """Draw the weights of layers before rectifiers as He et al. (2015), from torch's generator.

    Torch's own are a sixth as large in variance: ten layers on, all segments would look the same.
    The last layer keeps torch's, or the first steps would undo scores as large as they are wrong.
    """
    last = network.classifier
    for layer in network.modules():
        if layer is last:
            continue
        if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(cast(Tensor, layer.bias))
