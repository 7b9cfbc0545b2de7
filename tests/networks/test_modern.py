"""The modern recipe against what its parts are defined as."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from avlib.networks.modern import Mixup, one_cycle


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("warm_up", [0.1, 0.5])
def test_rate_rises_to_its_highest_and_falls(warm_up):
    settings = {"learning_rate": 0.1, "weight_decay": 0.0, "warm_up": warm_up}
    made = one_cycle(nn.Linear(2, 2), settings, 100)
    optimiser, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(100):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if len(rates) < 100:
            schedule.step()
    top = round(100 * warm_up) - 1
    assert np.argmax(rates) == top
    assert rates[top] == pytest.approx(0.1)
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()
    assert rates[-1] < 1e-4 * rates[top]


def test_matrices_decay_and_vectors_do_not():
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    settings = {"learning_rate": 0.1, "weight_decay": 0.5, "warm_up": 0.5}
    optimiser = one_cycle(network, settings, 10)["optimizer"]
    for p in network.parameters():
        p.grad = torch.zeros_like(p)
    rate = optimiser.param_groups[0]["lr"]
    optimiser.step()
    for name, p in network.named_parameters():
        share = 1 - 0.5 * rate if name == "0.weight" else 1.0
        torch.testing.assert_close(p.detach(), share * before[name])


def test_frozen_parameters_are_left_out():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    network[0].requires_grad_(False)
    settings = {"learning_rate": 0.1, "weight_decay": 0.0, "warm_up": 0.5}
    groups = one_cycle(network, settings, 10)["optimizer"].param_groups
    assert sum(len(group["params"]) for group in groups) == 2


def test_blends_and_their_loss_are_those_of_soft_labels():
    mixup = Mixup.draw(6, 0.4, noise(1))
    values, emotion = torch.rand(6, 2, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    own, other = mixup.share, 1 - mixup.share
    torch.testing.assert_close(mixup.blend(values), own * values + other * values[mixup.partner])
    labels = functional.one_hot(emotion, 4).float()
    soft = 0.9 * (own * labels + other * labels[mixup.partner]) + 0.1 / 4
    logits = torch.randn(6, 4, generator=noise(2))
    expected = -(soft * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(mixup.loss(logits, emotion, 0.1), expected)


def test_shares_are_of_the_beta_distribution():
    shares = np.array([Mixup.draw(2, 0.3, noise(seed)).share for seed in range(2000)])
    assert shares.mean() == pytest.approx(0.5, abs=0.05)  # deviation of the mean: 0.009
    assert shares.var() == pytest.approx(0.25 / 1.6, rel=0.1)


def test_without_mixup_values_stay():
    mixup = Mixup.draw(3, 0.0, noise())
    values, emotion = torch.rand(3, 2), torch.tensor([0, 1, 1])
    assert torch.equal(mixup.blend(values), values)
    torch.testing.assert_close(
        mixup.loss(values, emotion, 0.0), functional.cross_entropy(values, emotion)
    )
