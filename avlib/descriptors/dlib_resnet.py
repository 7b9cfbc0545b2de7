"""A face descriptor that tells persons: dlib's ResNet face recogniser (King, 2017), on torch.

Far faster than in dlib, and on any device. The same network as
``dlib.face_recognition_model_v1`` with the weights of dlib's own file, which come with the
environment: 29 convolutions, each followed by a fixed scale and shift per channel, which is folded
into it here.
"""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from avlib.descriptors.chips import ChipDescriptor
from avlib.descriptors.winograd import Convolution3x3
from avlib.faces.alignment import RESNET_CROP
from avlib.faces.models import RECOGNITION, model_file
from avlib.runtime.errors import WeightsError

SIDE = 150  # of the input, pixels
DIM = 128
MEAN_RGB = (122.782, 117.001, 104.298)
STEM = 32
# Output channels of the residual blocks from input to output, and whether the block halves.
BLOCKS = (
    *[(32, False)] * 3,
    *[(64, True), *[(64, False)] * 3],
    *[(128, True), *[(128, False)] * 2],
    *[(256, True), *[(256, False)] * 2],
    (256, True),
)
# A tensor in dlib's file: this version, four sizes, the values.
_TENSOR = 2


class DlibResNetDescriptor(ChipDescriptor):
    """128 numbers per face, within 0.6 of each other for faces of one person.

    The network was trained on faces cut by dlib's own alignment; the canonical frame of our chips
    is laid out so that the same square can be cut from them.
    """

    name = "dlib_resnet"
    dim = DIM
    batch_cpu, batch_gpu = 16, 512

    def load(self, device: str) -> Callable[[np.ndarray], Tensor]:
        """Load the network; WeightsError where the package with the weights is not installed."""
        network = load_dlib_resnet(model_file(RECOGNITION))
        network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stub
        return lambda chips: network(preprocess(inner_faces(chips), device))


def inner_faces(chips: np.ndarray) -> np.ndarray:
    """Return what dlib's ResNet is to see of chips, uint8 of shape (n, 150, 150, 3)."""
    first, last = RESNET_CROP
    seen = torch.from_numpy(chips).permute(0, 3, 1, 2)[..., first:last, first:last]
    faces = functional.interpolate(seen, (SIDE, SIDE), mode="bilinear", antialias=True)
    return faces.permute(0, 2, 3, 1).numpy()


class Block(nn.Module):
    """Two 3x3 convolutions around which the input is added; a halving one pools that input."""

    def __init__(self, channels_in: int, channels: int, halves: bool):
        super().__init__()
        self.halves = halves
        kind = functools.partial(nn.Conv2d, kernel_size=3, stride=2) if halves else Convolution3x3
        self.first = kind(channels_in, channels)
        self.second = Convolution3x3(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to (n, channels, h', w')."""
        y = self.second(functional.relu(self.first(x), inplace=True))
        if self.halves:
            x = functional.avg_pool2d(x, 2)
            # dlib adds maps of unequal sizes as if the smaller one were filled up with zeros.
            shape = [max(a, b) for a, b in zip(x.shape[1:], y.shape[1:], strict=True)]
            x, y = _filled(x, shape), _filled(y, shape)
        return functional.relu(x + y, inplace=True)


class DlibResNet(nn.Module):
    """The network without its weights, see `load_dlib_resnet`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, STEM, 7, 2)
        widths = [STEM, *(channels for channels, _ in BLOCKS)]
        self.blocks = nn.Sequential(
            *(Block(width, *block) for width, block in zip(widths[:-1], BLOCKS, strict=True))
        )
        self.embed = nn.Linear(widths[-1], DIM, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Describe faces.

        Parameters
        ----------
        x : Tensor of shape (n, 3, 150, 150)
            See `preprocess`.

        Returns
        -------
        Tensor of shape (n, 128)
            Two faces of one person are within 0.6 of each other.
        """
        # The largest of positive parts is the positive part of the largest, which are fewer.
        x = functional.relu(functional.max_pool2d(self.stem(x), 3, 2), inplace=True)
        return self.embed(self.blocks(x).mean(dim=(2, 3)))


def preprocess(faces: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """Turn RGB faces, uint8 of shape (n, 150, 150, 3), into the network's input."""
    x = torch.as_tensor(faces).to(device).permute(0, 3, 1, 2).float()
    return (x - torch.tensor(MEAN_RGB, device=device).view(3, 1, 1)) / 256


def load_dlib_resnet(path: Path) -> DlibResNet:
    """Build the network with the weights in dlib's file ``dlib_face_recognition_resnet_model_v1``.

    Raises
    ------
    WeightsError
        The file is missing or not of this network.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: not there; expected dlib's ResNet, in dlib's own format")
    network = DlibResNet().eval()
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    shapes = []
    for module in convolutions:
        shapes += [(module.weight.numel() + module.out_channels, 1), (2 * module.out_channels, 1)]
    values = _tensors(path, [*shapes, (network.embed.in_features, DIM)])
    with torch.no_grad():
        for module in convolutions:
            convolution, affine = next(values), next(values)
            weight, bias = convolution.split([module.weight.numel(), module.out_channels])
            scale, shift = affine.chunk(2)
            module.weight.copy_(weight.view_as(module.weight) * scale.view(-1, 1, 1, 1))
            assert module.bias is not None
            module.bias.copy_(bias * scale + shift)
        network.embed.weight.copy_(next(values).view(-1, DIM).T)
    return network


def _tensors(path: Path, shapes: list[tuple[int, int]]) -> Iterator[Tensor]:
    """Read the parameters of the layers, flat, given their sizes from input to output.

    dlib writes the layers in this order. What stands between their parameters is skipped: they are
    found by their headers, which hold the sizes.
    """
    data = path.read_bytes()
    position = 0
    for shape in shapes:
        header = b"".join(_integer(value) for value in (_TENSOR, *shape, 1, 1))
        found = data.find(header, position)
        start, count = found + len(header), shape[0] * shape[1]
        position = start + 4 * count
        if found < 0 or position > len(data):
            raise WeightsError(
                f"{path}: holds no layer of {shape[0]} x {shape[1]} numbers where dlib's ResNet "
                "has one; expected the whole dlib_face_recognition_resnet_model_v1.dat"
            )
        yield torch.from_numpy(np.frombuffer(data, "<f4", count, start).copy())


def _integer(value: int) -> bytes:
    """Write a positive integer as dlib does: the number of bytes, then the bytes, lowest first."""
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "little")


def _filled(x: Tensor, shape: list[int]) -> Tensor:
    """Fill (n, c, h, w) up with zeros behind to (n, *shape)."""
    c, h, w = (full - size for full, size in zip(shape, x.shape[1:], strict=True))
    return functional.pad(x, (0, w, 0, h, 0, c)) if c or h or w else x
