"""Pictures of continuous emotion: CCC by system, and recordings over time."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from avlib.report.figure import Axis, Entry, Panel, figure, round_ticks
from avlib.systems.emobed.traces import DIMENSIONS, EVERY
from avlib.systems.emobed.traces.scenarios import target_of

_LOOKS = {"audio": "dash", "geometry": "dashdot", "appearance": "dots"}  # by the target's features
_HATCHES = (-9.0, 0.0, 9.0, 5.5, -5.5)
_VALUES = (-1, -0.5, 0, 0.5, 1)
_WIDE = 860  # units of two panels


def ccc_bars(systems: Mapping[str, Any], colour: int, alt: str) -> str:
    """Draw the concatenated CCC after post-processing, mean and deviation over folds.

    One that is not defined, as the labels do not vary, is no bar but a word. The systems share the
    colour of their family and differ in their hatching.
    """
    scenarios = sorted({s for by_scenario in systems.values() for s in by_scenario})
    known = [name for name in EVERY if name in systems]
    hatches = {name: _HATCHES[list(EVERY).index(name)] for name in known}
    width, kind = 0.8 / len(known), f"bar g{colour}"
    low, high = _reach(systems)
    in_two_lines = [name.replace("+", "\n+ ") for name in scenarios]
    x = Axis(-0.5, len(scenarios) - 0.5, "", range(len(scenarios)), in_two_lines)
    panels: list[Panel] = []
    for dimension in DIMENSIONS:
        y = Axis(low, high, "" if panels else "CCC, concatenated")
        panel = Panel(x, y, _WIDE / len(DIMENSIONS), 220, title=dimension)
        for number, name in enumerate(known):
            for scenario, found in systems[name].items():
                after = found[dimension]["after"]
                value, spread = (after[f"ccc_concatenated{end}"] for end in ("", "_std"))
                place = scenarios.index(scenario) + (number - (len(known) - 1) / 2) * width
                if value is None:
                    panel.text(place, 0, "undefined", "small", "start", dx=4, dy=-3, turned=True)
                    continue
                half = 0.46 * width
                box = (place - half, place + half, min(value, 0), max(value, 0))
                panel.bars([box], kind, hatches[name])
                if spread is not None:
                    panel.whisker(place, value - spread, value + spread)
        panel.rule(y=0, kind="axis")
        panels.append(panel)
    legend = [Entry(name, kind, hatch=hatches[name]) for name in known]
    return figure(panels, alt, columns=len(panels), legend=legend)


def _reach(systems: Mapping[str, Any]) -> tuple[float, float]:
    """Return what the bars and their whiskers lie between, and some room; 0 is within."""
    ends = [0.0]
    for by_scenario in systems.values():
        for found in by_scenario.values():
            for dimension in DIMENSIONS:
                after = found[dimension]["after"]
                value, spread = (after[f"ccc_concatenated{end}"] for end in ("", "_std"))
                if value is not None:
                    ends += [value - (spread or 0.0), value + (spread or 0.0)]
    room = 0.05 * (max(ends) - min(ends)) or 0.5
    return min(ends) - (room if min(ends) < 0 else 0), max(ends) + room


def drawn_over_time(joined: pd.DataFrame, clip_ids: list[str], model: str, alt: str) -> str:
    """Draw labels and refined predictions of some recordings, one column each.

    Parameters
    ----------
    joined
        Of `avlib.systems.emobed.traces.scores.with_labels`.
    clip_ids
        Which.
    model
        Whose predictions, in each scenario.
    alt
        What the picture says.
    """
    rows = joined[(joined["model"] == model) & joined["clip_id"].isin(clip_ids)]
    scenarios = sorted(rows["scenario"].unique())
    kinds = {s: f"mid {_LOOKS[target_of(s)]} g{number}" for number, s in enumerate(scenarios)}
    of_clip = {
        clip_id: rows[rows["clip_id"] == clip_id].sort_values("frame") for clip_id in clip_ids
    }
    panels = []
    for dimension in DIMENSIONS:
        for clip_id, clip in of_clip.items():
            first, last = float(clip["time"].min()), float(clip["time"].max())
            last = max(last, first + 0.1)
            x = Axis(first, last, "time (s)", round_ticks(first, last, 4))
            if dimension != DIMENSIONS[-1]:  # the panel below says it
                x = x._replace(title="", names=())
            title = clip_id if dimension == DIMENSIONS[0] else ""
            y = Axis(-1.05, 1.05, dimension if clip_id == clip_ids[0] else "", _VALUES)
            panel = Panel(x, y, 240, 150, title=title, grid="xy")
            panel.rule(y=0, kind="axis")
            for scenario, own in clip.groupby("scenario"):
                panel.line(own["time"], own[dimension], kinds[str(scenario)])
            label = clip.drop_duplicates("frame")
            panel.line(label["time"], label[f"{dimension}_label"], "")
            panels.append(panel)
    legend = [Entry(scenario, f"line {kind}") for scenario, kind in kinds.items()]
    legend.append(Entry("label", "line"))
    return figure(panels, alt, columns=len(clip_ids), legend=legend)
