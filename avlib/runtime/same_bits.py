"""What a CPU computes otherwise than torch does, so that any maker's gives the same bits."""

import numpy as np
import torch
from torch import Tensor


def root(x: Tensor) -> Tensor:
    """Return the square roots of a tensor >= 0, of any shape, within two units of the last place.

    Torch's own come from MKL, which refines the processor's guess (``rsqrtps``), and each maker
    guesses in its own way.
    """
    return x.rsqrt().reciprocal()


def product(a: Tensor, b: Tensor) -> Tensor:
    """Return the matrix product of tensors of shape (..., n, k) and (..., k, m), without gradients.

    By OpenBLAS, which computes alike everywhere at full speed (`avlib.runtime.processor`); MKL
    takes about twice as long for it.
    """
    if a.device.type != "cpu":
        return a @ b
    with np.errstate(over="ignore", invalid="ignore"):  # torch does not warn either
        return torch.from_numpy(a.numpy() @ b.numpy())
