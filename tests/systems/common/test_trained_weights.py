"""Networks that begin with trained weights: which layers those are, and what may be asked."""

from pathlib import Path

import pytest
import yaml

from avlib.networks.layer_rates import weighted_layers
from avlib.params import Params
from avlib.systems.avef import params as avef
from avlib.systems.avef.alexnet import AlexNet
from avlib.systems.avef.c3d import C3D
from avlib.systems.avef.weights import SHALLOW
from avlib.systems.common.held_back import held_back
from avlib.systems.gating import params as gating
from avlib.systems.gating.i3d import I3D
from avlib.systems.gating.soundnet import SoundNet8

WIDTH = 1 / 32
# The network, how many of its layers weights fill, its last layer where that is new.
NETWORKS = [
    (lambda: AlexNet(6, width=WIDTH), avef.TRAINED_LAYERS, "audio", AlexNet.LAST),
    (lambda: AlexNet(6, width=WIDTH, batch_norm=True), avef.TRAINED_LAYERS, "audio", AlexNet.LAST),
    (lambda: C3D(6, width=WIDTH), avef.TRAINED_LAYERS, "video", C3D.LAST),
    (lambda: C3D(6, width=WIDTH, batch_norm=True), avef.TRAINED_LAYERS, "video", C3D.LAST),
    (lambda: SoundNet8(width=WIDTH, heads=False), gating.TRAINED_LAYERS, "audio", "no layer"),
    (lambda: I3D(width=WIDTH, classes=None), gating.TRAINED_LAYERS, "video", "no layer"),
]


def names_of(network, layers):
    """Names of the parameters of layers."""
    known = {id(p): name for name, p in network.named_parameters()}
    found = [known[id(p)] for layer in layers for module in layer for p in module.parameters()]
    assert len(set(found)) == len(found)
    return set(found)


@pytest.mark.parametrize(("make", "trained", "modality", "last"), NETWORKS)
def test_published_layers_are_all_but_a_new_last_one(make, trained, modality, last):
    network = make()
    layers = weighted_layers(network)[: trained["published"][modality]]
    expected = {name for name, _ in network.named_parameters() if not name.startswith(last)}
    assert names_of(network, layers) == expected


@pytest.mark.parametrize(("make", "modality"), [(n[0], n[2]) for n in NETWORKS[:4]])
def test_layers_of_another_corpus_are_those_that_are_taken_over(make, modality):
    network = make()
    layers = weighted_layers(network)[: avef.TRAINED_LAYERS["transfer"][modality]]
    expected = {name for name, _ in network.named_parameters() if name.startswith(SHALLOW)}
    assert names_of(network, layers) == expected


def test_layers_are_held_back_from_the_input_on():
    network = C3D(6, width=WIDTH)
    settings = {"weights": "published", "frozen": {"video": 2}, "layer_decay": 0.5}
    factors = held_back({"video": network}, settings, avef.TRAINED_LAYERS)
    learning = {name for name, p in network.named_parameters() if p.requires_grad}
    assert {n.split(".")[0] for n, _ in network.named_parameters()} - {
        n.split(".")[0] for n in learning
    } == {"conv1", "conv2"}
    assert factors[network.fc7.weight] == 0.5
    assert factors[network.fc6.bias] == 0.25
    assert factors[network.conv5b.weight] == 0.125
    assert network.fc8.weight not in factors


def section(name, **changes):
    values = yaml.safe_load(Path("params.yaml").read_text())
    values.pop("demo")
    values[name] |= changes
    return getattr(Params.model_validate(values), name)


@pytest.mark.parametrize("name", ["avef", "gating"])
def test_what_is_of_trained_weights_is_refused_without_them(name):
    for changes in ({"frozen": {"audio": 1, "video": 0}}, {"layer_decay": 0.9}):
        with pytest.raises(ValueError, match="are of trained weights, and weights is none"):
            section(name, **changes)
        section(name, weights="published", **changes)


def test_no_more_layers_are_frozen_than_have_trained_weights():
    frozen = {"audio": 0, "video": 9}
    section("avef", weights="published", frozen=frozen)
    with pytest.raises(ValueError, match=r"frozen\.video must be 8 at most"):
        section("avef", transfer=["others"], frozen=frozen)
    with pytest.raises(ValueError, match=r"frozen\.audio must be 7 at most"):
        section("gating", weights="demo", frozen={"audio": 8, "video": 0})


def test_published_networks_of_the_gating_paradigm_have_no_softmax_phase():
    for weights, epochs in (("published", 0), ("none", 20), ("demo", 20)):
        assert section("gating", weights=weights).used({})["softmax_epochs"] == epochs
    with pytest.raises(ValueError, match="epochs must be 1 at least"):
        section("gating", weights="published", epochs=0)
