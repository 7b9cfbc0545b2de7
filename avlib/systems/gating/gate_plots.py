"""Pictures of recognition over time; in the manner of `avlib.report.plots`."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from avlib.report.plots import OUTLINED, PALETTE, chance_level, curve_with_band, drawing
from avlib.systems.gating.gates import plateau

# Colour, line and marker, so that the picture can be read in grey; those of the modalities are the
# colours of `modality_plots`.
_LOOKS = {
    "audio": {"color": PALETTE[0], "linestyle": "--", "marker": "s"},
    "video": {"color": PALETTE[1], "linestyle": "-.", "marker": "^"},
    "default": {"color": PALETTE[2], "linestyle": "-", "marker": "o"},
    "positive": {"color": PALETTE[5], "linestyle": "-", "marker": "D"},
    "negative": {"color": PALETTE[3], "linestyle": "--", "marker": "v"},
}
_TICKS = 10  # times written below the axis, at most


def over_time(
    scores: pd.DataFrame,
    groups: Mapping[str, pd.DataFrame],
    names: Mapping[str, str],
    chance: float,
    title: str,
) -> bytes:
    """Draw accuracy over time by modality (fig. 4) and by group of emotions (fig. 5).

    Below stands the share of clips that have not ended yet.

    Parameters
    ----------
    scores
        `gates.gate_scores`.
    groups
        `gates.group_scores`; without any, there is one panel.
    names
        Of the conditions and of the groups, for the legends.
    chance
        Accuracy of a guess, in [0, 1].
    title
        Above all of it.
    """
    found = dict(iter(scores.groupby("condition")))
    by_condition = {name: found[name] for name in ("default", "video", "audio") if name in found}
    panels = {"by modality": by_condition, "by kind of emotion": groups}
    panels = {kind: curves for kind, curves in panels.items() if curves}
    with drawing(4.2 * len(panels) + 0.6, 4.3) as (figure, png):
        places = figure.subplots(
            2, len(panels), sharex=True, sharey="row", squeeze=False, height_ratios=(5, 1)
        )
        for (kind, curves), (upper, lower) in zip(panels.items(), places.T, strict=True):
            for name, curve in curves.items():
                means = curve["time"], curve["accuracy"], curve["accuracy_std"]
                curve_with_band(upper, *means, names[name], **_LOOKS[name])
            if curves is groups:
                _mark_plateaus(upper, curves)
            chance_level(upper, chance)
            upper.set(ylim=(0, 100))
            upper.set_title(kind, pad=24)
            upper.grid(visible=True, axis="y")
            upper.legend(
                loc="lower left",
                bbox_to_anchor=(-0.02, 0.99),
                ncols=4,
                fontsize=8,
                borderaxespad=0,
                columnspacing=1.2,
                handlelength=2.2,
            )
            _still_open(lower, next(iter(by_condition.values())))
        figure.suptitle(title, fontsize=10, fontweight="bold")
        places[0, 0].set_ylabel("accuracy (%)")
        places[1, 0].set_ylabel("open (%)")
    return png.getvalue()


def _mark_plateaus(panel: Axes, curves: Mapping[str, pd.DataFrame]) -> None:
    """Ring the gate from which on a curve rises no more, and write its time; higher ones above."""
    order = sorted(curves, key=lambda name: -curves[name]["accuracy"].mean())
    for rank, name in enumerate(order):
        gate = plateau(curves[name]["accuracy"])
        if gate is None:
            continue
        point = curves[name].iloc[gate - 1]
        colour = _LOOKS[name]["color"]
        place = (point["time"], 100 * point["accuracy"])
        panel.scatter(*place, s=110, facecolors="none", edgecolors=colour, linewidths=1.6, zorder=4)
        panel.annotate(
            f"plateau from {point['time']:.1f} s",
            place,
            (0, 13 if rank == 0 else -13),
            textcoords="offset points",
            ha="left" if gate == 1 else "center",
            va="bottom" if rank == 0 else "top",
            fontsize=8,
            path_effects=OUTLINED,
        )


def _still_open(panel: Axes, curve: pd.DataFrame) -> None:
    """Draw the share of clips that are still open as bars below their gates."""
    time = curve["time"].to_numpy()
    share = 100 * curve["open"].to_numpy() / curve["clips"].to_numpy()
    width = 0.5 * float(np.diff(time).min()) if len(time) > 1 else 0.25
    panel.bar(time, share, width, color="#B8B8B8")
    if len(time) == 1:
        panel.set_xlim(time[0] - 1, time[0] + 1)
    every = math.ceil(len(time) / _TICKS)
    panel.set_xticks(time[::every], [f"{t:.3g}" for t in time[::every]])
    panel.set(ylim=(0, 105), yticks=(0, 100), xlabel="end of the gate's window (s)")
