import numpy as np
import pytest
import torch

from avlib.report.concordance import ccc
from avlib.systems.emobed.network import EmoBedNetwork
from avlib.systems.emobed.traces.losses import ccc_loss, mse_loss
from avlib.systems.emobed.training import JointTraining


def sequences(seed=0):
    """Predictions and targets of three sequences, padded to 7 steps, some without a label."""
    rng = np.random.default_rng(seed)
    predictions, targets = torch.from_numpy(rng.normal(size=(2, 3, 7)))
    there = torch.arange(7) < torch.tensor([7, 4, 1])[:, None]
    targets[~there] = targets[0, 2] = targets[2, 0] = torch.nan
    kept = [(i, t) for i in range(3) for t in range(7) if targets[i, t].isfinite()]
    counted = [np.array([float(v[i, t]) for i, t in kept]) for v in (predictions, targets)]
    return predictions.requires_grad_(), targets, counted


def test_steps_past_the_end_and_without_a_label_do_not_count():
    predictions, targets, (found, wanted) = sequences()
    assert len(found) == 10
    assert mse_loss(predictions, targets).item() == pytest.approx(np.mean((found - wanted) ** 2))
    assert ccc_loss(predictions, targets).item() == pytest.approx(1 - ccc(wanted, found), abs=1e-7)


@pytest.mark.parametrize("loss", [mse_loss, ccc_loss])
def test_gradients_are_those_of_finite_differences_and_finite_at_holes(loss):
    predictions, targets, _ = sequences()
    assert torch.autograd.gradcheck(lambda p: loss(p, targets), predictions)


@pytest.mark.parametrize("loss", [mse_loss, ccc_loss])
def test_nothing_that_counts_is_no_loss(loss):
    predictions, targets, _ = sequences()
    value = loss(predictions, torch.full_like(targets, torch.nan))
    value.backward()
    assert value.item() == 0.0
    assert not predictions.grad.any()


def test_constant_targets_give_a_finite_ccc_loss():
    same = torch.full((1, 5), 0.25)
    predictions = same.clone().requires_grad_()
    loss = ccc_loss(predictions, same)
    loss.backward()
    # Rounding leaves about 1e-14 of a variance of zero, beside the 1e-8 that the loss adds.
    assert loss.item() == pytest.approx(1.0, abs=1e-4)
    assert torch.isfinite(predictions.grad).all()


def test_the_objective_is_eq_8():
    own, auxiliary, triplet = torch.tensor([2.0, 3.0, 5.0])
    network = EmoBedNetwork({"video": 1}, 1, hidden=1, layers=1)

    def objective(**weights):
        losses = {"audio": auxiliary, "video": own}
        return JointTraining(network, "video", **weights).objective(losses, triplet).item()

    assert objective(alpha=0.5, beta=0.1) == pytest.approx(2 + 1.5 + 0.5)
    assert objective(alpha=0.0, beta=0.0) == 2.0
