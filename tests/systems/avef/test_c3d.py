import numpy as np
import pytest
import torch
from scipy.signal import correlate
from torch import nn

from avlib import weights
from avlib.systems.avef.c3d import C3D
from avlib.weights import import_weights, load_tensors, require_weights

CONVOLUTIONS = {
    "conv1": (64, 3),
    "conv2": (128, 64),
    "conv3a": (256, 128),
    "conv3b": (256, 256),
    "conv4a": (512, 256),
    "conv4b": (512, 512),
    "conv5a": (512, 512),
    "conv5b": (512, 512),
}
FULLY_CONNECTED = {"fc6": (4096, 8192), "fc7": (4096, 4096), "fc8": (487, 4096)}
WIDTH = 1 / 32


def balanced(side=112, **layers):
    """A network of 2 to 16 channels whose activations neither vanish nor explode."""
    torch.manual_seed(3)
    network = C3D(6, width=WIDTH, side=side, **layers)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        else:
            nn.init.normal_(parameter, std=0.1)
    return network.eval()


def test_state_dict_has_the_published_names_and_shapes():
    expected = {}
    for name, shape in CONVOLUTIONS.items():
        expected[f"{name}.weight"] = (*shape, 3, 3, 3)
        expected[f"{name}.bias"] = shape[:1]
    for name, shape in FULLY_CONNECTED.items():
        expected[f"{name}.weight"] = shape
        expected[f"{name}.bias"] = shape[:1]
    with torch.device("meta"):
        network = C3D()
    assert {name: tuple(t.shape) for name, t in network.state_dict().items()} == expected


def convolved(x, kernel, bias):
    """A padded 3x3x3 convolution and its ReLU in scipy: (in, t, h, w) to (out, t, h, w)."""
    return np.maximum(correlated(x, kernel, bias), 0)


def correlated(x, kernel, bias):
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (1, 1)))
    maps = [correlate(x, k, "valid")[0] + b for k, b in zip(kernel, bias, strict=True)]
    return np.array(maps)


def halved(x, over_time):
    channels, t, h, w = x.shape
    return x.reshape(channels, t // over_time, over_time, h // 2, 2, w // 2, 2).max((2, 4, 6))


@pytest.mark.parametrize("side", [112, 64])
def test_activations_are_those_of_a_network_written_out_in_numpy(side):
    tiny = balanced(side)
    values = {n: t.double().numpy() for n, t in tiny.state_dict().items()}
    video = np.random.default_rng(0).normal(size=(3, 16, side, side)).astype(np.float32)
    x = video.astype(np.float64)
    for name in CONVOLUTIONS:
        x = convolved(x, values[f"{name}.weight"], values[f"{name}.bias"])
        if name == "conv1":
            x = halved(x, 1)
        elif name in ("conv2", "conv3b", "conv4b"):
            x = halved(x, 2)
    # Seven pixels and one on each side are nine: the last one is left over. Four and two are six.
    border = (1, 1 - x.shape[2] % 2)
    x = halved(np.pad(x, ((0, 0), (0, 0), border, border), constant_values=-np.inf), 2)
    fc6 = np.maximum(values["fc6.weight"] @ x.ravel() + values["fc6.bias"], 0)
    fc7 = np.maximum(values["fc7.weight"] @ fc6 + values["fc7.bias"], 0)
    fc8 = values["fc8.weight"] @ fc7 + values["fc8.bias"]
    with torch.no_grad():
        x = torch.from_numpy(video)[None]
        found = tiny.embed(x)[0].numpy(), tiny(x)[0].numpy()
    for one, other in zip(found, (fc7, fc8), strict=True):
        assert other.std() > 0.1, "a test on vanished activations would show nothing"
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_normalised_and_averaged_activations_are_those_written_out_in_numpy():
    side = 64
    network = balanced(side, batch_norm=True, pooling="average")
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    values = {n: t.double().numpy() for n, t in network.state_dict().items()}
    video = np.random.default_rng(0).normal(size=(3, 16, side, side)).astype(np.float32)
    x = video.astype(np.float64)
    for name in CONVOLUTIONS:
        x = correlated(x, values[f"{name}.weight"], values[f"{name}.bias"])
        norm = [
            values[f"{name}_norm.{part}"][:, None, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        ]
        x = np.maximum((x - norm[0]) / np.sqrt(norm[1] + 1e-5) * norm[2] + norm[3], 0)
        if name == "conv1":
            x = halved(x, 1)
        elif name in ("conv2", "conv3b", "conv4b"):
            x = halved(x, 2)
    x = halved(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf), 2)
    fc6 = np.maximum(values["fc6.weight"] @ x.mean((1, 2, 3)) + values["fc6.bias"], 0)
    fc7 = np.maximum(values["fc7.weight"] @ fc6 + values["fc7.bias"], 0)
    with torch.no_grad():
        found = network.embed(torch.from_numpy(video)[None])[0].numpy()
    assert fc7.std() > 0.1, "a test on vanished activations would show nothing"
    np.testing.assert_allclose(found, fc7, rtol=1e-4, atol=1e-4)


def test_dropout_acts_in_training_only():
    tiny = balanced(48)
    x = torch.randn(1, 3, 16, 48, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(tiny(x), tiny(x))
        tiny.train()
        assert not torch.equal(tiny(x), tiny(x))


def test_published_file_fills_all_but_a_new_last_layer(tmp_path, monkeypatch):
    """Of tiny networks, the one standing for the published one with 487 classes."""
    published = C3D(width=WIDTH)
    entry = weights.Published("", "", "", "", files={"file": None}, build=lambda: C3D(width=WIDTH))
    monkeypatch.setitem(weights.REGISTRY, "c3d", entry)
    torch.save(published.state_dict(), tmp_path / "file")
    import_weights(tmp_path / "file", "c3d", tmp_path)

    network = C3D(6, width=WIDTH)
    before = network.fc8.weight.clone()
    load_tensors(require_weights("c3d", tmp_path), network, fresh=C3D.LAST)
    assert torch.equal(network.fc8.weight, before)
    for name, tensor in published.state_dict().items():
        if not name.startswith("fc8"):
            assert torch.equal(network.state_dict()[name], tensor), name
    with pytest.raises(weights.WeightsError, match=r"fc8.weight is \(487, 128\), expected \(6"):
        load_tensors(require_weights("c3d", tmp_path), network)


def test_registered_network_is_the_published_one():
    with torch.device("meta"):
        network = weights.registered("c3d").build()
    assert network.state_dict()["fc8.weight"].shape == (487, 4096)
