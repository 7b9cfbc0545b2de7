import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional

from avlib import weights
from avlib.runtime.errors import WeightsError
from avlib.systems.gating.i3d import I3D
from avlib.systems.gating.network import prepared
from avlib.weights import (
    import_weights,
    load_tensors,
    require_weights,
    save_tensors,
)

WIDTH = 1 / 8
# Convolutions outside of the Inception modules: in, out, kernel.
PLAIN = {"Conv3d_1a_7x7": (3, 64, 7), "Conv3d_2b_1x1": (64, 64, 1), "Conv3d_2c_3x3": (64, 192, 3)}
# Columns of GoogLeNet's table (Szegedy 2015), whose inception (3a) is Mixed_3b here, and whose 5x5
# is 3x3x3: in, 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj.
MIXED = """
3b 192  64  96 128 16  32  32
3c 256 128 128 192 32  96  64
4b 480 192  96 208 16  48  64
4c 512 160 112 224 24  64  64
4d 512 128 128 256 24  64  64
4e 512 112 144 288 32  64  64
4f 528 256 160 320 32 128 128
5b 832 256 160 320 32 128 128
5c 832 384 192 384 48 128 128
"""


def published_shapes():
    convolutions = dict(PLAIN)
    for line in MIXED.split("\n")[1:-1]:
        name, *counts = line.split()
        total, b0, b1a, b1b, b2a, b2b, b3b = map(int, counts)
        branches = {
            "b0": (total, b0, 1),
            "b1a": (total, b1a, 1),
            "b1b": (b1a, b1b, 3),
            "b2a": (total, b2a, 1),
            "b2b": (b2a, b2b, 3),
            "b3b": (total, b3b, 1),
        }
        convolutions |= {f"Mixed_{name}.{branch}": sizes for branch, sizes in branches.items()}
    shapes = {"logits.conv3d.weight": (400, 1024, 1, 1, 1), "logits.conv3d.bias": (400,)}
    for name, (before, after, kernel) in convolutions.items():
        shapes[f"{name}.conv3d.weight"] = (after, before, kernel, kernel, kernel)
        for kind in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.bn.{kind}"] = (after,)
    return shapes


def test_state_dict_has_the_published_names_and_shapes():
    with torch.device("meta"):
        state = I3D().state_dict()
    found = {n: tuple(t.shape) for n, t in state.items() if not n.endswith("num_batches_tracked")}
    assert found == published_shapes()
    assert len(found) == 287  # lines of the published list


