import numpy as np
import pytest
import torch

from avlib.metric_learning.loss import pair_loss

DIMS = {"audio": 5, "video": 7}


def random_problem(modalities, seed=0, n=40):
    rng = np.random.default_rng(seed)
    gaps = {m: torch.tensor(rng.normal(size=(n, DIMS[m]))) for m in modalities}
    W = {m: torch.tensor(0.4 * rng.normal(size=(3, DIMS[m]))) for m in modalities}
    sign = torch.tensor(rng.choice([-1.0, 1.0], n))
    return gaps, sign, W, torch.tensor(0.3, dtype=torch.float64), torch.tensor(1.4).double()


def literal_loss(gaps, sign, W, omega, b):
    """Eq. 6 pair by pair."""
    total = 0.0
    for k in range(len(sign)):
        terms = {m: float(np.sum((W[m].numpy() @ gaps[m][k].numpy()) ** 2)) for m in gaps}
        if len(terms) == 2:
            distance = float(omega) * terms["video"] + (1 - float(omega)) * terms["audio"]
        else:
            (distance,) = terms.values()
        total += max(1 - float(sign[k]) * (float(b) - distance), 0.0)
    return total / len(sign)


@pytest.mark.parametrize("modalities", [("audio", "video"), ("audio",), ("video",)])
def test_loss_is_the_hinge_of_equation_6(modalities):
    problem = random_problem(modalities)
    assert float(pair_loss(*problem).loss) == pytest.approx(literal_loss(*problem), rel=1e-12)


@pytest.mark.parametrize("modalities", [("audio", "video"), ("video",)])
def test_gradients_agree_with_finite_differences(modalities):
    gaps, sign, W, omega, b = random_problem(modalities, seed=1)
    slopes = pair_loss(gaps, sign, W, omega, b)
    step = 1e-6

    def difference(tensor, index):
        values = []
        for shift in (step, -step):
            tensor[index] += shift
            values.append(literal_loss(gaps, sign, W, omega, b))
            tensor[index] -= shift
        return (values[0] - values[1]) / (2 * step)

    for modality in modalities:
        for index in np.ndindex(*W[modality].shape):
            expected = difference(W[modality], index)
            assert float(slopes.W[modality][index]) == pytest.approx(expected, abs=1e-7)
    assert float(slopes.b) == pytest.approx(difference(b, ()), abs=1e-7)
    if len(modalities) == 2:
        assert float(slopes.omega) == pytest.approx(difference(omega, ()), abs=1e-7)
    else:
        assert slopes.omega is None


def test_pair_is_active_inside_the_margin_not_only_on_the_wrong_side():
    gap = {"audio": torch.tensor([[1.0]])}
    W = {"audio": torch.tensor([[1.0]])}
    similar, omega = torch.tensor([1.0]), torch.tensor(0.5)
    inside = pair_loss(gap, similar, W, omega, torch.tensor(1.5))  # b - d^2 = 0.5
    outside = pair_loss(gap, similar, W, omega, torch.tensor(2.5))  # b - d^2 = 1.5
    assert float(inside.loss) == pytest.approx(0.5)
    assert float(inside.b) == pytest.approx(-1.0, abs=1e-6)
    assert float(outside.loss) == 0.0
    assert float(outside.W["audio"].abs().sum()) == 0.0
