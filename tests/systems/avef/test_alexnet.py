import numpy as np
import pytest
import torch
from scipy.signal import correlate
from torch import nn

from avlib import weights
from avlib.systems.avef.alexnet import AlexNet
from avlib.weights import import_weights, load_tensors, require_weights

# Place in the published file: channels out, channels in, side of the kernel; stride and padding.
CONVOLUTIONS = {
    0: ((64, 3, 11), 4, 2),
    3: ((192, 64, 5), 1, 2),
    6: ((384, 192, 3), 1, 1),
    8: ((256, 384, 3), 1, 1),
    10: ((256, 256, 3), 1, 1),
}
FULLY_CONNECTED = {1: (4096, 9216), 4: (4096, 4096), 6: (1000, 4096)}


def drawn(side, **layers):
    """A tiny network for pictures of one side, whose activations do not vanish."""
    torch.manual_seed(3)
    network = AlexNet(6, width=1 / 32, side=side, **layers)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        else:
            nn.init.normal_(parameter, std=0.1)
    return network.eval()


def test_state_dict_has_the_published_names_and_shapes():
    expected = {}
    for number, ((out, into, side), _, _) in CONVOLUTIONS.items():
        expected[f"features.{number}.weight"] = (out, into, side, side)
        expected[f"features.{number}.bias"] = (out,)
    for number, shape in FULLY_CONNECTED.items():
        expected[f"classifier.{number}.weight"] = shape
        expected[f"classifier.{number}.bias"] = shape[:1]
    with torch.device("meta"):
        network = AlexNet()
    assert {name: tuple(t.shape) for name, t in network.state_dict().items()} == expected
    assert sum(t.numel() for t in network.parameters()) == 61_100_840  # as torchvision documents


def convolved(x, kernel, bias, stride, padding):
    """A convolution and its ReLU in scipy: (in, h, w) to (out, h, w)."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    maps = [correlate(x, k, "valid")[0] + b for k, b in zip(kernel, bias, strict=True)]
    return np.maximum(np.array(maps)[:, ::stride, ::stride], 0)


def pooled(x):
    """Largest value of 3x3 windows, two apart."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    return windows[:, ::2, ::2].max((3, 4))


@pytest.mark.parametrize("side", [64, 127])
def test_normalised_and_averaged_activations_are_those_written_out_in_numpy(side):
    network = drawn(side, batch_norm=True, pooling="average")
    for module in network.features:
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    values = {n: t.double().numpy() for n, t in network.state_dict().items()}
    image = np.random.default_rng(0).normal(size=(3, side, side)).astype(np.float32)
    x, layer = image.astype(np.float64), 0
    for number, (_, stride, padding) in CONVOLUTIONS.items():
        x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
        kernels = values[f"features.{layer}.weight"]
        x = np.array([correlate(x, k, "valid")[0] for k in kernels])[:, ::stride, ::stride]
        norm = {n: values[f"features.{layer + 1}.{n}"] for n in ("running_mean", "running_var")}
        scale = values[f"features.{layer + 1}.weight"] / np.sqrt(norm["running_var"] + 1e-5)
        shift = values[f"features.{layer}.bias"] - norm["running_mean"]
        x = x + shift[:, None, None]
        x = x * scale[:, None, None] + values[f"features.{layer + 1}.bias"][:, None, None]
        x = np.maximum(x, 0)
        layer += 3
        if number in (0, 3, 10):
            x, layer = pooled(x), layer + 1
    assert x.shape[1] > 1 or side == 64
    expected = x.mean((1, 2))
    for number in (1, 4):
        weight, bias = values[f"classifier.{number}.weight"], values[f"classifier.{number}.bias"]
        expected = np.maximum(weight @ expected + bias, 0)
    with torch.no_grad():
        found = network.embed(torch.from_numpy(image)[None])[0].numpy()
    assert expected.std() > 0.1, "a test on vanished activations would show nothing"
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("side", [64, 95, 224, 227])
def test_activations_are_those_of_a_network_written_out_in_numpy(side):
    tiny = drawn(side)
    values = {n: t.double().numpy() for n, t in tiny.state_dict().items()}
    image = np.random.default_rng(0).normal(size=(3, side, side)).astype(np.float32)
    x = image.astype(np.float64)
    for number, (_, stride, padding) in CONVOLUTIONS.items():
        layer = f"features.{number}"
        x = convolved(x, values[f"{layer}.weight"], values[f"{layer}.bias"], stride, padding)
        if number in (0, 3, 10):
            x = pooled(x)
    fc6 = np.maximum(values["classifier.1.weight"] @ x.ravel() + values["classifier.1.bias"], 0)
    fc7 = np.maximum(values["classifier.4.weight"] @ fc6 + values["classifier.4.bias"], 0)
    fc8 = values["classifier.6.weight"] @ fc7 + values["classifier.6.bias"]
    with torch.no_grad():
        x = torch.from_numpy(image)[None]
        found = tiny.embed(x)[0].numpy(), tiny(x)[0].numpy()
    for one, other in zip(found, (fc7, fc8), strict=True):
        assert other.std() > 0.1, "a test on vanished activations would show nothing"
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_published_file_fills_all_but_a_new_last_layer(tmp_path, monkeypatch):
    """Of tiny networks, the one standing for the published one with a thousand classes."""
    published = AlexNet(width=1 / 32)
    entry = weights.Published(
        "", "", "", "", files={"file": None}, build=lambda: AlexNet(width=1 / 32)
    )
    monkeypatch.setitem(weights.REGISTRY, "alexnet", entry)
    torch.save(published.state_dict(), tmp_path / "file")
    import_weights(tmp_path / "file", "alexnet", tmp_path)

    network = AlexNet(6, width=1 / 32)
    before = network.get_submodule(AlexNet.LAST).weight.clone()
    load_tensors(require_weights("alexnet", tmp_path), network, fresh=AlexNet.LAST)
    assert torch.equal(network.get_submodule(AlexNet.LAST).weight, before)
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        found, expected = network.eval().embed(x), published.eval().embed(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(weights.WeightsError, match=r"classifier.6.weight is \(1000, 128\)"):
        load_tensors(require_weights("alexnet", tmp_path), network)


def test_registered_network_is_the_published_one():
    with torch.device("meta"):
        network = weights.registered("alexnet").build()
    assert network.state_dict()["classifier.6.weight"].shape == (1000, 4096)
