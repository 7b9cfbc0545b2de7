"""How networks that begin with trained weights are kept from losing what these know."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from avlib.networks.layer_rates import freeze_first, slower_below, weighted_layers
from avlib.systems.common.trained_weights import TrainedLayers


def held_back(
    networks: Mapping[str, nn.Module], settings: Mapping[str, Any], trained: TrainedLayers
) -> dict[nn.Parameter, float]:
    """Freeze first layers of networks; return by what the others multiply the learning rate.

    Parameters
    ----------
    networks
        By modality, see `weighted_layers`.
    settings
        ``weights``, ``frozen`` and ``layer_decay`` of a `WithTrainedWeights`.
    trained
        Its `trained_layers`.
    """
    filled = trained.get(settings["weights"], trained["published"])
    factors: dict[nn.Parameter, float] = {}
    for modality, network in networks.items():
        layers = weighted_layers(network)[: filled[modality]]
        freeze_first(layers, settings["frozen"][modality])
        factors |= slower_below(layers, settings["layer_decay"])
    return factors
