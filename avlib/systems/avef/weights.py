"""What AVEF's networks begin with: random weights, published ones, or those of other corpora."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from avlib.runtime import paths
from avlib.runtime.errors import ParamsError, WeightsError
from avlib.systems.avef import alexnet, c3d
from avlib.systems.avef.dbn import DBN
from avlib.systems.avef.network import SegmentNetwork, initialise
from avlib.systems.avef.params import FIRST, TRANSFERRED
from avlib.systems.common.deep import seeded
from avlib.weights import load_tensors, require_weights

DEMO_WEIGHTS = paths.WEIGHTS / "demo" / "avef"  # see scripts/pretrain_demo.py
# Layers that a network takes over from other corpora; the deep ones, fc6 to fc8, learn anew.
SHALLOW = ("features.", "conv")
MACHINES = {"shallow": 1, "all": 2}  # likewise of the belief network, by setting `carried`
_SIDE = {"audio": "mel_side", "video": "side"}
_PUBLISHED = {"audio": "alexnet", "video": "c3d"}


def build(modality: str, n_classes: int, settings: dict[str, Any]) -> SegmentNetwork:
    """Return a modality's network, whatever its weights."""
    layers = {name: settings[name] for name in ("width", "dropout", "batch_norm", "pooling")}
    return SegmentNetwork(modality, n_classes, side=settings[_SIDE[modality]], **layers)


def first_network(modality: str, n_classes: int, settings: dict[str, Any]) -> SegmentNetwork:
    """Return a modality's network with the weights that it begins with.

    Raises
    ------
    ParamsError
        Published weights do not fit the settings.
    WeightsError
        Weights are missing, damaged, or of a network of another width.
    """
    with seeded(settings["seed"]):
        network = build(modality, n_classes, settings)
        initialise(network)
    if settings["weights"] == "published":
        own = {name: settings[name] for name in ("width", "mel_side", "side")}
        published = {"width": 1, "mel_side": alexnet.SIDE, "side": c3d.SIDE}
        if own != published:
            raise ParamsError(
                f"avef.weights is published, but avef's width, mel_side and side are"
                f" {', '.join(map(str, own.values()))}: the published networks have"
                f" {', '.join(map(str, published.values()))}"
            )
        path = require_weights(_PUBLISHED[modality])
        load_tensors(path, network.backbone, fresh=network.backbone.LAST)
        if isinstance(network.backbone, c3d.C3D):
            c3d.take_rgb(network.backbone)
    if settings["weights"] == "demo":
        path = DEMO_WEIGHTS / f"{modality}.safetensors"
        load_tensors(path, network.backbone, fresh=network.backbone.LAST)
    if settings["weights"] == "transfer":
        _transfer(network, FIRST / f"{modality}.safetensors", settings["carried"])
    return network


def carried_machines(dbn: DBN, carried: str) -> int:
    """Copy the first layers of other corpora's belief network; return how many.

    Of ``carried: shallow`` the first one, which its own machine then goes on from.
    """
    layers, path = MACHINES[carried], FIRST / "joint.safetensors"
    first = tuple(f"layers.{k}." for k in range(layers))
    names = [name for name in dbn.state_dict() if name.startswith(first)]
    _copy(dbn, names, path, "dbn")
    return layers


def _transfer(network: SegmentNetwork, path: Path, carried: str) -> None:
    """Copy layers of a network that was trained on other corpora.

    Ma et al. 2019 (AVEF), section 2.2: shallow layers are kept, deep ones trained from scratch. The
    paper does not say which are which. Resolved: convolutions are shallow; they are not frozen,
    since the whole model is trained at the end, unless setting ``frozen`` says so. With ``carried:
    all`` only the last layer begins anew.
    """
    backbone = network.backbone
    names = list(backbone.state_dict())
    if carried == "all":
        names = [name for name in names if not name.startswith(backbone.LAST)]
    else:
        names = [name for name in names if name.startswith(SHALLOW)]
    _copy(backbone, names, path, "backbone")


def _copy(module: nn.Module, names: Sequence[str], path: Path, prefix: str) -> None:
    """Copy some tensors of a module from a file, in which its name stands before theirs."""
    if not path.is_file():
        raise WeightsError(
            f"{path} is missing: {TRANSFERRED} begins with networks of avef.transfer, and these"
            " corpora have none of this kind: give them the modality, or leave it out (modalities)"
        )
    state, own = load_file(path), module.state_dict()
    for name in names:
        found = state.get(f"{prefix}.{name}", torch.empty(0))
        if found.shape != own[name].shape:
            raise WeightsError(
                f"{path} is of other settings: {name} is {tuple(found.shape)}, expected"
                f" {tuple(own[name].shape)}; train them anew: dvc repro train_avef"
            )
        own[name] = found
    module.load_state_dict(own)
