"""Pictures of scores. Every function returns the bytes of a PNG, the same on every run.

Their look is that of ``pictures.mplstyle``; no picture needs colour alone to be read. Scores are
shown in percent.
"""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

STYLE = Path(__file__).with_name("pictures.mplstyle")
PALETTE = mpl.rc_params_from_file(STYLE)["axes.prop_cycle"].by_key()["color"]
MARKERS = "os^DvXP*<>pd"
OUTLINED = [withStroke(linewidth=2.5, foreground="white")]  # text that stands on a line or a bar
_STATUS_COLOURS = {"ok": PALETTE[0], "degraded": PALETTE[1], "failed": PALETTE[3]}
_DPI = 150
_DASHED: Any = {"color": "#444444", "linestyle": "--", "linewidth": 1}


def confusion(counts: np.ndarray, emotions: Sequence[str], title: str) -> bytes:
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
    from sklearn.metrics import ConfusionMatrixDisplay  # takes a second, for this picture alone

    counts = np.asarray(counts)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    side = 1.35 + 0.42 * len(emotions)
    with one_panel(side + 0.2, side) as (axes, png):
        display = ConfusionMatrixDisplay(100 * shares, display_labels=emotions)
        limits = {"vmin": 0, "vmax": 100}
        display.plot(ax=axes, cmap="Blues", values_format=".0f", colorbar=False, im_kw=limits)
        for (row, column), text in np.ndenumerate(display.text_):
            text.set(va="bottom", visible=totals[row, 0] > 0)
            if totals[row, 0]:
                count = f"{counts[row, column]:,}"
                small: dict[str, Any] = {"fontsize": 6, "ha": "center", "va": "top"}
                axes.text(column, row + 0.08, count, color=text.get_color(), **small)
        axes.set(xlabel="predicted", ylabel="true emotion", title=title)
        axes.tick_params(length=0)
        axes.set_xticklabels(emotions, rotation=45, ha="right", rotation_mode="anchor")
        axes.spines[:].set_visible(False)
    return png.getvalue()


def fold_dots(accuracies: Mapping[str, Sequence[float]], chance: float) -> bytes:
    """Draw a model's accuracy in every fold as dots and their mean as a bar.

    Parameters
    ----------
    accuracies
        Accuracy in [0, 1] by model, one value a fold; NaN where a fold scored no clip.
    """
    models = list(accuracies)
    with one_panel(8, 1.1 + 0.36 * len(models)) as (axes, png):
        for row, model in enumerate(models):
            values = 100 * np.array(accuracies[model], dtype=float)
            values = values[~np.isnan(values)]
            colour = look(row)["color"]
            # Folds are spread over the height of the row, so that equal ones are all seen.
            spread = 0.2 if len(values) > 1 else 0
            height = row + np.linspace(-spread, spread, len(values))
            axes.scatter(values, height, s=22, color=colour, alpha=0.75, linewidths=0, zorder=3)
            if len(values):
                axes.vlines(values.mean(), row - 0.34, row + 0.34, color=colour, linewidth=2.5)
        name_rows(axes, models)
        _chance(axes, chance)
        axes.set(xlim=(0, 108), xlabel="accuracy (%): one dot a fold, the bar is their mean")
    return png.getvalue()


def stage_status(counts: pd.DataFrame) -> bytes:
    """Draw how many clips came through each stage.

    Parameters
    ----------
    counts
        Clips by stage (rows) and status (columns), both in order; other statuses than ok, degraded
        and failed are drawn grey.
    """
    total = int(counts.sum(axis="columns").max())
    with one_panel(8, 1.1 + 0.36 * len(counts)) as (axes, png):
        left = counts.cumsum(axis="columns") - counts
        for status, values in counts.items():
            of_status: Any = {"color": _STATUS_COLOURS.get(str(status), "#B8B8B8"), "label": status}
            axes.barh(range(len(counts)), values, 0.62, left[status], **of_status)
        for row, (_, stage) in enumerate(counts.iterrows()):
            words = [f"{int(n):,} {status}" for status, n in stage.items() if n]
            axes.text(total * 1.015, row, " · ".join(words), va="center", fontsize=8)
        name_rows(axes, list(counts.index))
        axes.grid(visible=False)
        axes.set(xlim=(0, total), xlabel="clips")
        legend_above(axes)
    return png.getvalue()


