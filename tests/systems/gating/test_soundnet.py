import dataclasses

import numpy as np
import pytest
import torch

from avlib import weights
from avlib.runtime.errors import WeightsError
from avlib.systems.gating.soundnet import (
    SoundNet8,
    convolve_waves,
    from_tensorflow,
)
from avlib.weights import import_weights, load_tensors, require_weights

# in, out, kernel, and the max-pool behind it.
CONVOLUTIONS = {
    "conv1": (1, 16, 64, 8),
    "conv2": (16, 32, 32, 8),
    "conv3": (32, 64, 16, 1),
    "conv4": (64, 128, 8, 1),
    "conv5": (128, 256, 4, 4),
    "conv6": (256, 512, 4, 1),
    "conv7": (512, 1024, 4, 1),
}
HEADS = {"conv8": 1000, "conv8_2": 401}
WIDTH = 1 / 8


def test_state_dict_has_the_published_names_and_shapes():
    expected = {}
    for name, (before, after, kernel, _) in CONVOLUTIONS.items():
        expected[f"{name}.0.weight"] = (after, before, kernel, 1)
        for kind in ("0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"):
            expected[f"{name}.{kind}"] = (after,)
    for name, classes in HEADS.items():
        expected[f"{name}.0.weight"] = (classes, 1024, 8, 1)
        expected[f"{name}.0.bias"] = (classes,)
    with torch.device("meta"):
        whole, bare = SoundNet8().state_dict(), SoundNet8(heads=False).state_dict()
    assert {n: tuple(t.shape) for n, t in whole.items() if "tracked" not in n} == expected
    assert whole.keys() - bare.keys() == {n for n in expected if n.startswith("conv8")}


@pytest.fixture
def root(tiny_sound8, tmp_path, monkeypatch):
    """Where the weights of a sound8.npy stand after their import."""
    entry = weights.REGISTRY["soundnet8"]
    tiny = dataclasses.replace(entry, build=lambda: SoundNet8(width=WIDTH))
    monkeypatch.setitem(weights.REGISTRY, "soundnet8", tiny)
    np.save(tmp_path / "sound8.npy", tiny_sound8, allow_pickle=True)
    import_weights(tmp_path / "sound8.npy", "soundnet8", tmp_path)
    return tmp_path


def loaded(root, **settings):
    network = SoundNet8(width=WIDTH, **settings)
    load_tensors(require_weights("soundnet8", root), network)
    return network.eval()


def written_out(arrays, wave):
    """Compute SoundNet in numpy from arrays as sound8.npy has them: (samples,) to (time, dim)."""
    x = wave[:, None].astype(np.float64)  # (time, channels)
    for name, (_, _, kernel, size) in CONVOLUTIONS.items():
        layer = arrays[name]
        half = kernel // 2
        x = strided(np.pad(x, ((half, half), (0, 0))), layer)
        x = (x - layer["mean"]) / np.sqrt(layer["var"] + 1e-5) * layer["gamma"] + layer["beta"]
        x = np.maximum(x, 0)
        x = x[: len(x) // size * size].reshape(-1, size, x.shape[1]).max(1)
    return x


def strided(x, layer):
    """Convolve by steps of two, without padding."""
    kernel = layer["weights"][:, 0]  # (kernel, in, out)
    starts = range(0, len(x) - len(kernel) + 1, 2)
    frames = np.stack([x[start : start + len(kernel)] for start in starts])
    return np.einsum("tki,kio->to", frames, kernel) + layer["biases"]


@pytest.mark.parametrize("samples", [22_050, 44_101, 4_574])
@torch.no_grad()
def test_features_are_those_of_a_network_written_out_in_numpy(tiny_sound8, root, samples):
    network = loaded(root)
    waves = np.random.default_rng(1).uniform(-256, 256, (2, samples)).astype(np.float32)
    expected = np.stack([written_out(tiny_sound8, wave).mean(0) for wave in waves])
    assert expected.std() > 0.1, "a test on vanished activations would show nothing"
    found = network.features(torch.from_numpy(waves)).numpy()
    assert found.shape == (2, network.dim)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_tensors_that_are_named_as_in_torch_are_left_alone():
    state = SoundNet8(width=WIDTH).state_dict()
    assert all(tensor is state[name] for name, tensor in from_tensorflow(state).items())


@torch.no_grad()
def test_network_without_heads_loads_from_a_file_with_them(root):
    x = torch.rand(1, 22_050)
    found, expected = loaded(root, heads=False).features(x), loaded(root).features(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_state_dict_of_a_torch_port_imports_to_the_same_weights(root):
    state = loaded(root).state_dict()
    torch.save(state, root / "sound8.pth")
    before = (root / "soundnet8" / "soundnet8.safetensors").read_bytes()
    path = import_weights(root / "sound8.pth", "soundnet8", root)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("layer", "kind", "value", "message"),
    [
        ("conv3", "weights", np.zeros((16, 8)), r"conv3.0.weight is \(16, 8\), expected \(8, 4"),
        ("conv3", "var", np.zeros(()), r"conv3.1.running_var is \(\), expected \(8,\)"),
        ("conv3", "moments", np.zeros(8), "conv3.moments is not in the network"),
        ("conv9", "mean", np.zeros(8), "conv9.1.running_mean is not in the network"),
    ],
)
def test_other_files_are_refused_in_one_line(tiny_sound8, root, layer, kind, value, message):
    arrays = tiny_sound8 | {layer: tiny_sound8.get(layer, {}) | {kind: value}}
    np.save(root / "other.npy", arrays, allow_pickle=True)
    with pytest.raises(WeightsError, match=message) as caught:
        import_weights(root / "other.npy", "soundnet8", root)
    assert "\n" not in str(caught.value)


def test_every_parameter_learns():
    torch.manual_seed(0)
    network = SoundNet8(width=1 / 16, heads=False)
    network.features(torch.randn(4, 22_050)).square().sum().backward()
    biases = [n for n, _ in network.named_parameters() if n.endswith(".0.bias")]
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        # Batch norm takes away whatever constant a bias adds.
        assert name in biases or parameter.grad.abs().max() > 0


@pytest.mark.parametrize("samples", [64, 100, 333, 4574])
@pytest.mark.parametrize(("stride", "padding"), [(2, 32), (1, 0), (3, 5)])
def test_the_first_convolution_as_a_product_of_matrices_is_torchs(samples, stride, padding):
    generator = torch.Generator().manual_seed(samples)
    given = [torch.randn(*shape, generator=generator) for shape in [(3, samples), (2, 64), (2,)]]
    ours, torchs = ([values.clone().requires_grad_() for values in given] for _ in range(2))
    made = convolve_waves(*ours, stride, padding)
    waves, kernel, bias = torchs
    expected = torch.nn.functional.conv1d(waves[:, None], kernel[:, None], bias, stride, padding)
    torch.testing.assert_close(made, expected, atol=1e-4, rtol=1e-4)
    weights = torch.randn(expected.shape, generator=generator)
    (made * weights).sum().backward()
    (expected * weights).sum().backward()
    for mine, theirs in zip(ours, torchs, strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-3, rtol=1e-3)
