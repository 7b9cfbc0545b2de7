import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib.systems.common.functionals import moments, sliding_functionals


def by_hand(values, times, at, window):
    rows, counted = [], []
    for moment in at:
        held = values[np.abs(times - moment) <= window / 2 + 1e-9]
        counted.append(len(held))
        rows.append(
            [*held.mean(0), *held.std(0)] if len(held) else np.zeros(2 * values.shape[1]).tolist()
        )
    return np.array(rows), counted


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 60),
    window=st.sampled_from([0.02, 0.3, 8.0]),
    large=st.sampled_from([0.0, 1e5]),
)
def test_functionals_are_mean_and_deviation_of_what_the_window_holds(seed, n, window, large):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.choice([0.01, 0.04, 0.5], n))  # any rate, and gaps
    values = large + rng.normal(size=(n, 3))
    at = np.sort(rng.uniform(-1, times[-1] + 1, 20))
    found, counted = sliding_functionals(values, times, at, window)
    expected, expected_counts = by_hand(values, times, at, window)
    assert counted.tolist() == expected_counts
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_moment_whose_window_holds_no_frame_has_zeros_and_says_so():
    found, counted = sliding_functionals(np.ones((2, 1)), np.array([0.0, 0.04]), [0.0, 9.0])
    assert counted.tolist() == [2, 0]
    assert found.tolist() == [[1.0, 0.0], [0.0, 0.0]]
    found, counted = sliding_functionals(np.zeros((0, 4)), np.zeros(0), moments(0.2))
    assert found.shape == (5, 8)
    assert not found.any()
    assert not counted.any()


def test_recording_shorter_than_the_window_is_described_as_a_whole_everywhere():
    values = np.random.default_rng(0).normal(size=(25, 2))
    found, counted = sliding_functionals(values, np.arange(25) / 25, moments(1.0))
    assert counted.tolist() == [25] * 25
    expected = np.tile([*values.mean(0), *values.std(0)], (25, 1))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_five_minutes_have_7500_moments_and_a_full_window_both_its_ends():
    assert len(moments(300.0)) == 7500
    assert moments(300.0)[-1] == pytest.approx(299.96)
    times = moments(60.0)
    _, counted = sliding_functionals(np.zeros((1500, 1)), times, times)
    assert counted[750] == 201  # 8 s at 25 Hz, both ends included
    assert counted[0] == counted[-1] == 101


@pytest.mark.parametrize(
    ("values", "times"),
    [
        (np.zeros((3, 2)), np.arange(4.0)),
        (np.zeros((3, 2)), np.array([0.0, 0.0, 1.0])),
        (np.full((3, 2), np.nan), np.arange(3.0)),
    ],
)
def test_features_that_do_not_fit_their_times_are_refused(values, times):
    with pytest.raises(ValueError, match="expected"):
        sliding_functionals(values, times, [0.0])


def test_one_frame_does_not_deviate_by_what_rounding_leaves():
    values = np.random.default_rng(0).normal(100, 3, size=(50, 4))
    times = np.arange(50) * 0.2
    found, counted = sliding_functionals(values, times, times, 0.2)
    assert (counted == 1).all()
    np.testing.assert_allclose(found[:, :4], values)
    assert not found[:, 4:].any()
