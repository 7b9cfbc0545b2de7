"""Pictures of recognition over time; in the manner of `avlib.report.figure`."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from avlib.report.chart import MARKS
from avlib.report.figure import Axis, Entry, Panel, figure
from avlib.report.score_plots import PERCENT
from avlib.systems.gating.gates import plateau


class _Look(NamedTuple):
    """A colour, and a line and a mark, so that the picture can be read in grey."""

    colour: str
    line: str
    mark: str


# The colours of the modalities are those of `modality_plots`.
_LOOKS = {
    "audio": _Look("g0", "dash", MARKS[1]),
    "video": _Look("g1", "dashdot", MARKS[2]),
    "default": _Look("g2", "", MARKS[0]),
    "positive": _Look("g5", "", MARKS[3]),
    "negative": _Look("g3", "dash", MARKS[4]),
}
_TICKS = 8  # times written below the axis, at most


def over_time(
    scores: pd.DataFrame,
    groups: Mapping[str, pd.DataFrame],
    names: Mapping[str, str],
    chance: float,
    title: str,
    alt: str,
) -> str:
    """Draw accuracy over time by modality (fig. 4) and by group of emotions (fig. 5).

    Below stands the share of clips that have not ended yet.

    Parameters
    ----------
    scores
        `gates.gate_scores`.
    groups
        `gates.group_scores`; without any, there is one panel.
    names
        Of the conditions and of the groups, for the legend.
    chance
        Accuracy of a guess, in [0, 1].
    title
        Above all of it.
    alt
        What the picture says.
    """
    found = dict(iter(scores.groupby("condition")))
    by_condition = {name: found[name] for name in ("default", "video", "audio") if name in found}
    kinds = {"by modality": by_condition, "by kind of emotion": groups}
    kinds = {kind: curves for kind, curves in kinds.items() if curves}
    open_now = next(iter(by_condition.values()))
    axis = _times(open_now["time"].to_numpy())
    upper: list[Panel] = []
    legend = []
    for kind, curves in kinds.items():
        y = Axis(0, 100, "" if upper else "accuracy (%)", PERCENT)
        panel = Panel(axis._replace(title="", names=()), y, 340, 220, title=kind)
        for name, curve in curves.items():
            colour, line, mark = _LOOKS[name]
            x, mean, std = (
                curve[name].to_numpy(float) for name in ("time", "accuracy", "accuracy_std")
            )
            mean, std = 100 * mean, 100 * np.nan_to_num(std)  # of one fold there is no deviation
            panel.band(x, mean - std, mean + std, colour)
            panel.line(x, mean, f"{line} {colour}".strip())
            panel.marks(x, mean, mark, f"mark {colour}", 0.75)
            legend.append(Entry(names[name], f"line {line} {colour}", mark))
        if curves is groups:
            _mark_plateaus(panel, curves)
        panel.rule(y=100 * chance, kind="line fine dots")
        upper.append(panel)
    legend.append(Entry("chance", "line fine dots"))
    lower = [_still_open(axis, open_now, named=number == 0) for number in range(len(upper))]
    return figure([*upper, *lower], alt, columns=len(upper), title=title, legend=legend)


def _times(time: np.ndarray) -> Axis:
    """Return the axis of the gates' times, with room around the first and the last."""
    low, high = float(time.min()), float(time.max())
    room = 0.06 * (high - low) or 1.0
    shown = time[:: math.ceil(len(time) / _TICKS)].tolist()
    names = [f"{t:.3g}" for t in shown]
    return Axis(low - room, high + room, "end of the gate's window (s)", shown, names)


def _mark_plateaus(panel: Panel, curves: Mapping[str, pd.DataFrame]) -> None:
    """Ring the gate from which on a curve rises no more, and write its time; higher ones above."""
    order = sorted(curves, key=lambda name: -curves[name]["accuracy"].mean())
    for rank, name in enumerate(order):
        gate = plateau(curves[name]["accuracy"])
        if gate is None:
            continue
        point = curves[name].iloc[gate - 1]
        place = (float(point["time"]), 100 * float(point["accuracy"]))
        panel.marks(place[:1], place[1:], MARKS[0], f"ring {_LOOKS[name].colour}", 1.9)
        words = f"plateau from {point['time']:.1f} s"
        anchor = "start" if gate == 1 else "middle"
        panel.text(*place, words, "small halo", anchor, dy=-15 if rank == 0 else 22)


def _still_open(axis: Axis, curve: pd.DataFrame, *, named: bool) -> Panel:
    """Draw the share of clips that are still open as bars below their gates."""
    time = curve["time"].to_numpy()
    share = 100 * curve["open"].to_numpy() / curve["clips"].to_numpy()
    half = 0.25 * float(np.diff(time).min()) if len(time) > 1 else 0.125
    panel = Panel(axis, Axis(0, 105, "open (%)" if named else "", (0, 100)), 340, 44, grid="")
    panel.bars([(t - half, t + half, 0, n) for t, n in zip(time, share, strict=True)], "pale g7")
    return panel
