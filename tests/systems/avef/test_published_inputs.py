"""What published networks are given is what they learned from: colours, levels, sizes."""

import numpy as np
import pytest
import torch
from avef_clips import spoken_clips
from safetensors.torch import save_file
from test_avef import SETTINGS

from avlib.systems.avef import alexnet, c3d
from avlib.systems.avef import weights as avef_weights
from avlib.systems.avef.model import AVEFModel
from avlib.systems.avef.network import SegmentNetwork
from avlib.systems.avef.segments import cut_segments
from avlib.systems.common.model import BOTH

PUBLISHED = SETTINGS | {"weights": "published", "width": 1, "mel_side": 224, "side": 112}
RED = (255.0, 0.0, 0.0)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Tiny networks in the published ones' place; their tensors by modality."""
    width = 1 / 32
    files = {"audio": alexnet.AlexNet(width=width), "video": c3d.C3D(width=width)}
    names = {"alexnet": "audio", "c3d": "video"}
    for modality, network in files.items():
        save_file(network.state_dict(), tmp_path / f"{modality}.safetensors")
    monkeypatch.setattr(
        avef_weights, "require_weights", lambda name: tmp_path / f"{names[name]}.safetensors"
    )
    sides = {"audio": 224, "video": 112}
    monkeypatch.setattr(
        avef_weights,
        "build",
        lambda modality, n, settings: SegmentNetwork(
            modality, n, width=width, side=sides[modality], dropout=0.0
        ),
    )
    return {modality: network.state_dict() for modality, network in files.items()}


def test_a_red_picture_meets_c3ds_weights_of_red_which_are_its_last(published):
    network = avef_weights.first_network("video", 6, PUBLISHED)
    mean = (100.0, 90.0, 80.0)  # of red, green, blue
    network.mean.copy_(torch.tensor(mean))
    chips = torch.tensor(RED, dtype=torch.uint8).expand(1, 16, 112, 112, 3)
    with torch.no_grad():
        found = network.backbone.conv1(network.prepare({"video": chips}))[0, :, 8, 50, 50]
    kernel = published["video"]["conv1.weight"].double().sum((2, 3, 4)).numpy()  # blue, green, red
    blue_first = np.subtract(RED, mean)[::-1]
    expected = kernel @ blue_first + published["video"]["conv1.bias"].double().numpy()
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4)
    assert not np.allclose(kernel @ blue_first, kernel @ blue_first[::-1], rtol=0.01)


@pytest.mark.parametrize("modality", BOTH)
def test_all_other_published_weights_stay_as_they_are(published, modality):
    backbone = avef_weights.first_network(modality, 6, PUBLISHED).backbone
    for name, tensor in backbone.state_dict().items():
        if name == "conv1.weight":
            tensor = tensor[:, [2, 1, 0]]
        if not name.startswith(backbone.LAST):
            assert tensor.equal(published[modality][name]), name


def test_inputs_have_the_levels_that_published_networks_learned_from(published, tmp_path):
    """AlexNet's channels have mean 0 and deviation 1, C3D's are grey levels less their mean."""
    clips = spoken_clips(tmp_path / "clips", 1)
    segments = cut_segments(clips, tmp_path)
    model = AVEFModel(2, **PUBLISHED)
    rows = np.arange(len(segments))
    inputs = {
        "audio": torch.from_numpy(np.array(segments.images)),
        "video": torch.from_numpy(np.stack([segments.chips(k) for k in rows])),
    }
    used = np.ones(len(segments), bool)
    heard, seen = (model._alone(m, segments, used) for m in BOTH)
    images = heard.prepare(inputs)
    assert images.shape[1:] == (3, 224, 224)
    raw = inputs["audio"]
    mean, spread = raw.mean((0, 2, 3), keepdim=True), raw.std((0, 2, 3), keepdim=True)
    standard = torch.nn.functional.interpolate((raw - mean) / spread, (224, 224), mode="bilinear")
    torch.testing.assert_close(images, standard, rtol=1e-3, atol=1e-3)
    chips = seen.prepare(inputs)
    middle = inputs["video"][:, 8].double()
    grey = inputs["video"].double() - middle.mean((0, 1, 2))
    torch.testing.assert_close(chips.double(), grey.permute(0, 4, 1, 2, 3), rtol=1e-3, atol=1e-2)
