"""Pictures of scores and of what became of the clips; in the manner of `figure`."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from avlib.report.chart import Row, Scale, rows_chart
from avlib.report.figure import Axis, Entry, Panel, figure, round_ticks
from avlib.report.looks import Look

PERCENT = tuple(range(0, 101, 20))
_STATUS = {"ok": "bar g0", "degraded": "bar g1", "failed": "bar g3"}
_HATCHES = {"degraded": 8.0, "failed": -5.5}  # so that they also differ in grey
_DARK = 0.75  # share from which on words have the colour of the ground, to be read on a cell


def confusion(counts: np.ndarray, emotions: Sequence[str], title: str) -> str:
    """Draw a confusion matrix: colour and large figures are percent of the row, small ones clips.

    Parameters
    ----------
    counts
        (n_classes, n_classes); rows are true emotions.
    emotions
        Names of the rows and columns.
    title
        Above the matrix.
    """
    counts = np.asarray(counts)
    totals = counts.sum(axis=1)
    n, places = len(emotions), range(len(emotions))
    side = 54.0 * n
    # As wide as the longest name, so that none runs into the next.
    wide = max(side, n * (7.0 * max(map(len, emotions)) + 8))
    x = Axis(-0.5, n - 0.5, "predicted", places, emotions)
    y = Axis(n - 0.5, -0.5, "true emotion", places, emotions)
    panel = Panel(x, y, wide, 44.0 * n, title=title, grid="")
    for (row, column), clips in np.ndenumerate(counts):
        if not totals[row]:
            continue
        share = clips / totals[row]
        cell = (column - 0.5, column + 0.5, row + 0.5, row - 0.5)
        panel.bars([cell], "bar g0", opacity=share)
        ink = " paper" if share > _DARK else ""
        panel.text(column, row, f"{100 * share:.0f}", ink.strip(), dy=2)
        panel.text(column, row, f"{clips:,}", "small" + ink, dy=15)
    said = ", ".join(
        f"{emotion} {100 * counts[i, i] / totals[i]:.0f} %"
        for i, emotion in enumerate(emotions)
        if totals[i]
    )
    return figure([panel], f"Confusions of {title}; recognised: {said}")


def fold_dots(model: str, accuracies: Sequence[float], chance: float) -> str:
    """Draw a model's accuracy in every fold as dots and their mean as a bar.

    Parameters
    ----------
    model
        Its name.
    accuracies
        In [0, 1], one value a fold; NaN where a fold scored no clip.
    chance
        Accuracy of a guess, in [0, 1].
    """
    known = [100 * value for value in accuracies if not np.isnan(value)]
    mean = float(np.mean(known)) if known else None
    said = "–" if mean is None else f"{mean:.1f}"
    row = Row(model, Look(colour=0), mean, dots=known, said=said)
    axis = "accuracy (%): one dot a fold, the bar is their mean"
    scale = Scale(0, 100, PERCENT, 100 * chance, "chance", axis)
    alt = f"Accuracy of {model} in each fold: {', '.join(f'{value:.1f}' for value in known)}"
    return rows_chart({"": [row]}, scale, alt, width=768, names=190)


def stage_status(counts: pd.DataFrame, alt: str) -> str:
    """Draw how many clips came through each stage.

    Parameters
    ----------
    counts
        Clips by stage (rows) and status (columns), both in order; other statuses than ok, degraded
        and failed are drawn grey.
    alt
        What the picture says.
    """
    total = int(counts.sum(axis="columns").max())
    places = range(len(counts))
    x = Axis(0, total, "clips", round_ticks(0, total, whole=True))
    y = Axis(len(counts) - 0.4, -0.6, "", places, [str(stage) for stage in counts.index])
    panel = Panel(x, y, 420, 30.0 * len(counts), grid="")
    left = (counts.cumsum(axis="columns") - counts).to_numpy()
    for number, (status, values) in enumerate(counts.items()):
        boxes = [
            (left[row, number], left[row, number] + n, row + 0.31, row - 0.31)
            for row, n in enumerate(values)
            if n
        ]
        kind = _STATUS.get(str(status), "pale g7")
        panel.bars(boxes, kind, _HATCHES.get(str(status), 0))
    for row, (_, stage) in enumerate(counts.iterrows()):
        words = [f"{int(n):,} {status}" for status, n in stage.items() if n]
        panel.text(total, row, " · ".join(words), anchor="start", dx=8)
    legend = [
        Entry(str(s), _STATUS.get(str(s), "pale g7"), hatch=_HATCHES.get(str(s), 0)) for s in counts
    ]
    return figure([panel], alt, legend=legend, right=240)
