"""The baseline of table I: the core network without batch normalisation, once in a clip."""

import torch
from test_modern_recipe import SETTINGS, clips, parameters
from torch import nn

from avlib.registry import system
from avlib.systems.temporal_aggregation.model import TemporalAggregationModel
from avlib.systems.temporal_aggregation.params import BASELINE

CHANNELS = (16, 32, 64, 128, 256)
CLASSES = 6


def papers(name):
    """The networks of a model at the paper's sizes, without memory for them."""
    recipe = system("temporal_aggregation").recipe(name, parameters(recipe="paper"))
    with torch.device("meta"):
        return recipe, recipe.make(CLASSES, **recipe.settings).build()["network"]


def test_it_sees_one_face_and_the_sound_around_that_moment():
    recipe, network = papers("ristea_cnn")
    used = {name: recipe.settings[name] for name in ("segments", "offset", "window")}
    assert used == {"segments": 1, "offset": 0.0, "window": 1.28}
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


def test_its_parameters_are_convolutions_with_biases_and_one_linear_layer():
    """Five blocks of 3x3; 7x7 cells are left of a face and 6x3 of a spectrogram."""
    expected = CLASSES * (256 * (7 * 7 + 6 * 3) + 1)
    for colours in (1, 3):
        for before, after in zip((colours, *CHANNELS), CHANNELS, strict=False):
            expected += 9 * before * after + after
    _, network = papers("ristea_cnn")
    assert sum(p.numel() for p in network.parameters()) == expected
    # N networks of the system: a scale and a shift for each channel in place of its bias.
    _, whole = papers("temporal_aggregation")
    per_segment = expected + 2 * sum(CHANNELS)
    assert sum(p.numel() for p in whole.parameters()) == 10 * per_segment


def test_a_tiny_set_is_learned_by_heart(tmp_path):
    train = clips(tmp_path, 6)
    modern = SETTINGS["modern"] | {"epochs": 24, "learning_rate": 0.003}
    settings = SETTINGS | BASELINE | {"modern": modern}
    model = TemporalAggregationModel(2, system="ristea_cnn", **settings)
    model.fit(train, train.select([]))
    assert (model.predict_proba(train).argmax(1) == train.emotion).sum() >= 10


def test_what_passes_five_blocks_keeps_its_size():
    torch.manual_seed(0)
    recipe, _ = papers("ristea_cnn")
    blocks = TemporalAggregationModel(CLASSES, **recipe.settings).build()["network"].networks.video
    shown = found = torch.rand(2, 3, 224, 224)
    for block in blocks:
        found = block(found, range(1))
    assert 1 / 5 < found.square().mean().sqrt() / shown.square().mean().sqrt() < 5


def test_it_computes_what_ordinary_layers_compute():
    torch.manual_seed(0)
    recipe, _ = papers("ristea_cnn")
    settings = recipe.settings | {"width": 1 / 8, "size": 32}
    network = TemporalAggregationModel(CLASSES, **settings).build()["network"].double()
    sound, face = torch.rand(3, 1, 1, 192, 120).double(), torch.rand(3, 1, 3, 32, 32).double()
    features = []
    for modality, shown in (("audio", sound), ("video", face)):
        layers = []
        for block in getattr(network.networks, modality):
            layers += [block.conv, nn.ReLU(), nn.MaxPool2d(2)]
        features.append(nn.Sequential(*layers)(shown[:, 0]).flatten(1))
    expected = network.networks.classifier(torch.cat(features, 1))
    found = network(sound, face, torch.ones(3, 2, dtype=torch.bool))
    torch.testing.assert_close(found[:, 0], expected)
