"""Charts as SVG: rows of named values that read on light and dark, on a wide page and a phone.

Colours stand in ``html/chart.css``, which a page holds once and a file of its own holds too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import NamedTuple

from avlib.report.looks import Look

STYLE = Path(__file__).parent / "html" / "chart.css"
# Outlines within 5 units around 0: circle, square, triangle, diamond,
# triangle down, X, plus, star, triangles left and right, pentagon, thin diamond.
MARKS = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
    "M-4-4h8v8h-8z",
    "M0-5L5 4H-5z",
    "M0-5.5L5.5 0L0 5.5L-5.5 0z",
    "M0 5L5-4H-5z",
    "M-5-3L-3-5L0-2L3-5L5-3L2 0L5 3L3 5L0 2L-3 5L-5 3L-2 0z",
    "M-1.6-5h3.2v3.4H5v3.2H1.6V5h-3.2V1.6H-5v-3.2h3.4z",
    "M0-5.8L1.4-1.9L5.5-1.8L2.3.7L3.4 4.7L0 2.4L-3.4 4.7L-2.3.7L-5.5-1.8L-1.4-1.9z",
    "M-5 0L4-5V5z",
    "M5 0L-4-5V5z",
    "M0-5L4.8-1.5L2.9 4.1H-2.9L-4.8-1.5z",
    "M0-5.5L3.2 0L0 5.5L-3.2 0z",
)
Place = Callable[[float], float]  # from a value to where it stands on the axis
_ROW, _HEAD, _FOOT = 21, 22, 36  # heights


@dataclass(frozen=True)
class Row:
    """A named value, or the dots that it is the mean of.

    Attributes
    ----------
    name : str
    look : Look
    value : float or None
    low, high : float or None
        Bounds of its interval.
    filled : bool
        Whether its mark is filled.
    best : bool
        Whether it is to be seen first.
    dots : sequence of float
        Drawn filled above the middle of the row.
    rings : sequence of float
        Drawn hollow below it.
    said : str
        The value as it stands at the end of the row.
    """

    name: str
    look: Look
    value: float | None
    low: float | None = None
    high: float | None = None
    filled: bool = True
    best: bool = False
    dots: Sequence[float] = ()
    rings: Sequence[float] = ()
    said: str = ""


class Scale(NamedTuple):
    """What the axis goes from and to, its ticks, and a value that is marked on it with its name."""

    low: float
    high: float
    ticks: Sequence[float]
    marked: float
    marked_as: str
    title: str


def rows_chart(
    blocks: Mapping[str, Sequence[Row]], scale: Scale, alt: str, *, width: int, names: int
) -> str:
    """Return a chart of rows under the heads of their blocks.

    Parameters
    ----------
    blocks
        Rows by head; a head "" is not written.
    scale
        The axis.
    alt
        What the chart says.
    width, names
        Units that the chart, and the names of the rows, are wide.
    """
    room = max((len(row.said) for rows in blocks.values() for row in rows), default=0) * 7.2 + 14
    left, right = names, width - room

    def x(value: float) -> float:
        inside = min(max(value, scale.low), scale.high)
        return left + (inside - scale.low) / (scale.high - scale.low) * (right - left)

    drawn: list[str] = []
    y = float(_HEAD)
    for head, rows in blocks.items():
        if head:
            drawn.append(_text(0, y + 15, head, "head"))
            y += _HEAD
        for row in rows:
            tall = _ROW + (12 if row.rings else 0)
            drawn += _row(row, x, y + tall / 2, width)
            y += tall
        y += 6
    marked = x(scale.marked)
    lines = [
        f'<path class="grid" d="{"".join(f"M{x(t):.1f} {_HEAD}V{y:.1f}" for t in scale.ticks)}"/>',
        f'<path class="zero" d="M{marked:.1f} {_HEAD - 4}V{y:.1f}"/>',
        _text(marked, 14, scale.marked_as, "soft", "middle"),
        *(_text(x(t), y + 14, f"{t:g}", "soft", "middle") for t in scale.ticks),
        _text((left + right) / 2, y + 30, scale.title, "soft", "middle"),
    ]
    height = y + _FOOT
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" width="{width}"'
        f' height="{height:.0f}" viewBox="0 0 {width} {height:.0f}"'
        f' role="img" aria-label="{escape(alt)}">{"".join(lines + drawn)}</svg>'
    )


def standalone(svg: str) -> str:
    """Return a chart as a file of its own, with its style and its ground."""
    begin, end, rest = svg.partition(">")
    style = STYLE.read_text(encoding="utf-8") + ".chart { background: var(--c-paper); }\n"
    return f"{begin}{end}<style>{style}</style>{rest}\n"


def inline(file: str) -> str:
    """Return the chart of `standalone` without its style, for a page that has it."""
    begin, _, rest = file.partition("<style>")
    return begin + rest.partition("</style>")[2].rstrip("\n")


def _row(row: Row, x: Place, y: float, width: int) -> list[str]:
    bold = " best" if row.best else ""
    parts = [_text(14, y + 4.5, row.name, bold.strip())]
    colour = f"g{row.look.colour}"
    mark = MARKS[row.look.mark]
    parts.append(f'<path class="mark {colour}" transform="translate(5 {y:.1f})" d="{mark}"/>')
    parts += _dots(row.dots, x, y - (6 if row.rings else 0), f"faint {colour}", 3.4)
    parts += _dots(row.rings, x, y + 7, f"hollow {colour}", 3)
    if row.low is not None and row.high is not None:
        ends = f"M{x(row.low):.1f} {y:.1f}H{x(row.high):.1f}"
        caps = "".join(f"M{x(end):.1f} {y - 4:.1f}v8" for end in (row.low, row.high))
        parts.append(f'<path class="whisker {colour}" d="{ends}{caps}"/>')
    if row.value is not None:
        if row.dots:
            bar = f"M{x(row.value):.1f} {y - 13:.1f}v26"
            parts.append(f'<path class="whisker {colour}" d="{bar}"/>')
        else:
            kind = "mark" if row.filled else "hollow"
            place = f"translate({x(row.value):.1f} {y:.1f}) scale(1.25)"
            parts.append(f'<path class="{kind} {colour}" transform="{place}" d="{mark}"/>')
    parts.append(_text(width, y + 4.5, row.said, bold.strip(), "end"))
    return parts


def _dots(values: Sequence[float], x: Place, y: float, kind: str, radius: float) -> list[str]:
    """Draw dots a little apart in height, so that equal ones are all seen."""
    steps = (-2.2, 0.0, 2.2)
    return [
        f'<circle class="{kind}" cx="{x(v):.1f}" cy="{y + steps[i % 3]:.1f}" r="{radius}"/>'
        for i, v in enumerate(values)
    ]


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "") -> str:
    kind = f' class="{kind}"' if kind else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}{anchor}>{escape(words)}</text>'
