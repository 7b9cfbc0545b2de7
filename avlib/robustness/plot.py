"""The picture of robustness curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from avlib.report.plots import PALETTE, drawing

# Models differ by line and marker too, so that the picture can be read in grey.
_LINES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_NOISE = ("white", "babble")


def draw(
    by_model: Mapping[str, Mapping[str, Any]], corruptions: Sequence[str], titles: Mapping[str, str]
) -> bytes:
    """Draw accuracy against the level of each corruption, one panel each, all models in it.

    Parameters
    ----------
    by_model
        `robustness.curves` by model.
    corruptions
        The panels, in order.
    titles
        Of the panels.
    """
    columns = min(3, len(corruptions))
    rows = -(-len(corruptions) // columns)
    with drawing(3.2 * columns, 2.5 * rows + 0.5) as (figure, png):
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for panel in panels.flat[len(corruptions) :]:
            panel.set_visible(False)
        for corruption, panel in zip(corruptions, panels.flat, strict=False):
            for number, curve in enumerate(by_model.values()):
                if corruption in curve["corruptions"]:
                    _curve(panel, corruption, curve, number)
            _axis(panel, corruption, titles[corruption], by_model)
        for panel in panels[:, 0]:
            panel.set_ylabel("accuracy (%)")
        panels[0, 0].set_ylim(0, 100)
        lines = {
            label: line
            for panel in panels.flat
            for line, label in zip(*panel.get_legend_handles_labels(), strict=True)
        }
        order = [label for label in [*by_model, "chance"] if label in lines]
        figure.legend([lines[label] for label in order], order, loc="outside upper left",
                      ncols=min(6, len(order)), frameon=False)  # fmt: skip
    return png.getvalue()


def _curve(panel: Axes, corruption: str, curve: Mapping[str, Any], number: int) -> None:
    points = [curve["clean"], *curve["corruptions"][corruption]]
    x = _places(corruption, points)
    order = np.argsort(x, kind="stable")
    mean, spread = (
        100 * np.array([np.nan if p[k] is None else p[k] for p in points], float)[order]
        for k in ("accuracy", "accuracy_std")
    )
    x, colour = x[order], PALETTE[number % len(PALETTE)]
    spread = np.nan_to_num(spread)
    panel.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.15, linewidth=0)
    panel.plot(
        x,
        mean,
        color=colour,
        linestyle=_LINES[number % len(_LINES)],
        marker=_MARKERS[number % len(_MARKERS)],
        markersize=4,
        linewidth=1.5,
        label=curve["model"],
    )


def _places(corruption: str, points: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return where the points stand, from mild to strong; the clean one comes first."""
    levels = np.array([point["level"] for point in points[1:]])
    if corruption not in _NOISE:
        return np.concatenate([[0.0], 100 * levels])
    return np.concatenate([[-levels.max() - _step(levels)], -levels])


def _step(levels: np.ndarray) -> float:
    """Return the usual distance of two signal-to-noise ratios, for the clean clips' place."""
    return float(np.median(np.diff(np.sort(levels)))) if len(levels) > 1 else 5.0


def _axis(
    panel: Axes, corruption: str, title: str, by_model: Mapping[str, Mapping[str, Any]]
) -> None:
    curves = [c for c in by_model.values() if corruption in c["corruptions"]]
    points = max((c["corruptions"][corruption] for c in curves), key=len)
    places = _places(corruption, [curves[0]["clean"], *points])
    if corruption in _NOISE:
        names = ["clean", *(f"{point['level']:g}" for point in points)]
        panel.set_xticks(places, names)
        panel.set_xlabel("signal-to-noise ratio (dB)")
    else:
        panel.set_xticks(np.unique(places))
        panel.set_xlabel(
            "share of the face covered (%)" if corruption == "occlusion" else "share of clips (%)"
        )
    panel.axhline(100 * curves[0]["chance"], color="#444444", linestyle=(0, (1, 2)), linewidth=1,
                  label="chance")  # fmt: skip
    panel.set_title(title)
    panel.grid(visible=True, axis="y")