def name_rows(axes: Axes, names: list[str]) -> None:
    """Name the rows of horizontal bars at 0, 1, ... from the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")


def _chance(axes: Axes, chance: float) -> None:
    """Draw the accuracy of a guess, in [0, 1], as a vertical line with its name above."""
    axes.axvline(100 * chance, **_DASHED)
    above: Any = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "bottom"}
    axes.text(100 * chance, 1.01, "chance", **above, fontsize=8, color="#444444")


def chance_level(axes: Axes, chance: float) -> None:
    """Draw the accuracy of a guess, in [0, 1], as a horizontal line that the legend names."""
    dotted: Any = {"linestyle": (0, (1, 2)), "linewidth": 1}
    axes.axhline(100 * chance, color="#444444", label="chance", **dotted)


def look(number: int) -> dict[str, Any]:
    """Return the colour, marker and line of a curve, so that curves also differ in grey."""
    return {
        "color": PALETTE[number % len(PALETTE)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": ("-", "--", "-.", ":")[number % 4],
    }


def curve_with_band(axes: Axes, x: Any, mean: Any, std: Any, name: str, **look: Any) -> None:
    """Draw a curve and, as a band, its standard deviation over folds; NaN draws no band.

    Parameters
    ----------
    axes
        Where to draw.
    x
        Places, of shape (n,).
    mean, std
        In [0, 1], of shape (n,); drawn in percent.
    name
        For the legend.
    **look
        As of `look`.
    """
    mean, std = 100 * np.asarray(mean, float), 100 * np.nan_to_num(np.asarray(std, float))
    axes.fill_between(x, mean - std, mean + std, color=look["color"], alpha=0.15, linewidth=0)
    axes.plot(x, mean, **look, markersize=4, linewidth=1.5, label=name)


def legend_above(axes: Axes) -> None:
    """Put the legend into one row above a panel."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2)


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Figure, io.BytesIO]]:
    """Give an empty figure (inches) and the buffer that holds its PNG afterwards."""
    png = io.BytesIO()
    with style.context(STYLE, after_reset=True):  # a user's own matplotlibrc changes no picture
        figure = Figure((width, height), dpi=_DPI, layout="constrained", facecolor="white")
        canvas = FigureCanvasAgg(figure)
        yield figure, png
        # Not `savefig`, which draws everything once more, only to lay it out.
        canvas.print_png(png, metadata={"Software": None})


@contextmanager
def one_panel(width: float, height: float) -> Iterator[tuple[Axes, io.BytesIO]]:
    """Give the only panel of a figure (inches) and the buffer that holds its PNG afterwards."""
    with drawing(width, height) as (figure, png):
        yield figure.subplots(), png


@contextmanager
def panels(
    n: int, columns: int, size: tuple[float, float], more: tuple[float, float], **shared: Any
) -> Iterator[tuple[Figure, list[Axes], io.BytesIO]]:
    """Give a figure of `n` panels, these row by row, and the buffer that holds its PNG afterwards.

    Parameters
    ----------
    n, columns
        Places of the last row that stay empty are not drawn.
    size
        Width and height of a panel, inches.
    more
        What the figure has beside its panels, in width and height.
    **shared
        Of `Figure.subplots`.
    """
    rows = math.ceil(n / columns)
    with drawing(size[0] * columns + more[0], size[1] * rows + more[1]) as (figure, png):
        places = figure.subplots(rows, columns, squeeze=False, **shared).flat
        for place in places[n:]:
            place.set_visible(False)
        yield figure, list(places[:n]), png
