"""Pictures by matplotlib, for those who want a PNG: the bytes are the same on every run.

Their look is that of ``pictures.mplstyle``; no picture needs colour alone to be read. What a page
shows is drawn by `figure`, which loads nothing.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

STYLE = Path(__file__).with_name("pictures.mplstyle")
PALETTE = mpl.rc_params_from_file(STYLE)["axes.prop_cycle"].by_key()["color"]
MARKERS = "os^DvXP*<>pd"
_DPI = 150


def name_rows(axes: Axes, names: list[str]) -> None:
    """Name the rows of horizontal bars at 0, 1, ... from the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")


def look(number: int) -> dict[str, Any]:
    """Return the colour, marker and line of a curve, so that curves also differ in grey."""
    return {
        "color": PALETTE[number % len(PALETTE)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": ("-", "--", "-.", ":")[number % 4],
    }


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
