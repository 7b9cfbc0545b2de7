"""Outlines of what a page draws over time."""

import re

import numpy as np
import pytest

from avlib.recognizer import chart
from avlib.recognizer.recognizer import Recognised, Said
from avlib.recognizer.traces import RATE, Traces


def found(probabilities, every=1.0, duration=None):
    moments = [Said(None if p is None else np.array(p)) for p in probabilities]
    traces = Traces(duration or every * len(moments))
    return Recognised(Said(None), np.arange(len(moments)) * every, moments, traces)


def points(outline):
    """Each piece of an outline of M and L, as an array of its points."""
    pieces = [piece for piece in outline.split("M") if piece]
    return [np.array([[*map(float, p.split())] for p in piece.split("L")]) for piece in pieces]


def test_lines_break_where_nothing_can_be_said():
    moments = [[0.25, 0.75], [0.5, 0.5], None, [1.0, 0.0], None]
    first, second = chart.lines(found(moments), 1.0, 2)
    one, other = points(first)
    np.testing.assert_allclose(one, [[0, 75], [0, 75], [2000, 50], [3000, 50]])
    np.testing.assert_allclose(other, [[5000, 0], [6000, 0], [7000, 0]])
    np.testing.assert_allclose(points(second)[0][0], [0, 25])


def test_many_moments_are_drawn_as_means_of_some():
    moments = [[0.2], [0.4], None, [0.8], None, None, [1.0]]
    few, step = chart.thinned(found(moments), most=4)
    assert step == 2
    np.testing.assert_allclose(few.times, [0.5, 2.5, 4.5, 6.0])
    means = [None if m.probabilities is None else m.probabilities.item() for m in few.moments]
    assert means == [pytest.approx(0.3), 0.8, None, 1.0]
    assert chart.thinned(found(moments), most=7)[1] == 1


def test_gaps_surround_the_moments_that_nothing_can_be_said_of():
    gaps = chart.unsaid(found([None, [1.0], None]), 1.0)
    assert gaps == [(-0.5, 0.5), (1.5, 2.5)]
    edges = re.findall(r"M([\d.]+) 0H([\d.]+)V1H([\d.]+)Z", chart.spans(gaps, 2.0))
    assert np.array(edges, float).tolist() == [[0, 0.25, 0], [0.75, 1, 0.75]]


@pytest.mark.parametrize("seconds", [1, 600])
def test_the_sound_keeps_its_peaks_in_few_points(seconds):
    traces = Traces(float(seconds))
    envelope = np.full(RATE * seconds, 0.1, np.float32)
    envelope[RATE * seconds // 4] = 0.5
    traces.envelope = [
        (0.0, envelope[: len(envelope) // 2]),
        (seconds / 2, envelope[len(envelope) // 2 :]),
    ]
    outline = points(chart.envelope(traces).removesuffix("Z"))[0]
    assert len(outline) <= 2 * 2002
    loudest = outline[outline[:, 1].argmin()]
    assert loudest[1] == pytest.approx(-1)
    assert loudest[0] == pytest.approx(2500, abs=200)
    assert np.median(np.abs(outline[:, 1])) == pytest.approx(0.2)


def test_of_no_sound_and_of_no_length_there_is_nothing():
    assert chart.envelope(Traces(0.0)) == ""
    assert chart.spans([], 0.0) == ""
    assert chart.lines(found([]), 1.0, 2) == ["", ""]
