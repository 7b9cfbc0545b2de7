"""Pictures of continuous emotion: CCC by system, and recordings over time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from avlib.report.plots import PALETTE, drawing
from avlib.systems.emobed.traces import DIMENSIONS, EVERY
from avlib.systems.emobed.traces.scenarios import target_of

_LOOKS = {"audio": "--", "geometry": "-.", "appearance": ":"}  # by the target's features
_HATCHES = ("--", "", "///", "...", "xx")
_BAR: Any = {"edgecolor": "white", "ecolor": "#222222", "capsize": 3}
_WORD: Any = {"textcoords": "offset points", "rotation": 90, "fontsize": 7, "ha": "center"}


def ccc_bars(systems: Mapping[str, Any], colour: str) -> bytes:
    """Draw the concatenated CCC after post-processing, mean and deviation over folds.

    One that is not defined, as the labels do not vary, is no bar but a word. The systems share the
    colour of their family and differ in their hatching.
    """
    scenarios = sorted({s for by_scenario in systems.values() for s in by_scenario})
    known = [name for name in EVERY if name in systems]
    width = 0.8 / len(known)
    with drawing(8.0, 3.2) as (figure, png):
        panels = figure.subplots(1, len(DIMENSIONS), sharey=True)
        for axes, dimension in zip(panels, DIMENSIONS, strict=True):
            for number, name in enumerate(known):
                after = {s: found[dimension]["after"] for s, found in systems[name].items()}
                values, spread = (
                    np.array([scores[key] for scores in after.values()], float)
                    for key in ("ccc_concatenated", "ccc_concatenated_std")
                )
                groups = np.array([scenarios.index(s) for s in after])
                places = groups + (number - (len(known) - 1) / 2) * width
                hatch = _HATCHES[list(EVERY).index(name)]
                look: Any = {"color": colour, "hatch": hatch, "label": name}
                # NaN draws neither a bar nor a whisker.
                axes.bar(places, values, width, yerr=spread, **look, **_BAR)
                for place in places[np.isnan(values)]:
                    axes.annotate("undefined", (place, 0), (0, 3), **_WORD)
            axes.axhline(0, color="#444444", linewidth=1)
            in_two_lines = [name.replace("+", "\n+ ") for name in scenarios]
            axes.set_xticks(range(len(scenarios)), in_two_lines)
            # Wide enough also where there is no bar.
            axes.set(title=dimension, xlim=(-0.5, len(scenarios) - 0.5))
            axes.grid(visible=True, axis="y")
        panels[0].set_ylabel("CCC, concatenated")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return png.getvalue()


def drawn_over_time(joined: pd.DataFrame, clip_ids: list[str], model: str) -> bytes:
    """Draw labels and refined predictions of some recordings, one column each.

    Parameters
    ----------
    joined
        Of `avlib.systems.emobed.traces.scores.with_labels`.
    clip_ids
        Which.
    model
        Whose predictions, in each scenario.
    """
    rows = joined[(joined["model"] == model) & joined["clip_id"].isin(clip_ids)]
    with drawing(2.8 * len(clip_ids) + 0.6, 4.2) as (figure, png):
        panels = figure.subplots(
            len(DIMENSIONS), len(clip_ids), sharex="col", sharey=True, squeeze=False
        )
        for dimension, line in zip(DIMENSIONS, panels, strict=True):
            line[0].set_ylabel(dimension)
            for clip_id, axes in zip(clip_ids, line, strict=True):
                clip = rows[rows["clip_id"] == clip_id].sort_values("frame")
                for number, (scenario, own) in enumerate(clip.groupby("scenario")):
                    style, colour = _LOOKS[target_of(str(scenario))], PALETTE[number]
                    axes.plot("time", dimension, style, data=own, color=colour, label=scenario)
                label = clip.drop_duplicates("frame")
                axes.plot("time", f"{dimension}_label", data=label, color="#222222", label="label")
                axes.axhline(0, color="#B8B8B8", linewidth=0.8)
                axes.set_ylim(-1.05, 1.05)
                axes.grid(visible=True)
        for clip_id, top, bottom in zip(clip_ids, panels[0], panels[-1], strict=True):
            top.set_title(clip_id)
            bottom.set_xlabel("time (s)")
        drawn = [panel.get_legend_handles_labels() for panel in panels[0]]
        named = {name: line for panel in drawn for line, name in zip(*panel, strict=True)}
        figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=3)
    return png.getvalue()
