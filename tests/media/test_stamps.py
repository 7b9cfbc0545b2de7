"""Which stamps are believed: gaps are kept, damage and new starts follow on."""

import numpy as np
import pytest

from avlib.media.stamps import shifts

STEP = 0.04
REGULAR = np.arange(400) * STEP


def corrected(stamps, reach=-np.inf, step=0.0):
    """Return the stamps with what is said to be added; NaN where they mean nothing."""
    changes = shifts(stamps, reach, step)
    result = np.array(stamps, float)
    edges = [*(first for first, _ in changes), len(result)]
    for (first, shift), after in zip(changes, edges[1:], strict=True):
        result[first:after] += np.nan if shift is None else shift
    return result


def test_even_stamps_with_jitter_are_right():
    jitter = np.random.default_rng(0).uniform(-0.001, 0.001, len(REGULAR))
    assert shifts(REGULAR + jitter, 0.0) == []
    assert shifts(np.round(np.arange(400) * 1152 / 44100, 3), 0.0) == []
    assert shifts(np.array([]), 0.0) == shifts(np.array([1.0]), 0.0) == []


def test_a_rate_that_changes_is_right():
    stamps = np.r_[REGULAR, REGULAR[-1] + np.cumsum(np.r_[[0.2] * 50, [2.0] * 9, [0.04] * 50])]
    assert shifts(stamps, 0.0) == []
    assert shifts(np.arange(200) * 60.0, 0.0) == []  # a picture a minute


@pytest.mark.parametrize("length", [0.5, 5.0, 12.0, 1800.0])
@pytest.mark.parametrize("step", [0.0, STEP])
def test_a_jump_that_stays_is_a_gap(length, step):
    stamps = REGULAR.copy()
    stamps[150:] += length
    assert shifts(stamps, -np.inf, step) == []


def test_a_jump_of_days_is_a_clock_set_anew():
    stamps = REGULAR.copy()
    stamps[150:] += 3 * 86400
    np.testing.assert_allclose(corrected(stamps), REGULAR, atol=1e-6)


def test_a_long_gap_needs_the_other_stream_to_go_on():
    stamps = REGULAR.copy()
    stamps[150:] += 200
    assert shifts(stamps, -np.inf) == []  # there is none
    assert shifts(stamps, 216.0) == []
    np.testing.assert_allclose(corrected(stamps, 16.0), REGULAR, atol=1e-6)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("step", [0.0, STEP])
def test_jumps_that_are_taken_back_are_told_from_all_others(seed, step):
    random = np.random.default_rng(seed)
    stamps = REGULAR.copy()
    stamps[200:] += random.uniform(0.3, 60)  # a gap besides
    right = stamps.copy()
    for start in (20, 120, 300):
        length = int(random.integers(1, 40))
        by = 10 ** random.uniform(0.2, 5) * random.choice([-1, 1])
        stamps[start : start + length] += by
        right[start : start + length] = np.nan
    np.testing.assert_allclose(corrected(stamps, -np.inf, step), right, atol=1e-9)


def test_damage_at_the_very_start_leads_up_to_what_follows():
    for by in (5, 60, 86400):
        stamps = REGULAR.copy()
        stamps[0] += by
        np.testing.assert_allclose(corrected(stamps), REGULAR, atol=1e-9)


def test_a_last_stamp_far_off_needs_the_other_stream_to_be_believed():
    stamps = REGULAR.copy()
    stamps[-1] += 300
    assert np.isnan(corrected(stamps)[-1])
    assert shifts(stamps, 320.0) == []


@pytest.mark.parametrize("lengths", [(400, 400), (75, 76), (20, 300), (300, 20), (75, 75, 75)])
def test_a_new_start_goes_on_where_the_one_before_had_stopped(lengths):
    stamps = np.concatenate([np.arange(length) * STEP for length in lengths])
    found = corrected(stamps)
    expected = np.arange(sum(lengths)) * STEP
    known = ~np.isnan(found)
    np.testing.assert_allclose(found[known], expected[known], atol=1e-6)
    assert known[: lengths[0]].all()
    # What has no stamp follows on, and comes to the same.
    assert known.mean() > 0.9 or not known[-1]


@pytest.mark.parametrize("n", [3, 8, 50, 400])
def test_stamps_without_any_order_mean_nothing(n):
    for seed in range(20):
        stamps = np.random.default_rng(seed).uniform(0, 23_000, n)
        found = corrected(stamps, -np.inf, 0.02)
        known = found[~np.isnan(found)]
        assert not len(known) or np.ptp(known) < 3600 + n
    assert np.isnan(corrected(np.zeros(n))).all()


def test_packets_without_a_stamp_are_left_alone():
    stamps = REGULAR.copy()
    stamps[[0, 7, 8]] = np.nan
    assert shifts(stamps, 0.0) == []
    stamps[50] += 7
    assert shifts(stamps, 0.0) == [(1, 0.0), (50, None), (51, 0.0)]
    stamps[60] = np.inf
    assert (60, None) in shifts(stamps, 0.0)