def randomised(network, seed=0):
    """Weights that keep activations near 1, and batch norm that has seen something."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if tensor.dim() == 5:
            tensor.normal_(std=(2 / tensor[0].numel()) ** 0.5, generator=generator)
        elif name.endswith(("running_var", "bn.weight")):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif tensor.is_floating_point():
            tensor.normal_(std=0.2, generator=generator)
    return network.eval()


@pytest.fixture(scope="module")
def network():
    return randomised(I3D(width=WIDTH))


# What follows is I3D once more, as functions of a state dict: every padding explicit.


def padded(x, kernel, stride, value):
    """As TensorFlow defines "same": ceil(size / stride) come out, the end gets the odd one."""
    sides = []
    for size, k, s in reversed(list(zip(x.shape[2:], kernel, stride, strict=True))):
        lacking = max((int(np.ceil(size / s)) - 1) * s + k - size, 0)
        sides += [lacking // 2, lacking - lacking // 2]
    return functional.pad(x, sides, value=value)


def unit(state, name, x, stride=1):
    weight = state[f"{name}.conv3d.weight"]
    kernel = weight.shape[2:]
    x = functional.conv3d(padded(x, kernel, [stride] * 3, 0.0), weight, stride=stride)
    gain, shift, mean, var = (
        state[f"{name}.bn.{kind}"].view(-1, 1, 1, 1)
        for kind in ("weight", "bias", "running_mean", "running_var")
    )
    return torch.clamp((x - mean) / torch.sqrt(var + 0.001) * gain + shift, min=0)


def pool(x, kernel, stride):
    x = padded(x, kernel, stride, -torch.inf)
    for axis, (k, s) in enumerate(zip(kernel, stride, strict=True), start=2):
        x = x.unfold(axis, k, s).amax(-1)
    return x


def mixed(state, name, x):
    def branch(*units, x=x):
        for one in units:
            x = unit(state, f"Mixed_{name}.{one}", x)
        return x

    pooled = pool(x, (3, 3, 3), (1, 1, 1))
    parts = [branch("b0"), branch("b1a", "b1b"), branch("b2a", "b2b"), branch("b3b", x=pooled)]
    return torch.cat(parts, 1)


def written_out(state, x):
    x = unit(state, "Conv3d_1a_7x7", x, stride=2)
    x = pool(x, (1, 3, 3), (1, 2, 2))
    x = unit(state, "Conv3d_2c_3x3", unit(state, "Conv3d_2b_1x1", x))
    x = pool(x, (1, 3, 3), (1, 2, 2))
    x = mixed(state, "3c", mixed(state, "3b", x))
    x = pool(x, (3, 3, 3), (2, 2, 2))
    for name in ("4b", "4c", "4d", "4e", "4f"):
        x = mixed(state, name, x)
    x = pool(x, (2, 2, 2), (2, 2, 2))
    return mixed(state, "5c", mixed(state, "5b", x))


@pytest.mark.parametrize(
    "size", [(1, 32, 32), (4, 48, 48), (8, 37, 50), (25, 96, 96), (17, 33, 224)], ids=str
)
@torch.no_grad()
def test_activations_are_those_of_a_network_written_out_in_functions(network, size):
    x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    last = written_out(network.state_dict(), x)
    frames, height, width = size
    assert last.shape == (2, 128, -(-frames // 8), -(-height // 32), -(-width // 32))
    features = last.mean((2, 3, 4))
    assert features.std() > 0.1, "a test on vanished activations would show nothing"
    torch.testing.assert_close(network.features(x), features, rtol=1e-4, atol=1e-4)


def test_dimension_is_what_features_have_at_any_width():
    for width, dim in {1 / 3: 342, 1 / 64: 16}.items():
        network = I3D(width=width, classes=None)
        assert network.dim == dim
        assert network.features(torch.zeros(2, 3, 4, 48, 48)).shape == (2, dim)


def test_network_without_logits_loads_from_a_file_with_them(network, tmp_path):
    path = tmp_path / "i3d.safetensors"
    state = network.state_dict()
    # Files made before torch had the counter lack it.
    save_tensors({n: t for n, t in state.items() if not n.endswith("tracked")}, path)
    x = torch.rand(1, 3, 4, 48, 48)
    for device in ("cpu", "meta"):
        with torch.device(device):
            bare = I3D(width=WIDTH, classes=None)
        load_tensors(path, bare)
        assert not any(tensor.is_meta for tensor in bare.state_dict().values())
        with torch.no_grad():
            found, expected = bare.eval().features(x), network.features(x)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(WeightsError, match=r"logits.conv3d.weight is \(400, 128, 1, 1, 1\)"):
        load_tensors(path, I3D(width=WIDTH, classes=157))


def test_our_own_state_dict_with_its_counters_loads_too(network, tmp_path):
    state = {n: t + 7 if n.endswith("tracked") else t for n, t in network.state_dict().items()}
    save_tensors(state, tmp_path / "ours.safetensors")
    with torch.device("meta"):
        again = I3D(width=WIDTH)
    load_tensors(tmp_path / "ours.safetensors", again)
    assert all(torch.equal(tensor, state[name]) for name, tensor in again.state_dict().items())


@pytest.fixture
def _tiny_entry(monkeypatch):
    tiny = dataclasses.replace(weights.REGISTRY["i3d"], build=lambda: I3D(width=WIDTH))
    monkeypatch.setitem(weights.REGISTRY, "i3d", tiny)


@pytest.mark.usefixtures("_tiny_entry")
@pytest.mark.parametrize("classes", [400, 157, 600])
@torch.no_grad()
def test_files_of_any_number_of_classes_import(classes, tmp_path):
    published = randomised(I3D(width=WIDTH, classes=classes))
    torch.save(published.state_dict(), tmp_path / "rgb.pt")
    import_weights(tmp_path / "rgb.pt", "i3d", tmp_path)
    x = torch.rand(1, 3, 4, 48, 48)
    whole, bare = I3D(width=WIDTH, classes=classes), I3D(width=WIDTH, classes=None)
    for network in (whole, bare):
        load_tensors(require_weights("i3d", tmp_path), network.eval())
    assert all(t.equal(published.state_dict()[name]) for name, t in whole.state_dict().items())
    torch.testing.assert_close(bare.features(x), published.features(x), rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("_tiny_entry")
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("logits.conv3d.bias", torch.zeros(157), r"bias is \(157,\), expected \(400,\)"),
        (
            "logits.conv3d.weight",
            torch.tensor(0),
            r"weight is \(\), expected \(400, 128, 1, 1, 1\)",
        ),
        ("logits.conv3d.weight", torch.zeros(9, 2), r"is \(9, 2\), expected \(9, 128, 1, 1, 1\)"),
        ("Mixed_3b.b3a.weight", torch.zeros(1), "Mixed_3b.b3a.weight is not in the network"),
    ],
)
def test_other_files_are_refused_in_one_line(network, name, value, message, tmp_path):
    torch.save(network.state_dict() | {name: value}, tmp_path / "rgb.pt")
    with pytest.raises(WeightsError, match=message) as caught:
        import_weights(tmp_path / "rgb.pt", "i3d", tmp_path)
    assert "\n" not in str(caught.value)


def test_every_parameter_learns():
    torch.manual_seed(0)
    network = I3D(width=WIDTH, classes=None)
    features = network.features(torch.rand(4, 3, 8, 64, 64))
    functional.cross_entropy(features, torch.arange(4)).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_chips_are_scaled_to_plus_minus_one():
    chips = torch.zeros(2, 4, 6, 6, 3, dtype=torch.uint8)
    chips[1, 3, 2, 4] = torch.tensor([255, 51, 102])
    x = prepared("video", chips, 4)  # without the outermost pixels
    assert x.shape == (2, 3, 4, 4, 4)
    assert x.dtype == torch.float32
    assert torch.equal(x[0], torch.full_like(x[0], -1))
    np.testing.assert_allclose(x[1, :, 3, 1, 3], (1, -0.6, -0.2), atol=1e-6)
    assert chips.max() == 255  # not scaled in place
