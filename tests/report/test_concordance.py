import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avlib.report.concordance import ccc

values = st.floats(-10, 10).map(lambda v: round(v, 3))


@given(st.lists(st.tuples(values, values), min_size=2, max_size=30))
def test_ccc_is_one_minus_the_share_of_the_expected_squared_distance(pairs):
    # Lin's definition: 1 - E(x - y)^2 / the same were x and y unrelated, over all pairs.
    x, y = np.array(pairs).T
    apart = np.mean((x[:, None] - y[None]) ** 2)
    found = ccc(x, y)
    if np.ptp(x) == 0:
        assert found is None
    else:
        assert found == pytest.approx(1 - np.mean((x - y) ** 2) / apart, abs=1e-9)


@pytest.mark.parametrize(("shift", "scale"), [(0.3, 1.0), (0.0, 0.5), (-0.2, 2.0), (0.0, -1.0)])
def test_ccc_of_a_shifted_and_scaled_copy_has_its_closed_form(shift, scale):
    x = np.random.default_rng(0).normal(size=400)
    x = (x - x.mean()) / x.std()
    expected = 2 * scale / (1 + scale**2 + shift**2)
    assert ccc(x, shift + scale * x) == pytest.approx(expected)


def test_constant_up_to_rounding_is_constant():
    constant = 0.1 + np.array([0.0, 1e-17, 2e-17, 0.0])
    assert ccc(constant, np.arange(4.0)) is None
    assert ccc(np.full(4, np.nan), np.arange(4.0)) is None
    assert ccc(np.arange(4.0), constant) == 0.0


def test_series_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\) and predictions of shape \(2,\)"):
        ccc(np.arange(3.0), np.arange(2.0))
