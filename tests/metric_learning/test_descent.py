"""A step of MERML's descent, against its formula."""

import numpy as np
import pytest
import torch

from avlib.metric_learning.descent import OMEGA_RATE, Descent
from avlib.metric_learning.loss import pair_loss
from avlib.metric_learning.training_subspace import principal_subspace


@pytest.fixture
def spans():
    rng = np.random.default_rng(0)
    views = {"audio.one": 5, "audio.two": 4, "video": 6}
    return {v: principal_subspace(rng.normal(size=(40, d)), 3, 0) for v, d in views.items()}


@pytest.mark.parametrize("regularisation", [0.0, 0.3])
def test_step_goes_down_the_slope_and_back_towards_the_start(spans, regularisation):
    before = {v: (span.coordinates.copy(), span.axes.copy()) for v, span in spans.items()}
    descent = Descent({v: (s, s.axes) for v, s in spans.items()}, regularisation=regularisation)
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 40, (2, 16))
    sign = np.where(np.arange(16) % 2, 1, -1)
    descent.scale(first, second, sign)
    start = {v: W.numpy().astype(np.float64) for v, W in descent.W.items()}
    mean = descent._mean_distance
    for rate in (0.2, 0.1):
        W = {v: W.clone() for v, W in descent.W.items()}
        omega, b = descent.omega.clone(), descent.b.clone()
        gaps = {v: torch.tensor(x[first] - x[second]) for v, (x, _) in before.items()}
        slope = pair_loss(gaps, torch.tensor(sign), W, omega, b)
        loss = descent.step(*(torch.tensor(a) for a in (first, second, sign)), rate)
        assert float(loss) == pytest.approx(16 * float(slope.loss), rel=1e-5)
        for v, now in descent.W.items():
            old = W[v].numpy().astype(np.float64)
            pull = regularisation * (old - start[v])
            expected = old - rate * (1.5 * slope.W[v].numpy() + pull)  # three views: half of them
            np.testing.assert_allclose(now, expected, rtol=1e-4, atol=1e-6)
        down = OMEGA_RATE * rate / mean * float(slope.omega)
        assert float(descent.omega) == pytest.approx(float(omega) - down, rel=1e-5)
        assert float(descent.b) == pytest.approx(float(b) - rate * float(slope.b), rel=1e-5)
    for v, (coordinates, axes) in before.items():  # other fits begin there too
        np.testing.assert_array_equal(spans[v].coordinates, coordinates)
        np.testing.assert_array_equal(spans[v].axes, axes)
