"""C3D, the spatio-temporal network of Tran et al. (ICCV 2015), trained on Sports-1M."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from avlib.networks.channels import scaled
from avlib.networks.spared_memory import Layered, in_turn

# Name and channels of each block's convolutions, and the block's pooling over time.
BLOCKS = (
    ((("conv1", 64),), 1),
    ((("conv2", 128),), 2),
    ((("conv3a", 256), ("conv3b", 256)), 2),
    ((("conv4a", 512), ("conv4b", 512)), 2),
    ((("conv5a", 512), ("conv5b", 512)), 2),
)
CLASSES = 487
FULLY_CONNECTED = 4096
FRAMES, SIDE = 16, 112  # pictures, pixels


class C3D(Layered):
    """Eight 3x3x3 convolutions in five max-pooled blocks, then fc6, fc7 and fc8.

    Parameters are named as in the PyTorch port of the Sports-1M weights (``conv1.weight`` ...
    ``fc8.bias``), whose state dict loads without renaming. Ma et al. 2019 (AVEF) list seven
    convolutions and count eight; the eighth is conv5b.

    Parameters
    ----------
    n_classes : int
        Of the last layer, `LAST`, whose published parameters fit 487 only.
    width : float
        Multiplies every channel count; 1 is the published network.
    side : int
        Of the pictures in pixels, at least 32. Smaller ones than the published 112 save time in
        trials; parameters of fc6 fit one side only.
    dropout : float
        After fc6 and fc7, in training.
    batch_norm : bool
        Normalise what each convolution finds (Ioffe and Szegedy 2015); as published, nothing does.
    pooling : {"flatten", "average"}
        Of the last pictures: all their pixels side by side, as published, or their means.
    """

    LAST = "fc8"

    def __init__(
        self,
        n_classes: int = CLASSES,
        *,
        width: float = 1.0,
        side: int = SIDE,
        dropout: float = 0.5,
        batch_norm: bool = False,
        pooling: str = "flatten",
    ):
        super().__init__()
        self.dropout = dropout
        self.average = pooling == "average"
        channels = 3
        for convolutions, _ in BLOCKS:
            for name, full in convolutions:
                setattr(self, name, nn.Conv3d(channels, scaled(full, width), 3, padding=1))
                channels = scaled(full, width)
                norm = nn.BatchNorm3d(channels) if batch_norm else nn.Identity()
                setattr(self, f"{name}_norm", norm)
        hidden = scaled(FULLY_CONNECTED, width)
        pixels = 1 if self.average else (side // 32 + 1) ** 2
        self.fc6 = nn.Linear(channels * pixels, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        self.fc8 = nn.Linear(hidden, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes, before any softmax.

        Parameters
        ----------
        x : Tensor of shape (n, 3, 16, side, side)

        Returns
        -------
        Tensor of shape (n, n_classes)
        """
        return self.classify(self.embed(x))

    def embed(self, x: Tensor) -> Tensor:
        """Activations of fc7 after its ReLU.

        Parameters
        ----------
        x : Tensor of shape (n, 3, 16, side, side)

        Returns
        -------
        Tensor of shape (n, 4096)
            Times ``width``.
        """
        x = in_turn(self, x)
        x = functional.relu(self.fc6(x.mean((2, 3, 4)) if self.average else x.flatten(1)))
        x = functional.dropout(x, self.dropout, self.training)
        return functional.relu(self.fc7(x))

    def classify(self, embedded: Tensor) -> Tensor:
        """Scores of the classes, of what `embed` returns."""
        return self.fc8(functional.dropout(embedded, self.dropout, self.training))

    def layers(self) -> list[Callable[[Tensor], Tensor]]:
        """Return the blocks of convolutions, each with its pooling."""
        return [partial(self._block, [n for n, _ in of], halving) for of, halving in BLOCKS]

    def _block(self, names: Sequence[str], halving: int, x: Tensor) -> Tensor:
        for name in names:
            x = functional.relu_(getattr(self, f"{name}_norm")(getattr(self, name)(x)))
        # Only the last pictures, 7 pixels wide of 112, are padded.
        border = 1 if names[0] == "conv5a" else 0
        return functional.max_pool3d(x, (halving, 2, 2), padding=(0, border, border))


def take_rgb(network: C3D) -> None:
    """Turn published weights, which learned from BGR pixels, so that they take RGB ones.

    They come from Caffe, which read videos with OpenCV: 0 to 255, blue first, less their mean
    (https://github.com/DavideA/c3d-pytorch/issues/1 and 4). No other layer knows of colours.
    """
    kernels = cast(nn.Conv3d, network.conv1).weight
    with torch.no_grad():
        kernels.copy_(kernels.flip(1))
