"""Where a face is seen: not where no picture was recorded."""

import numpy as np
import pytest

from avlib.descriptors.video import Faces
from avlib.faces.alignment import encode_jpeg
from avlib.recognizer.observe import Span
from avlib.recognizer.traces import Traces

CHIP = encode_jpeg(np.zeros((224, 224, 3), np.uint8))


def seen(times, missing=()):
    jpegs = [None if number in missing else CHIP for number in range(len(times))]
    faces = Faces(np.array(times), np.zeros((len(times), 68, 2)), jpegs)
    traces = Traces(30.0)
    traces.add(Span(0.0, None, 30.0, None, np.empty((0, 2)), faces, {}))
    return traces.seen


def test_a_face_is_seen_until_the_next_picture_shows_none():
    times = np.arange(50) * 0.04
    [(start, end)] = seen(times)
    assert (start, end) == (0.0, pytest.approx(2.0))
    first, second = seen(times, missing=[10, 11])
    assert first == (0.0, pytest.approx(0.4))
    assert second == (pytest.approx(0.48), pytest.approx(2.0))


def test_no_face_is_seen_where_no_picture_was_recorded():
    first, second = seen(np.r_[np.arange(100) * 0.04, 16 + np.arange(100) * 0.04])
    assert first == (0.0, pytest.approx(4.0))
    assert second == (pytest.approx(16.0), pytest.approx(20.0))


def test_slow_pictures_are_seen_without_a_break():
    [(start, end)] = seen(np.r_[np.arange(25) * 0.04, 1 + np.arange(10) * 0.2])
    assert (start, end) == (0.0, pytest.approx(2.84, abs=0.01))
