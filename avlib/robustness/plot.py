"""The picture of robustness curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from avlib.report.looks import Look
from avlib.report.plots import chance_level, curve_with_band, panels
from avlib.robustness.curves import NOISE, TITLES, mild_to_strong

_AXES = dict.fromkeys(NOISE, "signal-to-noise ratio (dB)")
_AXES["occlusion"] = "share of the face covered (%)"
_DRAWN = ("accuracy", "accuracy_std")


def draw(
    by_model: Mapping[str, Mapping[str, Any]],
    corruptions: Sequence[str],
    looks: Mapping[str, Look],
) -> bytes:
    """Draw accuracy against the level of each corruption, one panel each, all models in it.

    Parameters
    ----------
    by_model
        `robustness.curves` by model.
    corruptions
        The panels, in order.
    looks
        Of the models.
    """
    columns = min(3, len(corruptions))
    chance = next(iter(by_model.values()))["chance"]
    grid = panels(len(corruptions), columns, (3.2, 2.5), (0, 0.5), sharey=True)
    with grid as (figure, places, png):
        for corruption, panel in zip(corruptions, places, strict=True):
            levels = mild_to_strong(by_model, corruption)
            x = _places(corruption, levels)
            for model, curve in by_model.items():
                if corruption in curve["corruptions"]:
                    points = pd.DataFrame(curve["corruptions"][corruption])
                    points = points.set_index("level").reindex(levels)
                    mean, std = ([curve["clean"][k], *points[k]] for k in _DRAWN)
                    curve_with_band(panel, x, mean, std, model, **looks[model].line)
            names = ["clean", *(f"{level:g}" for level in levels)] if corruption in NOISE else None
            panel.set_xticks(x, names)
            panel.set(title=TITLES[corruption], xlabel=_AXES.get(corruption, "share of clips (%)"))
            panel.grid(visible=True, axis="y")
            chance_level(panel, chance)
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


def _places(corruption: str, levels: Sequence[float]) -> np.ndarray:
    """Return where points stand whose levels go from mild to strong; the clean one comes first."""
    if corruption not in NOISE:
        return np.array([0.0, *(100 * level for level in levels)])
    places = -np.array(levels)
    step = np.median(np.diff(places)) if len(levels) > 1 else 5.0  # the usual distance of two
    return np.concatenate([[places[0] - step], places])
