import pytest
import torch
from lightning.pytorch import LightningModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from avlib.networks import train_network as real
from avlib.networks.rehearsal import rehearsing
from avlib.networks.train_network import EpochSampler, train_network
from avlib.systems.avef.c3d import C3D
from avlib.systems.gating.i3d import I3D

N, SIZE = 6, 2  # examples, of a batch


class Small(LightningModule):
    """A convolution of 3 channels to 5 and a layer to 7."""

    def __init__(self, optimiser):
        super().__init__()
        self.convolution = nn.Conv2d(3, 5, 3, padding=1, bias=False)
        self.layer = nn.Linear(5 * 8 * 8, 7)
        self.optimiser = optimiser

    def configure_optimizers(self):
        return self.optimiser(self.parameters())

    def training_step(self, batch, index):
        return self.layer(self.convolution(batch[0]).flatten(1)).square().sum()


def rehearsed(optimiser, **arguments):
    loader = DataLoader(TensorDataset(torch.zeros(N, 3, 8, 8)), SIZE, sampler=EpochSampler(N, 0))
    with rehearsing() as found:
        curves = train_network(Small(optimiser), loader, max_epochs=40, seed=0, **arguments)
    [one] = found
    return one, curves


def test_an_epoch_costs_what_the_formulas_of_its_layers_say():
    found, curves = rehearsed(lambda p: torch.optim.SGD(p, 0.1, momentum=0.9))
    convolution, layer = 8 * 8 * 5 * 3 * 3 * 3, 5 * 8 * 8 * 7  # multiply-adds of an example
    # Forward, and backward to the weights; the layer's also to its input, which the first has not.
    assert found.operations == 2 * N * (2 * convolution + 3 * layer)
    # The convolution keeps its input, the layer its own, the square its values.
    assert found.kept == 4 * N * (3 * 8 * 8 + 5 * 8 * 8 + 7)
    weights = 4 * (5 * 3 * 3 * 3 + 5 * 8 * 8 * 7 + 7)
    assert (found.weights, found.remembered) == (weights, weights)
    assert found.epochs == 40
    assert found.seconds > 0
    assert len(curves.splitlines()) == 2


def test_adam_remembers_two_values_of_each_weight():
    found, _ = rehearsed(torch.optim.Adam)
    steps = 4 * 3  # a counter for each of the three parameters
    assert found.remembered == 2 * found.weights + steps


def test_training_is_real_again_afterwards(tmp_path):
    with pytest.raises(RuntimeError, match="inside"), rehearsing():
        raise RuntimeError("inside")
    assert real.INSTEAD.get() is None
    found, _ = rehearsed(torch.optim.Adam, folder=tmp_path / "fold-0")
    assert found.epochs == 40
    assert not (tmp_path / "fold-0").exists()  # nothing is resumed from noise


@pytest.mark.parametrize(
    ("network", "apply", "shape", "published"),
    [
        # Billions of multiply-adds, as the literature counts them without what is padded: 108 of
        # I3D for 64 pictures of 224 pixels, 38.5 of C3D for 16 of 112.
        (I3D(classes=None), "features", (3, 64, 224, 224), 108),
        (C3D(), "forward", (3, 16, 112, 112), 38.5),
    ],
)
def test_known_networks_have_their_known_costs(network, apply, shape, published):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        getattr(network.to("meta"), apply)(torch.empty(1, *shape, device="meta"))
    assert counter.get_total_flops() / 2e9 == pytest.approx(published, rel=0.03)
