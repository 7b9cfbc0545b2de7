"""How much of a face is covered, and where."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avlib.faces.alignment import CHIP
from avlib.faces.occlusion import GREY, occlude

SHARES = st.floats(0, 1)


def covered(share, place, size=CHIP):
    chips = np.zeros((1, size, size, 3), np.uint8)
    covered = (occlude(chips, share, place)[0] == GREY).all(axis=2)
    np.testing.assert_array_equal(occlude(chips[..., 0], share, place)[0] == GREY, covered)
    return covered


@given(share=SHARES, place=st.tuples(SHARES, SHARES))
def test_the_share_of_covered_pixels_is_the_one_asked_for(share, place):
    assert covered(share, place).mean() == pytest.approx(share, abs=0.0025)


def test_the_ends_are_nothing_and_everything():
    assert not covered(0.0, (0.3, 0.3)).any()
    assert covered(1.0, (0.3, 0.3)).all()


@given(shares=st.tuples(SHARES, SHARES), place=st.tuples(SHARES, SHARES))
def test_more_covers_what_less_covers(shares, place):
    less, more = (covered(share, place) for share in sorted(shares))
    # Whole pixels: an edge may stand one row or column off.
    inner = less.copy()
    rows, columns = np.nonzero(less)
    if len(rows):
        inner[[rows.min(), rows.max()]] = False
        inner[:, [columns.min(), columns.max()]] = False
    assert (more | ~inner).all()


def test_all_frames_are_covered_alike_and_the_originals_are_kept():
    chips = np.random.default_rng(0).integers(0, 256, (3, CHIP, CHIP, 3), np.uint8)
    before = chips.copy()
    result = occlude(chips, 0.25, (0.0, 1.0))
    assert np.array_equal(chips, before)
    assert (result[:, :112, 112:] == GREY).all()
    assert np.array_equal(result[:, 112:], before[:, 112:])
    assert np.array_equal(result[:, :, :112], before[:, :, :112])


def test_the_corners_are_within_reach():
    for place in ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)):
        assert covered(0.1, place)[round(place[0] * (CHIP - 1)), round(place[1] * (CHIP - 1))]


def test_a_share_outside_of_0_to_1_is_refused():
    with pytest.raises(ValueError, match="expected a share"):
        covered(1.5, (0, 0))
