"""Deep networks on small GPUs: what a layer keeps for its gradient is computed again instead.

Checkpointing (Chen et al. 2016): of each layer only the input stays; the backward pass computes the
rest once more. Gradients are the same, a step computes a third more. Nothing is cut into chunks,
since batch normalisation would then normalise by other means.
"""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from avlib.networks.kept_bytes import KeptBytes
from avlib.runtime.device import memory

# Of a device's memory; the rest holds weights, gradients and what layers need meanwhile.
_SHARE = 0.6


class Layered(nn.Module, ABC):
    """A network of layers, one after the other."""

    @abstractmethod
    def layers(self) -> Sequence[Callable[[Tensor], Tensor]]:
        """Return the layers."""


def in_turn(network: Layered, x: Tensor) -> Tensor:
    """Apply the layers of a network; where their values would not fit the device, spare memory.

    Parameters
    ----------
    network : Layered
    x : Tensor of shape (n, ...)
        The first layer's input.
    """
    spared = torch.is_grad_enabled() and does_not_fit(network, x)
    for layer in network.layers():
        x = _again(network, layer, x) if spared else layer(x)
    return x


def does_not_fit(network: Layered, x: Tensor) -> bool:
    """Tell whether what the layers keep of a batch is more than the device may hold."""
    available = memory(x.device)
    if math.isinf(available):
        return False
    bytes_each, _ = layer_bytes(network, tuple(x.shape[1:]))
    mixed = 0.5 if torch.is_autocast_enabled(x.device.type) else 1.0
    return mixed * bytes_each * len(x) > _SHARE * available


def layer_bytes(network: Layered, shape: tuple[int, ...]) -> tuple[float, float]:
    """Return the bytes that training keeps of an example: usually, and where memory is spared.

    They are counted on the meta device, in float32, and remembered.

    Parameters
    ----------
    network : Layered
    shape : tuple of int
        Of an example.
    """
    known = vars(network).setdefault("_layer_bytes", {})
    if shape not in known:
        twin = copy.deepcopy(network).to("meta").train()
        x = torch.empty(2, *shape, device="meta")
        inputs, kept = 0, [0]
        for layer in twin.layers():
            inputs += x.numel() * x.element_size()
            counted = KeptBytes(twin)
            with counted:
                x = layer(x)
            kept.append(counted.total)
            x = x.detach().requires_grad_()
        known[shape] = sum(kept) / 2, (inputs + max(kept)) / 2
    return known[shape]


def _again(network: nn.Module, layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return checkpoint(
        layer, x, use_reentrant=False, context_fn=lambda: (nullcontext(), _noting_nothing(network))
    )


@contextmanager
def _noting_nothing(network: nn.Module) -> Iterator[None]:
    """Leave the running means of batch normalisation as the first pass has left them."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    before = [(norm, norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, momentum, seen in before:
            norm.momentum, norm.num_batches_tracked = momentum, seen
