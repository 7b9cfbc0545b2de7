"""The picture of robustness curves."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from avlib.report.plots import chance_level, curve_with_band, drawing, look, panels

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
    rows = math.ceil(len(corruptions) / columns)
    with drawing(3.2 * columns, 2.5 * rows + 0.5) as (figure, png):
        places = panels(figure, len(corruptions), columns, sharey=True)
        for corruption, panel in zip(corruptions, places, strict=True):
            for number, curve in enumerate(by_model.values()):
                if corruption in curve["corruptions"]:
                    _curve(panel, corruption, curve, number)
            _axis(panel, corruption, titles[corruption], by_model)
        for panel in places[::columns]:
            panel.set_ylabel("accuracy (%)")
        places[0].set_ylim(0, 100)
        lines = {
            label: line
            for panel in places
            for line, label in zip(*panel.get_legend_handles_labels(), strict=True)
        }
        order = [label for label in [*by_model, "chance"] if label in lines]
        handles = [lines[label] for label in order]
        figure.legend(handles, order, loc="outside upper left", ncols=min(6, len(order)))
    return png.getvalue()


def _curve(panel: Axes, corruption: str, curve: Mapping[str, Any], number: int) -> None:
    points = [curve["clean"], *curve["corruptions"][corruption]]
    x = _places(corruption, points)
    order = np.argsort(x, kind="stable")
    # numpy makes None, what JSON knows for NaN, a NaN again.
    mean, std = (
        np.array([p[k] for p in points], float)[order] for k in ("accuracy", "accuracy_std")
    )
    curve_with_band(panel, x[order], mean, std, curve["model"], **look(number))


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
    chance_level(panel, curves[0]["chance"])
    panel.set_title(title)
    panel.grid(visible=True, axis="y")
