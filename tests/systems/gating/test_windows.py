import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avlib.systems.gating.windows import Windows, apex_start

EIGHT = Windows(8, 1.0, 0.5)


def test_eight_overlapping_windows_of_a_second_end_at_four_and_a_half():
    assert EIGHT.starts().tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]
    assert EIGHT.ends().tolist() == [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5]


@pytest.mark.parametrize(
    ("duration", "count"), [(0.0, 1), (0.3, 1), (0.99, 1), (1.0, 2), (2.6, 5), (3.82, 7), (9, 8)]
)
def test_windows_with_half_of_them_in_the_clip_are_open(duration, count):
    assert EIGHT.open(np.array([duration])).sum() == count


@given(
    duration=st.floats(0, 20),
    count=st.integers(1, 12),
    length=st.floats(0.2, 3),
    share=st.floats(0, 0.9),
)
def test_open_windows_come_before_closed_ones_and_there_is_always_one(
    duration, count, length, share
):
    windows = Windows(count, length, share * length)
    (opened,) = windows.open(np.array([duration]))
    assert opened[0]
    assert (np.diff(opened.astype(int)) <= 0).all()
    for start, is_open in zip(windows.starts()[1:], opened[1:], strict=True):
        inside = max(0.0, min(duration, start + length) - start)
        if abs(inside - length / 2) > 1e-6:
            assert is_open == (inside > length / 2)


def test_apex_window_is_the_middle_one_and_starts_no_earlier_than_the_clip():
    assert apex_start(np.array([3.0, 1.0, 0.4]), 1.0).tolist() == [1.0, 0.0, 0.0]
