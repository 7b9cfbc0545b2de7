"""Networks that begin with trained weights: first layers that stay as they are, rates by layer.

Freezing first layers: Yosinski et al. 2014. Rates that fall with depth: Howard and Ruder 2018
(ULMFiT, "discriminative fine-tuning").
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

Layers = Sequence[Sequence[nn.Module]]
Factors = Mapping[nn.Parameter, float]
EQUAL: Factors = {}


def weighted_layers(network: nn.Module) -> list[list[nn.Module]]:
    """Return the layers of a network that have weights, from its input on.

    Parameters
    ----------
    network
        Whose children are its layers, in their order; those of a `nn.Sequential` are layers, too.

    Returns
    -------
    list of lists of nn.Module
        Each with the batch normalisation that follows it.
    """
    found: list[list[nn.Module]] = []
    for module in _unfolded(network):
        if not any(True for _ in module.parameters()):
            continue
        if isinstance(module, _BatchNorm) and found:
            found[-1].append(module)
        else:
            found.append([module])
    return found


def freeze_first(layers: Layers, n: int) -> None:
    """Have the first n layers learn nothing, running means of batch normalisation included."""
    for layer in layers[:n]:
        for module in layer:
            module.requires_grad_(requires_grad=False)
            module.eval()  # Lightning leaves it so


def slower_below(layers: Layers, decay: float) -> dict[nn.Parameter, float]:
    """Return by what each layer's parameters multiply the learning rate.

    The last one's by `decay`, as what is above it learns by 1; those before by `decay` once more
    each.
    """
    return {
        parameter: decay ** (len(layers) - depth)
        for depth, layer in enumerate(layers)
        for module in layer
        for parameter in module.parameters()
    }


def rated_groups(
    parameters: Iterable[nn.Parameter], rate: float, factors: Factors, **settings: Any
) -> list[dict[str, Any]]:
    """Return an optimiser's groups: parameters that learn, those of one rate together.

    Parameters
    ----------
    parameters
    rate
        Of a parameter that `factors` does not name.
    factors
        See `slower_below`.
    **settings
        Of each group, such as ``weight_decay``.
    """
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in parameters:
        if parameter.requires_grad:
            groups.setdefault(factors.get(parameter, 1.0), []).append(parameter)
    return [{"params": found, "lr": rate * by, **settings} for by, found in groups.items()]


def _unfolded(network: nn.Module) -> Iterator[nn.Module]:
    for module in network.children():
        if isinstance(module, nn.Sequential):
            yield from _unfolded(module)
        else:
            yield module
