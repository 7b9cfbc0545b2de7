import copy
import math

import pytest
import torch
from torch import nn

from avlib.networks import spared_memory
from avlib.networks.spared_memory import Layered, does_not_fit, in_turn, layer_bytes
from avlib.runtime import device
from avlib.runtime.errors import ParamsError
from avlib.systems.avef.c3d import C3D, FRAMES, SIDE
from avlib.systems.gating.i3d import I3D

GB = 1e9


class Chain(Layered):
    """Three layers, whose calls are counted."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList(
            [nn.Linear(8, 32), nn.Sequential(nn.Linear(32, 64), nn.Sigmoid()), nn.Linear(64, 4)]
        )
        self.calls = 0

    def layers(self):
        return [lambda x, part=part: self.counted(part, x) for part in self.parts]

    def counted(self, part, x):
        self.calls += 1
        return part(x)


def test_layers_keep_what_the_chain_rule_needs():
    usual, spared = layer_bytes(Chain(), (8,))
    # Linear layers keep their inputs, a sigmoid its output, in float32.
    # The second layer keeps most: its input and its output.
    assert usual == 4 * (8 + (32 + 64) + 64)
    assert spared == 4 * ((8 + 32 + 64) + (32 + 64))


def test_values_are_computed_again_only_where_they_do_not_fit(monkeypatch):
    network, x = Chain(), torch.randn(10, 8)
    held = 4 * (8 + 96 + 64) * len(x)
    layer_bytes(network, (8,))
    for available, calls in ((held / 0.59, 3), (held / 0.61, 6)):
        monkeypatch.setattr(spared_memory, "memory", lambda where, available=available: available)
        assert does_not_fit(network, x) == (calls == 6)
        network.calls = 0
        in_turn(network, x).sum().backward()
        assert network.calls == calls
    with torch.no_grad():
        network.calls = 0
        in_turn(network, x)
    assert network.calls == 3


@pytest.mark.parametrize(
    ("network", "apply", "shape"),
    [
        (lambda: I3D(width=0.125, classes=None), "features", (3, 3, 9, 32, 32)),
        (lambda: C3D(6, width=0.0625, side=32, batch_norm=True), "embed", (3, 3, 16, 32, 32)),
        (lambda: C3D(6, width=0.0625, side=32), "embed", (3, 3, 16, 32, 32)),
    ],
)
def test_gradients_and_running_means_are_those_of_usual_training(
    network, apply, shape, monkeypatch
):
    torch.manual_seed(0)
    usual, x = network().train(), torch.randn(*shape)
    spared = copy.deepcopy(usual)
    for one, available in ((usual, math.inf), (spared, 1.0)):
        monkeypatch.setattr(spared_memory, "memory", lambda where, given=available: given)
        for seed in (1, 2):  # twice, as statistics would drift apart
            torch.manual_seed(seed)
            getattr(one, apply)(x).square().sum().backward()
    for name, parameter in usual.named_parameters():
        if parameter.grad is None:  # of the last layer
            continue
        found = dict(spared.named_parameters())[name].grad
        scale = float(parameter.grad.abs().max())
        torch.testing.assert_close(found, parameter.grad, rtol=1e-4, atol=1e-5 * scale)
    states = usual.state_dict(), spared.state_dict()
    assert any("num_batches" in name for name in states[0]) or shape[2] == 16
    for name in states[0]:
        torch.testing.assert_close(states[1][name], states[0][name])


def test_batches_of_the_published_sizes_fit_small_gpus():
    # 5 clips of each of 6 emotions, 8 windows of 25 chips (params.yaml): 240 windows.
    usual, spared = layer_bytes(I3D(classes=None), (3, 25, 96, 96))
    assert 240 * usual > 24 * GB
    assert 240 * spared < 12 * GB  # in float32; networks learn in half of it on a GPU
    assert 240 * spared / 2 < spared_memory._SHARE * 12 * GB
    usual, spared = layer_bytes(C3D(6, batch_norm=True), (3, FRAMES, SIDE, SIDE))
    assert 30 * spared < spared_memory._SHARE * 12 * GB  # segments of a batch (table 3 of AVEF)
    assert 30 * usual < spared_memory._SHARE * 16 * GB


def test_memory_is_what_the_environment_says(monkeypatch):
    monkeypatch.setenv("AVLIB_GPU_MEMORY", "12.5")
    assert device.memory(torch.device("cuda:0")) == 12.5e9
    assert device.memory(torch.device("cpu")) == math.inf
    for wrong in ("twelve", "0", "-1", "inf", "nan"):
        monkeypatch.setenv("AVLIB_GPU_MEMORY", wrong)
        with pytest.raises(ParamsError, match=rf"AVLIB_GPU_MEMORY={wrong}: expected GB"):
            device.memory(torch.device("cuda:0"))
