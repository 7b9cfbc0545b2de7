"""Pictures of what each modality gives; in the manner of `avlib.report.plots`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.patches import Patch

from avlib.report.agreement import CATEGORIES
from avlib.report.looks import Look
from avlib.report.plots import MARKERS, PALETTE, legend_above, name_rows, one_panel, panels

_SPACES = {
    "raw": "raw, side by side",
    "audio": "audio, learned",
    "video": "video, learned",
    "joint": "both, learned",
}
_HATCHES = ("", "///", "...")
# The looks of wrong decisions, and of a number that stands on them.
_WRONG: Any = {"alpha": 0.35, "hatch": "////", "edgecolor": "white", "linewidth": 0}
_GROUND = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1}
_NUMBER: Any = {"ha": "center", "va": "center", "fontsize": 8, "bbox": _GROUND}
_READABLE = 0.07  # share of a bar from which its number fits in


def scatters(
    points: Mapping[str, np.ndarray], emotions: np.ndarray, title: str, near: Mapping[str, float]
) -> bytes:
    """Draw clips in several planes, a colour and a shape for each emotion.

    Parameters
    ----------
    points
        Array of shape (n_clips, 2) by name of the space; the same clips in each.
    emotions
        Of the clips, text of shape (n_clips,).
    title
        Above all of them.
    near
        `embeddings.neighbours_accuracy` in each space, written above it.
    """
    names = sorted(set(emotions))
    size: Any = {"s": 36, "edgecolors": "white", "linewidths": 0.4}
    with panels(len(points), 2, (4, 3.6), (0, 0.4)) as (figure, places, png):
        for panel, (space, plane) in zip(places, points.items(), strict=True):
            for i, emotion in enumerate(names):
                here = plane[emotions == emotion]
                colour, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
                panel.scatter(*here.T, color=colour, marker=marker, label=emotion, **size)
            score = "–" if np.isnan(near[space]) else f"{100 * near[space]:.0f} %"
            panel.set_title(f"{_SPACES[space]}: neighbours {score}", fontsize=9)
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(True)
        figure.suptitle(title, fontsize=10, fontweight="bold")
        handles = places[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=min(len(names), 6))
    return png.getvalue()


def agreement_bars(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Draw with which modality's own decision the joint one agrees, a panel per model.

    Parameters
    ----------
    tables
        `agreement.agreement` by model. The hatched end of a part are the wrong decisions.
    """
    height = 0.75 + 0.27 * max(len(table) for table in tables.values())
    with panels(len(tables), 1, (8, height), (0, 0.5), sharex=True) as (figure, places, png):
        for panel, (model, table) in zip(places, tables.items(), strict=True):
            totals = table["clips"].to_numpy(dtype=float).sum(axis=1)
            rows, left = range(len(table)), np.zeros(len(table))
            for category, colour in zip(CATEGORIES, PALETTE, strict=False):
                share = table["clips", category].to_numpy() / totals
                right = table["right", category].to_numpy() / totals
                panel.barh(rows, right, 0.66, left, color=colour)
                panel.barh(rows, share - right, 0.66, left + right, color=colour, **_WRONG)
                for row in np.flatnonzero(share >= _READABLE).tolist():
                    middle = left[row] + share[row] / 2
                    panel.text(middle, row, f"{100 * share[row]:.0f}", **_NUMBER)
                left += share
            name_rows(panel, list(table.index))
            panel.grid(visible=False)
            panel.set(xlim=(0, 1), title=model)
            panel.set_xticks(np.linspace(0, 1, 5), ["0", "25", "50", "75", "100"])
        places[-1].set_xlabel("clips (%)")
        parts = [Patch(color=c, label=n) for n, c in zip(CATEGORIES, PALETTE, strict=False)]
        parts.append(Patch(facecolor="#777777", label="wrong", **_WRONG))
        title = "the joint decision agrees with"
        figure.legend(handles=parts, title=title, loc="outside upper center", ncols=5)
    return png.getvalue()


def modality_bars(scores: Mapping[str, Mapping[str, float]], looks: Sequence[Look]) -> bytes:
    """Draw the average and each emotion as a group of bars, one per model (MERML fig. 4).

    Parameters
    ----------
    scores
        Fraction in [0, 1] by model (at most 3) and group; NaN draws no bar.
    looks
        Of the models.
    """
    groups = list(next(iter(scores.values())))
    width = 0.8 / len(scores)
    with one_panel(max(5, 1.25 * len(groups)), 3.2) as (axes, png):
        for i, (model, values) in enumerate(scores.items()):
            heights = 100 * np.array(list(values.values()), dtype=float)
            places = np.arange(len(groups)) + (i - (len(scores) - 1) / 2) * width
            style: Any = {
                "color": PALETTE[looks[i].colour],
                "hatch": _HATCHES[i],
                "edgecolor": "white",
            }
            known = np.nan_to_num(heights)
            bars = axes.bar(places, known, 0.94 * width, linewidth=0, label=model, **style)
            texts = ["–" if np.isnan(height) else f"{height:.0f}" for height in heights]
            axes.bar_label(bars, texts, padding=2, fontsize=8)
        axes.set_xticks(range(len(groups)), groups)
        axes.tick_params(axis="x", length=0)
        axes.axvline(0.5, color="#BBBBBB", linewidth=0.8)
        axes.grid(visible=True, axis="y")
        axes.set(ylim=(0, 108), xlim=(-0.5, len(groups) - 0.5), ylabel="recognised (%)")
        axes.set_yticks(range(0, 101, 20))
        legend_above(axes)
    return png.getvalue()


def weight_dots(omegas: Sequence[float]) -> bytes:
    """Draw the learned weight of the video part (MERML eq. 4) in every fold, and the mean.

    Parameters
    ----------
    omegas
        In [0, 1], in the order of the folds.
    """
    values = np.array(omegas, dtype=float)
    with one_panel(5.5, 1.3) as (axes, png):
        spread = 0.5 if len(values) > 1 else 0
        height = np.linspace(spread, -spread, len(values))  # the first fold on top
        axes.scatter(values, height, s=30, color=PALETTE[0], alpha=0.8, linewidths=0, zorder=3)
        axes.vlines(values.mean(), -1, 1, color=PALETTE[0], linewidth=2.5)
        axes.axvline(0.5, color="#444444", linestyle="--", linewidth=1)
        meaning = "omega: 0 is audio alone, 1 video alone; one dot a fold, the bar is their mean"
        axes.set(xlim=(0, 1), ylim=(-1.2, 1.2), yticks=[], xlabel=meaning)
        axes.spines["left"].set_visible(False)
        axes.grid(visible=True, axis="x")
    return png.getvalue()
