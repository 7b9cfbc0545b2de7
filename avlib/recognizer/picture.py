"""The picture of one recording: faces and voice, and between them what is said over time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from avlib.recognizer.recognizer import Recognised
from avlib.recognizer.traces import PICTURES, RATE, Traces
from avlib.report.plots import PALETTE, drawing, legend_above, look, name_rows

_VOICE = PALETTE[2]
_GAP: dict[str, Any] = {
    "facecolor": "#EEEEEE",
    "hatch": "///",
    "edgecolor": "#BBBBBB",
    "linewidth": 0,
}
_WIDTH = 8.0  # inches
_LEAST = 1e-3  # s that an axis of time is long


def draw(title: str, emotions: Sequence[str], found: Recognised) -> bytes:
    """Return a PNG of one recording.

    Parameters
    ----------
    title
        Above it.
    emotions
        In the order of the probabilities.
    found
        What is said of the recording: lines over time where there are moments, else bars.
    """
    traces = found.traces
    middle = 2.4 if len(found.times) else 0.4 + 0.2 * len(emotions)
    heights = {"faces": 0.75 * traces.looked, "said": middle, "sound": 0.8 * traces.heard}
    heights = {name: height for name, height in heights.items() if height}
    with drawing(_WIDTH, 1.3 + sum(heights.values())) as (figure, png):
        figure.suptitle(title, fontsize=10)
        rows = figure.subplots(len(heights), 1, height_ratios=list(heights.values()), squeeze=False)
        panels = dict(zip(heights, rows[:, 0], strict=True))
        timed = [panel for name, panel in panels.items() if name != "said" or len(found.times)]
        for panel in timed:
            panel.set_xlim(0, max(traces.duration, _LEAST))
        if "faces" in panels:
            _draw_faces(panels["faces"], traces)
        if len(found.times):
            _draw_moments(panels["said"], emotions, found)
        else:
            _draw_whole(panels["said"], emotions, found)
        if "sound" in panels:
            _draw_sound(panels["sound"], traces)
        if timed:
            timed[-1].set_xlabel("time (s)")
    return png.getvalue()


def _draw_faces(axes: Axes, traces: Traces) -> None:
    """Draw some faces where they were seen; hatched is where none was."""
    limits = axes.get_xlim()
    for start, end in traces.unseen():
        axes.axvspan(start, end, **_GAP)
    half = 0.46 * limits[1] / PICTURES
    for time, face in traces.faces:
        axes.imshow(face, extent=(time - half, time + half, 0, 1), aspect="auto", zorder=2)
    axes.set(xlim=limits, ylim=(0, 1), yticks=[], ylabel="face")


def _draw_moments(axes: Axes, emotions: Sequence[str], found: Recognised) -> None:
    """Draw each emotion's probability over time; hatched is where nothing can be said."""
    nothing = np.full(len(emotions), np.nan)
    values = np.array(
        [nothing if m.probabilities is None else m.probabilities for m in found.moments]
    )
    step = found.times[1] - found.times[0] if len(found.times) > 1 else found.traces.duration
    for time in found.times[np.isnan(values[:, 0])]:
        axes.axvspan(time - step / 2, time + step / 2, **_GAP)
    for number, emotion in enumerate(emotions):
        axes.plot(found.times, 100 * values[:, number], **look(number), markersize=3, label=emotion)
    axes.set(ylim=(0, 100), ylabel="probability (%)")
    axes.grid(visible=True, axis="y")
    legend_above(axes)


def _draw_whole(axes: Axes, emotions: Sequence[str], found: Recognised) -> None:
    """Draw the probabilities of the whole recording."""
    said = found.whole.probabilities
    axes.barh(range(len(emotions)), 0 if said is None else 100 * said, height=0.7)
    name_rows(axes, list(emotions))
    axes.set(xlim=(0, 100), xlabel="probability (%)")
    if said is None:
        middle: dict[str, Any] = {"ha": "center", "va": "center", "transform": axes.transAxes}
        axes.text(0.5, 0.5, found.whole.reason, **middle)


def _draw_sound(axes: Axes, traces: Traces) -> None:
    """Draw the envelope; the bar below it is where somebody speaks."""
    for start, values in traces.envelope:
        times = start + (np.arange(len(values)) + 0.5) / RATE
        axes.fill_between(times, -values, values, color=PALETTE[0], linewidth=0)
    peak = max((float(values.max(initial=0)) for _, values in traces.envelope), default=0.0) or 1.0
    widths = [(start, end - start) for start, end in traces.voiced]
    axes.broken_barh(widths, (-1.45 * peak, 0.25 * peak), color=_VOICE)
    axes.set(
        ylim=(-1.5 * peak, 1.1 * peak), yticks=[-1.3 * peak, 0], yticklabels=["voice", "sound"]
    )
