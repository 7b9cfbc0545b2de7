"""Axes and panels: where values come to stand, and which ticks are written."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.ticker import MaxNLocator

from avlib.report.chart import inline, standalone
from avlib.report.figure import Axis, Entry, Panel, figure, log_ticks, round_ticks


def panel(**changes):
    return Panel(Axis(0, 10), Axis(0, 100), 200, 100, **changes)


def paths(panel, kind):
    return re.findall(rf'<path class="{kind}"[^>]* d="([^"]*)"', panel.svg(0, 0))


def points(path):
    return [tuple(map(float, pair.split())) for pair in re.split("[ML]", path.rstrip("z")) if pair]


def test_values_stand_where_the_axes_say():
    drawn = panel()
    drawn.line([0, 5, 10], [0, 25, 100], "g0")
    (path,) = paths(drawn, "line g0")
    assert points(path) == [(0, 100), (100, 75), (200, 0)]
    logarithmic = Panel(Axis(0, 1), Axis(0.01, 100, log=True), 100, 80)
    assert logarithmic.at_y(1) == pytest.approx(40)
    assert logarithmic.at_y(10) == pytest.approx(20)


def test_a_missing_value_leaves_a_gap_and_one_alone_is_a_dot():
    drawn = panel()
    drawn.line(range(5), [10, 20, np.nan, 40, np.nan], "g0")
    (path,) = paths(drawn, "line g0")
    first, second = path.split("M")[1:]
    assert len(points(first)) == 2
    assert second.endswith("h0")
    drawn.line([1], [np.nan], "g1")
    assert not paths(drawn, "line g1")


def test_what_lies_outside_of_the_axes_is_cut_off():
    drawn = panel()
    drawn.line([0, 5, 10], [0, 130, 100], "g0")
    drawn.line([0, 10], [0, 100], "g1")
    assert re.findall(
        r'<svg width="200" height="100"><path class="line (g\d)"', drawn.svg(0, 0)
    ) == ["g0"]
    drawn.band([0, 5, 10], [-20, 10, np.nan], [50, 130, np.nan], "g0")
    (path,) = paths(drawn, "band g0")
    assert points(path) == [(0, 50), (100, 0), (100, 90), (0, 100)]


def test_of_many_values_the_bounds_of_every_stretch_are_drawn():
    values = 50 + 40 * np.sin(np.arange(48_000) / 7.0)
    values[20_000] = 99.0
    drawn = panel()
    drawn.line(np.linspace(0, 10, len(values)), values, "g0")
    (path,) = paths(drawn, "line g0")
    heights = [y for _, y in points(path)]
    assert len(heights) < 1000
    assert min(heights) == pytest.approx(1.0, abs=0.05)  # the one high value is not lost
    assert max(heights) == pytest.approx(90.0, abs=0.1)
    across = [x for x, _ in points(path)]
    assert across == sorted(across)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 9))
def test_ticks_are_round_and_few_and_inside(low, length, most):
    ticks = round_ticks(low, low + length, most)
    assert len(ticks) <= most + 1
    room = 1e-6 * max(abs(low), length)
    assert all(low - room <= tick <= low + length + room for tick in ticks)
    steps = np.diff(ticks)
    if len(steps):
        mantissa = f"{steps.mean():.3e}".partition("e")[0]
        assert float(mantissa) in (1, 2, 5, 10)


@pytest.mark.parametrize(("low", "high"), [(0, 13), (1, 40), (0.2, 0.9), (-3, 8)])
def test_ticks_are_those_of_matplotlib(low, high):
    theirs = MaxNLocator(nbins=6, steps=[1, 2, 5, 10]).tick_values(low, high)
    inside = [tick for tick in theirs if low - 1e-9 <= tick <= high + 1e-9]
    assert round_ticks(low, high) == pytest.approx(inside)


def test_whole_ticks_are_never_parts():
    assert round_ticks(1, 3, whole=True) == [1, 2, 3]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.09, 1.1, [0.1, 0.2, 0.5, 1]), (1e-4, 10, [1e-4, 1e-3, 0.01, 0.1, 1, 10]), (3, 4, [3, 4])],
)
def test_logarithmic_ticks(low, high, ticks):
    assert log_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize("step", [7.0, -4.0])
def test_hatching_stays_within_its_bar(step):
    drawn = panel()
    drawn.bars([(2, 5, 0, 60)], "bar g0", step)
    (path,) = paths(drawn, "hatch")
    ends = points(path)
    assert len(ends) > 10
    assert all(40 - 0.1 <= x <= 100.1 and 40 - 0.1 <= y <= 100.1 for x, y in ends)
    for (x0, y0), (x1, y1) in zip(ends[::2], ends[1::2], strict=True):
        assert (y0 - y1) * np.sign(step) == pytest.approx(x1 - x0, abs=0.15)


def test_panels_do_not_overlap_and_nothing_is_lost():
    panels = [
        Panel(Axis(0, 1, "x"), Axis(0, 1, "y"), 100, 80, title=f"panel {number}")
        for number in range(5)
    ]
    legend = [Entry(f"entry {number}", f"line g{number}") for number in range(12)]
    svg = figure(panels, "five <panels>", columns=2, title="above", legend=legend)
    root = ElementTree.fromstring(svg)
    assert root.attrib["aria-label"] == "five <panels>"
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    corners = [
        tuple(map(float, re.findall(r"[\d.]+", group.attrib["transform"])))
        for group in root
        if group.tag.endswith("}g")
    ]
    boxes = [(x - p.left, y - p.above, x + 100, y + 80 + p.below) for (x, y), p in
             zip(corners, panels, strict=True)]  # fmt: skip
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= height
        for other in boxes[i + 1 :]:
            beside = right <= other[0] or other[2] <= left
            assert beside or bottom <= other[1] or other[3] <= top
    words = [text.text for text in root.iter() if text.tag.endswith("}text")]
    assert {"above", *(f"panel {n}" for n in range(5)), *(e.words for e in legend)} <= set(words)
    assert all(float(t.attrib["y"]) <= height for t in root if t.tag.endswith("}text"))


def test_a_file_of_its_own_has_a_style_that_a_page_leaves_out():
    svg = figure([panel()], "one")
    file = standalone(svg)
    assert "--c-paper" in file
    ElementTree.fromstring(file)
    assert inline(file) == svg


def test_words_are_text():
    drawn = panel(title="a<b & c")
    drawn.text(1, 1, "<script>")
    ElementTree.fromstring(figure([drawn], "x", title='"'))
