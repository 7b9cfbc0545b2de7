"""The picture of robustness curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from avlib.report.chart import MARKS
from avlib.report.figure import LINES, Axis, Entry, Panel, figure
from avlib.report.looks import Look
from avlib.report.score_plots import PERCENT
from avlib.robustness.curves import NOISE, TITLES, mild_to_strong

_AXES = dict.fromkeys(NOISE, "signal-to-noise ratio (dB)")
_AXES["occlusion"] = "share of the face covered (%)"
_CHANCE = "line fine dots"


def draw(
    by_model: Mapping[str, Mapping[str, Any]],
    corruptions: Sequence[str],
    looks: Mapping[str, Look],
    alt: str,
) -> str:
    """Draw accuracy against the level of each corruption, one panel each, all models in it.

    Parameters
    ----------
    by_model
        `robustness.curves` by model.
    corruptions
        The panels, in order.
    looks
        Of the models.
    alt
        What the picture says.
    """
    columns = min(3, len(corruptions))
    panels = [
        _panel(by_model, corruption, looks, "" if number % columns else "accuracy (%)")
        for number, corruption in enumerate(corruptions)
    ]
    legend = [
        Entry(model, f"line {_line(looks[model])}", MARKS[looks[model].mark])
        for model, curve in by_model.items()
        if set(corruptions) & set(curve["corruptions"])
    ]
    legend.append(Entry("chance", _CHANCE))
    return figure(panels, alt, columns=columns, legend=legend)


def _panel(
    by_model: Mapping[str, Mapping[str, Any]],
    corruption: str,
    looks: Mapping[str, Look],
    title: str,
) -> Panel:
    """Draw the curves of one corruption, each with its deviation over folds as a band."""
    levels = mild_to_strong(by_model, corruption)
    places = _places(corruption, levels)
    shown = ["clean", *levels] if corruption in NOISE else places.tolist()
    names = [name if isinstance(name, str) else f"{name:g}" for name in shown]
    room = 0.05 * float(np.ptp(places)) or 1.0
    below = _AXES.get(corruption, "share of clips (%)")
    x = Axis(float(places.min()) - room, float(places.max()) + room, below, places.tolist(), names)
    panel = Panel(x, Axis(0, 100, title, PERCENT), 240, 180, title=TITLES[corruption])
    for model, curve in by_model.items():
        if corruption in curve["corruptions"]:
            points = pd.DataFrame(curve["corruptions"][corruption])
            points = points.set_index("level").reindex(levels)
            mean = 100 * np.array([curve["clean"]["accuracy"], *points["accuracy"]], float)
            std = np.array([curve["clean"]["accuracy_std"], *points["accuracy_std"]], float)
            std = 100 * np.nan_to_num(std)
            colour, mark = f"g{looks[model].colour}", MARKS[looks[model].mark]
            panel.band(places, mean - std, mean + std, colour)
            panel.line(places, mean, _line(looks[model]))
            panel.marks(places, mean, mark, f"mark {colour}", 0.75)
    panel.rule(y=100 * next(iter(by_model.values()))["chance"], kind=_CHANCE)
    return panel


def _line(look: Look) -> str:
    return f"{LINES[look.mark % len(LINES)]} g{look.colour}".strip()


def _places(corruption: str, levels: Sequence[float]) -> np.ndarray:
    """Return where points stand whose levels go from mild to strong; the clean one comes first."""
    if corruption not in NOISE:
        return np.array([0.0, *(100 * level for level in levels)])
    places = -np.array(levels)
    step = np.median(np.diff(places)) if len(levels) > 1 else 5.0  # the usual distance of two
    return np.concatenate([[places[0] - step], places])
