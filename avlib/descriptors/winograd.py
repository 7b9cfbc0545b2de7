"""Convolutions of 3 x 3 with a quarter to a half of the products of the plain sum.

Winograd's minimal filtering F(4 x 4, 3 x 3) (Lavin and Gray, "Fast algorithms for convolutional
neural networks", CVPR 2016): a square of 6 x 6 pixels and the kernel are transformed so that 36
products give 4 x 4 results, which otherwise take 144. Over all squares and channels these are 36
matrix products, which OpenBLAS computes at full speed, and alike on every processor.
"""

import numba
import numpy as np
import torch
from torch import Tensor, nn

_TILE, _SEEN = 4, 6  # results a side of a square, and pixels a side that they depend on
_LANES = 32  # channels that are transformed at once
_ROWS = 100  # of a matrix product, about: what is computed at once stays in the processor's cache
# Transformed kernels of more channels take longer to come from memory than their products take.
_MOST_CHANNELS = 128
# G of the paper, from a kernel's row to the numbers that products are taken with.
_KERNEL = np.array(
    [
        (1 / 4, 0, 0),
        (-1 / 6, -1 / 6, -1 / 6),
        (-1 / 6, 1 / 6, -1 / 6),
        (1 / 24, 1 / 12, 1 / 6),
        (1 / 24, -1 / 12, 1 / 6),
        (0, 0, 1),
    ]
)


class Convolution3x3(nn.Conv2d):
    """A convolution of 3 x 3 whose images are black outside, for inference.

    On a CPU it is Winograd's where that is faster: for 32, 64, 96 or 128 channels. The weights are
    those of the first call.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 3, padding=1)
        of_use = {channels_in % _LANES, channels_out % _LANES} == {0}
        self._faster = of_use and max(channels_in, channels_out) <= _MOST_CHANNELS
        self._kernels: np.ndarray | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels_in, h, w) to (n, channels_out, h, w), without gradients."""
        if not self._faster or x.device.type != "cpu":
            return super().forward(x)
        if self._kernels is None:
            self._kernels = transformed(self.weight.detach().numpy())
        assert self.bias is not None
        pixels = np.ascontiguousarray(x.detach().permute(0, 2, 3, 1).numpy())
        y = convolve(pixels, self._kernels, self.bias.detach().numpy())
        return torch.from_numpy(y).permute(0, 3, 1, 2)


def transformed(weight: np.ndarray) -> np.ndarray:
    """Return kernels as `convolve` takes them.

    Parameters
    ----------
    weight : array of shape (channels_out, channels_in, 3, 3)

    Returns
    -------
    float32 array of shape (36, channels_in, channels_out)
    """
    kernels = np.einsum("ia,ocab,jb->ijco", _KERNEL, weight.astype(np.float64), _KERNEL)
    return np.ascontiguousarray(kernels.reshape(-1, *kernels.shape[2:]), np.float32)


