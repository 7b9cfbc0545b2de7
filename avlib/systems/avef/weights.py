"""What AVEF's networks begin with: random weights, published ones, or those of another corpus."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from avlib.runtime import paths
from avlib.runtime.errors import ParamsError, WeightsError
from avlib.systems.avef import alexnet, c3d
from avlib.systems.avef.network import SegmentNetwork, initialise
from avlib.systems.common.deep import seeded
from avlib.weights import load_tensors, require_weights

TRANSFER = paths.WEIGHTS / "avef"  # networks of a saved model, of another corpus
DEMO_WEIGHTS = paths.WEIGHTS / "demo" / "avef"  # see scripts/pretrain_demo.py
# Layers that a network takes over from another corpus; the deep ones, fc6 to fc8, learn anew.
SHALLOW = ("features.", "conv")
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
        _transfer(network, TRANSFER / f"{modality}.safetensors")
    return network


def _transfer(network: SegmentNetwork, path: Path) -> None:
    """Copy the shallow layers of a network that was trained on another corpus.

    Ma et al. 2019 (AVEF), section 2.2: shallow layers are kept, deep ones trained from scratch. The
    paper does not say which are which. Resolved: convolutions are shallow; they are not frozen,
    since the whole model is trained at the end, unless setting ``frozen`` says so.
    """
    if not path.is_file():
        raise WeightsError(
            f"{path} is missing: avef.weights is transfer, which begins with networks of another"
            " corpus; copy those of a fold of data/models/avef there, or set avef.weights: none"
        )
    state, own = load_file(path), network.backbone.state_dict()
    for name in own:
        if name.startswith(SHALLOW):
            found = state.get(f"backbone.{name}", torch.empty(0))
            if found.shape != own[name].shape:
                raise WeightsError(
                    f"{path} is of other settings: {name} is {tuple(found.shape)}, expected"
                    f" {tuple(own[name].shape)}; set avef.width and avef.batch_norm as they were"
                    " when it was trained"
                )
            own[name] = found
    network.backbone.load_state_dict(own)
