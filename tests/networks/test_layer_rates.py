"""Frozen first layers and rates by layer, on a network small enough to follow."""

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from avlib.networks.layer_rates import freeze_first, rated_groups, slower_below, weighted_layers
from avlib.networks.modern import one_cycle
from avlib.networks.train_network import EpochSampler, train_network

CYCLE = {"learning_rate": 0.1, "weight_decay": 0.01, "warm_up": 0.5}


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU()),
        nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.1)),
        nn.Linear(6, 2),
    )


class Learning(LightningModule):
    def __init__(self, net, factors):
        super().__init__()
        self.net, self.factors = net, factors

    def configure_optimizers(self):
        steps = int(self.trainer.estimated_stepping_batches)
        return one_cycle(self.net, CYCLE, steps, self.factors)

    def training_step(self, batch, index):
        return functional.cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch, index):
        self.log("validation_loss", functional.cross_entropy(self.net(batch[0]), batch[1]))


def test_layers_are_those_with_weights_and_their_normalisation():
    layers = weighted_layers(network())
    kinds = [[type(module).__name__ for module in layer] for layer in layers]
    assert kinds == [["Linear", "BatchNorm1d"]] * 2 + [["Linear"]]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_frozen_layers_stay_as_they_are_through_epochs_and_validation(n):
    """Means of batch normalisation, too: they would follow the new data."""
    net = network()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    x = torch.from_numpy(np.random.default_rng(0).normal(3, 2, (24, 4)).astype(np.float32))
    dataset = TensorDataset(x, (x[:, 0] > 3).long())
    loader = DataLoader(dataset, batch_size=6, sampler=EpochSampler(24, 0))
    freeze_first(weighted_layers(net), n)
    train_network(Learning(net, {}), loader, DataLoader(dataset, 6), max_epochs=3, seed=0)
    for name, tensor in net.state_dict().items():
        moved = not tensor.equal(before[name])
        assert moved == (int(name[0]) >= n), name


def test_each_layer_down_moves_by_as_much_less():
    net = network()
    factors = slower_below(weighted_layers(net)[:2], 0.5)
    optimiser = torch.optim.SGD(rated_groups(net.parameters(), 0.1, factors))
    before = [p.detach().clone() for p in net.parameters()]
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step()
    expected = [0.025] * 4 + [0.05] * 4 + [0.1] * 2
    for old, new, step in zip(before, net.parameters(), expected, strict=True):
        torch.testing.assert_close(old - new.detach(), torch.full_like(old, step))


def test_the_cycle_has_each_rate_at_its_highest_and_lets_vectors_be():
    net = network()
    factors = slower_below(weighted_layers(net)[:2], 0.5)
    made = one_cycle(net, CYCLE, 10, factors)
    optimiser, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(10):
        rates.append([group["lr"] for group in optimiser.param_groups])
        optimiser.step()
        schedule.step() if len(rates) < 10 else None
    highest = np.max(rates, axis=0)
    for group, rate in zip(optimiser.param_groups, highest, strict=True):
        matrix = group["params"][0].ndim >= 2
        assert group["weight_decay"] == (0.01 if matrix else 0.0)
        assert all((p.ndim >= 2) == matrix for p in group["params"])
        for parameter in group["params"]:
            assert 0.1 * factors.get(parameter, 1.0) == pytest.approx(rate)


def test_without_factors_all_parameters_are_one_group_in_their_order():
    net = network()
    (group,) = rated_groups(net.parameters(), 0.1, {})
    assert all(a is b for a, b in zip(group["params"], net.parameters(), strict=True))
    freeze_first(weighted_layers(net), 1)
    (group,) = rated_groups(net.parameters(), 0.1, {})
    assert len(group["params"]) == len(list(net.parameters())) - 4