def convolve(x: np.ndarray, kernels: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolve images.

    Parameters
    ----------
    x : float32 array of shape (n, h, w, channels_in)
    kernels : float32 array of shape (36, channels_in, channels_out)
        Of `transformed`.
    bias : float32 array of shape (channels_out,)

    Returns
    -------
    float32 array of shape (n, h, w, channels_out)
    """
    n, height, width, channels = x.shape
    channels_out = kernels.shape[2]
    y = np.empty((n, height, width, channels_out), np.float32)
    squares = -(-height // _TILE) * -(-width // _TILE)
    at_once = max(1, _ROWS // squares)
    seen = np.empty((_SEEN**2, at_once * squares, channels), np.float32)
    products = np.empty((_SEEN**2, at_once * squares, channels_out), np.float32)
    scratch = np.empty((_SEEN, _SEEN, _LANES), np.float32)
    for first in range(0, n, at_once):
        some = slice(first, first + at_once)
        rows = len(x[some]) * squares
        _forth(_in_lanes(x[some]), _in_lanes(_squared(seen)), scratch)
        np.matmul(seen[:, :rows], kernels, out=products[:, :rows])
        _back(_in_lanes(_squared(products)), _in_lanes(bias), _in_lanes(y[some]), scratch)
    return y


def _in_lanes(values: np.ndarray) -> np.ndarray:
    return values.reshape(*values.shape[:-1], -1, _LANES)


def _squared(values: np.ndarray) -> np.ndarray:
    return values.reshape(_SEEN, _SEEN, *values.shape[1:])


@numba.njit(cache=True)
def _forth(x, seen, d):
    """Transform all squares d of images, (n, h, w, b, 32): B^T d B, (6, 6, squares, b, 32)."""
    n, height, width, blocks, _ = x.shape
    square = 0
    for image in range(n):
        for top in range(0, height, _TILE):
            for left in range(0, width, _TILE):
                for block in range(blocks):
                    for i in range(_SEEN):
                        for j in range(_SEEN):
                            row, column = top + i - 1, left + j - 1
                            if 0 <= row < height and 0 <= column < width:
                                for k in range(_LANES):
                                    d[i, j, k] = x[image, row, column, block, k]
                            else:
                                for k in range(_LANES):
                                    d[i, j, k] = 0
                    for i in range(_SEEN):
                        for k in range(_LANES):
                            v = _six_of(
                                d[i, 0, k],
                                d[i, 1, k],
                                d[i, 2, k],
                                d[i, 3, k],
                                d[i, 4, k],
                                d[i, 5, k],
                            )
                            d[i, 0, k], d[i, 1, k], d[i, 2, k] = v[0], v[1], v[2]
                            d[i, 3, k], d[i, 4, k], d[i, 5, k] = v[3], v[4], v[5]
                    for j in range(_SEEN):
                        for k in range(_LANES):
                            v = _six_of(
                                d[0, j, k],
                                d[1, j, k],
                                d[2, j, k],
                                d[3, j, k],
                                d[4, j, k],
                                d[5, j, k],
                            )
                            d[0, j, k], d[1, j, k], d[2, j, k] = v[0], v[1], v[2]
                            d[3, j, k], d[4, j, k], d[5, j, k] = v[3], v[4], v[5]
                    for i in range(_SEEN):
                        for j in range(_SEEN):
                            for k in range(_LANES):
                                seen[i, j, square, block, k] = d[i, j, k]
                square += 1


@numba.njit(cache=True)
def _back(products, bias, y, d):
    """Transform the products m of all squares into results: A^T m A + bias."""
    n, height, width, blocks, _ = y.shape
    square = 0
    for image in range(n):
        for top in range(0, height, _TILE):
            for left in range(0, width, _TILE):
                for block in range(blocks):
                    for i in range(_SEEN):
                        for k in range(_LANES):
                            d[i, 0, k], d[i, 1, k], d[i, 2, k], d[i, 3, k] = _four_of(
                                products[i, 0, square, block, k],
                                products[i, 1, square, block, k],
                                products[i, 2, square, block, k],
                                products[i, 3, square, block, k],
                                products[i, 4, square, block, k],
                                products[i, 5, square, block, k],
                            )
                    for j in range(_TILE):
                        for k in range(_LANES):
                            d[0, j, k], d[1, j, k], d[2, j, k], d[3, j, k] = _four_of(
                                d[0, j, k],
                                d[1, j, k],
                                d[2, j, k],
                                d[3, j, k],
                                d[4, j, k],
                                d[5, j, k],
                            )
                    for i in range(min(_TILE, height - top)):
                        for j in range(min(_TILE, width - left)):
                            for k in range(_LANES):
                                y[image, top + i, left + j, block, k] = d[i, j, k] + bias[block, k]
                square += 1


@numba.njit(cache=True)
def _six_of(a, b, c, d, e, f):
    """Return B^T of the paper times six numbers."""
    two, four, five = np.float32(2), np.float32(4), np.float32(5)
    outer, inner = e - four * c, d - four * b
    wide, near = e - c, two * (d - b)
    first, last = four * a - five * c + e, four * b - five * d + f
    return first, outer + inner, outer - inner, wide + near, wide - near, last


@numba.njit(cache=True)
def _four_of(a, b, c, d, e, f):
    """Return A^T of the paper times six numbers."""
    two, four, eight = np.float32(2), np.float32(4), np.float32(8)
    near, apart = b + c, b - c
    wide, far = d + e, d - e
    return a + near + wide, apart + two * far, near + four * wide, apart + eight * far + f
