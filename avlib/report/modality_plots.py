"""Pictures of what each modality gives; in the manner of `avlib.report.figure`."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from avlib.report.agreement import CATEGORIES
from avlib.report.chart import MARKS
from avlib.report.figure import Axis, Entry, Panel, around, figure
from avlib.report.looks import COLOURS, Look
from avlib.report.score_plots import PERCENT

_SPACES = {
    "raw": "raw, side by side",
    "audio": "audio, learned",
    "video": "video, learned",
    "joint": "both, learned",
}
_HATCHES = (0.0, 8.0, -5.5)
_WRONG = 5.0  # units between the lines across wrong decisions
_READABLE = 0.07  # share of a bar from which its number fits in


def scatters(
    points: Mapping[str, np.ndarray], emotions: np.ndarray, title: str, near: Mapping[str, float]
) -> str:
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
    looks = [(MARKS[i % len(MARKS)], f"edged g{i % COLOURS}") for i in range(len(names))]
    places, said = [], []
    for space, plane in points.items():
        score = "–" if np.isnan(near[space]) else f"{100 * near[space]:.0f} %"
        said.append(f"{_SPACES[space]}: neighbours {score}")
        across, up = np.asarray(plane, float).T
        panel = Panel(around(across), around(up), 350, 300, title=said[-1], grid="", boxed=True)
        for emotion, (mark, kind) in zip(names, looks, strict=True):
            here = emotions == emotion
            panel.marks(across[here], up[here], mark, kind)
        places.append(panel)
    legend = [Entry(name, kind, mark) for name, (mark, kind) in zip(names, looks, strict=True)]
    alt = f"Test clips in a plane; {'; '.join(said)}"
    return figure(places, alt, columns=2, title=title, legend=legend)


def agreement_bars(counts: pd.DataFrame, model: str, alt: str) -> str:
    """Draw with which modality's own decision the joint one agrees.

    Parameters
    ----------
    counts
        `agreement.agreement`. The hatched end of a part are the wrong decisions.
    model
        Whose.
    alt
        What the picture says.
    """
    totals = counts["clips"].to_numpy(dtype=float).sum(axis=1)
    x = Axis(0, 100, "clips (%)", (0, 25, 50, 75, 100))
    y = Axis(len(counts) - 0.4, -0.6, "", range(len(counts)), [str(name) for name in counts.index])
    panel = Panel(x, y, 620, 26.0 * len(counts), title=model, grid="")
    left = np.zeros(len(counts))
    for number, category in enumerate(CATEGORIES):
        share = 100 * counts["clips", category].to_numpy() / totals
        right = 100 * counts["right", category].to_numpy() / totals
        ends = list(zip(left, left + right, left + share, strict=True))
        rows = [(row + 0.35, row - 0.35) for row in range(len(counts))]
        sure = [(a, b, *row) for (a, b, _), row in zip(ends, rows, strict=True) if b > a]
        wrong = [(b, c, *row) for (_, b, c), row in zip(ends, rows, strict=True) if c > b]
        panel.bars(sure, f"bar g{number}")
        panel.bars(wrong, f"pale g{number}", _WRONG)
        for row in np.flatnonzero(share >= 100 * _READABLE).tolist():
            panel.text(left[row] + share[row] / 2, row, f"{share[row]:.0f}", "small halo")
        left += share
    legend = [Entry(name, f"bar g{number}") for number, name in enumerate(CATEGORIES)]
    legend.append(Entry("wrong", "pale g7", hatch=_WRONG))
    return figure([panel], alt, legend=legend, legend_title="the joint decision agrees with")


def modality_bars(
    scores: Mapping[str, Mapping[str, float]], looks: Sequence[Look], alt: str
) -> str:
    """Draw the average and each emotion as a group of bars, one per model (MERML fig. 4).

    Parameters
    ----------
    scores
        Fraction in [0, 1] by model (at most 3) and group; NaN draws no bar.
    looks
        Of the models.
    alt
        What the picture says.
    """
    groups = list(next(iter(scores.values())))
    x = Axis(-0.5, len(groups) - 0.5, "", range(len(groups)), groups)
    panel = Panel(x, Axis(0, 108, "recognised (%)", PERCENT), max(440.0, 105.0 * len(groups)), 240)
    width = 0.8 / len(scores)
    legend = []
    for i, (model, values) in enumerate(scores.items()):
        kind = f"bar g{looks[i].colour}"
        legend.append(Entry(model, kind, hatch=_HATCHES[i]))
        for group, value in enumerate(values.values()):
            place = group + (i - (len(scores) - 1) / 2) * width
            height = 0.0 if np.isnan(value) else 100 * value
            if height:
                box = (place - 0.47 * width, place + 0.47 * width, 0, height)
                panel.bars([box], kind, _HATCHES[i])
            panel.text(place, height, "–" if np.isnan(value) else f"{height:.0f}", dy=-4)
    panel.rule(x=0.5, kind="axis")  # the average stands apart
    return figure([panel], alt, legend=legend)


def weight_dots(omegas: Sequence[float], alt: str) -> str:
    """Draw the learned weight of the video part (MERML eq. 4) in every fold, and the mean.

    Parameters
    ----------
    omegas
        In [0, 1], in the order of the folds.
    alt
        What the picture says.
    """
    values = np.array(omegas, dtype=float)
    meaning = "omega: 0 is audio alone, 1 video alone; one dot a fold, the bar is their mean"
    panel = Panel(Axis(0, 1, meaning), Axis(-1.2, 1.2, ticks=()), 500, 60, grid="x")
    spread = 0.5 if len(values) > 1 else 0
    panel.rule(x=0.5)
    # The first fold on top.
    panel.marks(values, np.linspace(spread, -spread, len(values)), MARKS[0], "faint g0")
    mean = float(values.mean())
    panel.line([mean, mean], [-1, 1], "g0")
    return figure([panel], alt)
