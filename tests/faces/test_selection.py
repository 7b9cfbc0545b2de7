import numpy as np
import pytest

from avlib.faces.detection import Detection
from avlib.faces.selection import most_prominent

SIZE = (240, 320)


def hit(x, y, width, score=1.0):
    half = width / 2
    return Detection(np.array([x - half, y - half, x + half, y + half], float), score)


def first(*hits, **known):
    return most_prominent(hits, SIZE, **known)[0]


def test_larger_face_comes_first():
    small, large = hit(100, 120, 50), hit(220, 120, 80)
    assert first(small, large) is large


def test_central_face_comes_before_one_in_a_corner():
    centre, corner = hit(160, 120, 50), hit(300, 220, 60)
    assert first(corner, centre) is centre


def test_weak_hit_does_not_win_by_its_size():
    weak, sure = hit(160, 120, 120, 0.1), hit(160, 120, 60, 1.5)
    assert first(weak, sure) is sure


def test_face_that_was_followed_comes_before_a_larger_one():
    same, other = hit(82, 120, 60), hit(150, 120, 80)
    assert first(other, same, lost=hit(80, 120, 60).box, gap=0.1, max_gap=0.5) is same


@pytest.mark.parametrize(
    ("width", "gap", "taken"), [(80, 0.4, False), (80, 0.6, True), (40, 0.6, False), (40, 3, True)]
)
def test_stranger_is_followed_only_later_and_the_smaller_the_later(width, gap, taken):
    stranger = hit(320, 120, width)
    found = most_prominent([stranger], SIZE, hit(20, 120, 80).box, gap, 0.5)
    assert found == ([stranger] if taken else [])


def test_nobody_is_nobody():
    assert most_prominent([], SIZE) == []
