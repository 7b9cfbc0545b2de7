"""Pictures of panels with axes, as SVG: lines, bars, points and photos, in the look of `chart`.

A picture is the text of an ``<svg>`` with the classes of ``html/chart.css``: it follows the page
into the dark, and costs next to nothing to draw.
"""

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

LINES = ("", "dash", "dashdot", "dots")  # kinds of lines that differ in grey
_LETTER = 7.1  # units that a letter takes, or less
_GAP = 14  # between panels, and around all
_LINE = 17  # height of a line of words


class Axis(NamedTuple):
    """What an axis goes from and to, and what is written at it.

    Attributes
    ----------
    low, high : float
    title : str
    ticks : sequence of float, optional
        Where its lines are; None: at round values.
    names : sequence of str, optional
        What stands at the ticks; None: their values; empty: nothing. Of an x axis a name may have
        several lines.
    log : bool
        Whether it is logarithmic.
    """

    low: float
    high: float
    title: str = ""
    ticks: Sequence[float] | None = None
    names: Sequence[str] | None = None
    log: bool = False

    def share(self, value: float) -> float:
        """Return where a value lies between low (0) and high (1)."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def marked(self) -> list[tuple[float, str]]:
        """Return the ticks and their names."""
        ticks = self.ticks
        if ticks is None:
            ticks = log_ticks(self.low, self.high) if self.log else round_ticks(self.low, self.high)
        names = [f"{tick:g}" for tick in ticks] if self.names is None else self.names
        return list(zip(ticks, names or [""] * len(ticks), strict=True))


def around(values: np.ndarray) -> Axis:
    """Return an axis without ticks that holds some values."""
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) or 1.0
    return Axis(low - room, high + room, ticks=())


def round_ticks(low: float, high: float, most: int = 6, *, whole: bool = False) -> list[float]:
    """Return the multiples of 1, 2 or 5 times a power of ten, at most `most` steps of them."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(step * times for times in (1, 2, 5, 10) if (high - low) / (step * times) <= most)
    step = max(step, 1.0) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten between two positive values; of many, the powers.

    There are always two at least: the two values themselves where nothing round lies between.
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [float(f"{times}e{power}") for power in powers for times in (1, 2, 5)]
    inside = [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
    if len(inside) > 9:
        inside = [tick for tick in inside if f"{tick:e}".startswith("1.0")]
    return inside if len(inside) > 1 else [low, high]


class Entry(NamedTuple):
    """What a legend says of a look.

    Attributes
    ----------
    words : str
    kind : str
        Classes of the sample: those of a line, of a bar (``bar``, ``pale``) or of a mark.
    mark : str
        Outline of a mark, of `chart.MARKS`; "" of none.
    hatch : float
        As of `Panel.bars`.
    """

    words: str
    kind: str
    mark: str = ""
    hatch: float = 0


class Panel:
    """Axes, and what is drawn in them.

    Parameters
    ----------
    x, y : Axis
    width, height : float
        Of the axes, in units: CSS pixels where the picture has its natural size.
    title : str
        Above it.
    grid : str
        Which axes have lines: "x", "y", "xy" or "".
    boxed : bool
        Whether all four sides have a line, and not only the left and the lower one.
    """

    def __init__(
        self,
        x: Axis,
        y: Axis,
        width: float = 280,
        height: float = 180,
        *,
        title: str = "",
        grid: str = "y",
        boxed: bool = False,
    ) -> None:
        self.x, self.y, self.width, self.height = x, y, width, height
        self.title, self.grid, self.boxed = title, grid, boxed
        self._parts: list[str] = []
        names = [name for _, name in y.marked()]
        self.left = 8 + _LETTER * max(map(len, names), default=0) + (_LINE if y.title else 0)
        lines = max((name.count("\n") + 1 for _, name in x.marked() if name), default=0)
        self.below = 4 + _LINE * (lines + bool(x.title))
        self.above = _LINE + 5 if title else 6

    def at_x(self, value: float) -> float:
        """Return where a value of the x axis is, in units from the left."""
        return self.x.share(value) * self.width

    def at_y(self, value: float) -> float:
        """Return where a value of the y axis is, in units from the top."""
        return (1 - self.y.share(value)) * self.height

    def line(self, x: Iterable[float], y: Iterable[float], kind: str) -> None:
        """Draw a line; NaN leaves a gap, and a value that stands alone between gaps is a dot.

        Of more values than the panel is wide, only the bounds of each stretch of them are drawn;
        what lies above or below the axes is cut off.
        """
        pieces: list[list[str]] = [[]]
        across_all, values = self._thinned(x, y)
        for across, value in zip(across_all, values, strict=True):
            if math.isnan(value):
                pieces.append([])
            else:
                pieces[-1].append(f"{_n(self.at_x(across))} {_n(self.at_y(value))}")
        drawn = "".join(f"M{'L'.join(p)}" + ("h0" if len(p) == 1 else "") for p in pieces if p)
        if drawn:
            path = f'<path class="{f"line {kind}".strip()}" d="{drawn}"/>'
            if np.nanmin(values) < self.y.low or np.nanmax(values) > self.y.high:
                path = f'<svg width="{_n(self.width)}" height="{_n(self.height)}">{path}</svg>'
            self._parts.append(path)

    def _thinned(self, x: Iterable[float], y: Iterable[float]) -> tuple[np.ndarray, np.ndarray]:
        """Return the values, or of many of them the first least and largest of each stretch."""
        across, values = np.array(list(x), float), np.array(list(y), float)
        stretch = math.ceil(len(values) / (2 * self.width))
        if stretch < 3:
            return across, values
        short = -len(values) % stretch
        blocks = np.pad(values, (0, short), constant_values=np.nan).reshape(-1, stretch)
        least = np.where(np.isnan(blocks), np.inf, blocks).argmin(axis=1)
        most = np.where(np.isnan(blocks), -np.inf, blocks).argmax(axis=1)
        places = np.sort(np.stack([least, most], axis=1), axis=1)
        places = (places + stretch * np.arange(len(blocks))[:, None]).ravel()
        return across[places], values[places]

    def whisker(self, x: float, low: float, high: float) -> None:
        """Draw how far a value spreads, with a cap at either end; nothing where that is NaN."""
        if math.isnan(low) or math.isnan(high):
            return
        middle, top, bottom = self.at_x(x), self.at_y(high), self.at_y(low)
        caps = "".join(f"M{_n(middle - 3)} {_n(end)}h6" for end in (top, bottom))
        d = f"M{_n(middle)} {_n(top)}V{_n(bottom)}{caps}"
        self._parts.append(f'<path class="line fine" d="{d}"/>')

    def band(
        self, x: Iterable[float], low: Iterable[float], high: Iterable[float], kind: str
    ) -> None:
        """Fill what lies between two lines, as far as it is inside of the axes; NaN is left out."""
        known = [row for row in zip(x, low, high, strict=True) if not any(map(math.isnan, row))]
        edge = [(a, top) for a, _, top in known] + [(a, bottom) for a, bottom, _ in reversed(known)]
        inside = [(a, min(max(b, self.y.low), self.y.high)) for a, b in edge]
        drawn = "L".join(f"{_n(self.at_x(a))} {_n(self.at_y(b))}" for a, b in inside)
        if drawn:
            self._parts.append(f'<path class="band {kind}" d="M{drawn}z"/>')

    def marks(
        self, x: Iterable[float], y: Iterable[float], mark: str, kind: str, size: float = 1.0
    ) -> None:
        """Draw an outline of `chart.MARKS` at each point; none where one is NaN."""
        for across, value in zip(x, y, strict=True):
            if not (math.isnan(across) or math.isnan(value)):
                place = f"translate({_n(self.at_x(across))} {_n(self.at_y(value))})"
                if size != 1:
                    place += f" scale({size:g})"
                self._parts.append(f'<path class="{kind}" transform="{place}" d="{mark}"/>')

    def bars(
        self,
        corners: Iterable[Sequence[float]],
        kind: str,
        hatch: float = 0,
        *,
        opacity: float = 1.0,
    ) -> None:
        """Draw bars, each from x0 to x1 and y0 to y1.

        Parameters
        ----------
        corners
            (x0, x1, y0, y1) of each.
        kind
            ``bar`` or ``pale``, and a colour.
        hatch
            Units between the lines across it: rising ones, falling ones where it is negative.
        opacity
            From 0 to 1.
        """
        boxes = [
            (self.at_x(x0), self.at_x(x1), self.at_y(y1), self.at_y(y0))
            for x0, x1, y0, y1 in corners
        ]
        if boxes:
            lines = _hatched(boxes, hatch) if hatch else ""
            self._parts.append(_box(boxes, kind, opacity) + lines)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        kind: str = "small",
        anchor: str = "middle",
        *,
        dx: float = 0,
        dy: float = 4,
        turned: bool = False,
    ) -> None:
        """Write words at a place of the axes, moved by some units; their middle is at y.

        They read upwards where they are `turned`.
        """
        place = self.at_x(x) + dx, self.at_y(y) + dy
        if turned:
            text = _turned(*place, _text(0, 0, words, kind, anchor))
        else:
            text = _text(*place, words, kind, anchor)
        self._parts.append(text)

    def rule(self, *, x: float | None = None, y: float | None = None, kind: str = "zero") -> None:
        """Draw a line through the whole panel."""
        d = f"M0 {_n(self.at_y(y))}h{_n(self.width)}" if y is not None else ""
        d += f"M{_n(self.at_x(x))} 0v{_n(self.height)}" if x is not None else ""
        self._parts.append(f'<path class="{kind}" d="{d}"/>')

    def image(self, content: bytes, kind: str, box: Sequence[float], classes: str = "") -> None:
        """Lay a picture (PNG or JPEG, `kind` "png" or "jpeg") over a box (x0, x1, y0, y1)."""
        x0, x1, y0, y1 = box
        left, top = self.at_x(x0), self.at_y(y1)
        size = f'width="{_n(self.at_x(x1) - left)}" height="{_n(self.at_y(y0) - top)}"'
        address = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
        self._parts.append(
            f'<image class="{classes}" x="{_n(left)}" y="{_n(top)}" {size}'
            f' preserveAspectRatio="none" href="{address}"/>'
        )

    def svg(self, left: float, top: float) -> str:
        """Return the panel with its axes; the upper left corner of these is at `left`, `top`."""
        ticks_x = [(self.at_x(value), name) for value, name in self.x.marked()]
        ticks_y = [(self.at_y(value), name) for value, name in self.y.marked()]
        width, height = _n(self.width), _n(self.height)
        grid = "".join(f"M{_n(x)} 0v{height}" for x, _ in ticks_x if "x" in self.grid)
        grid += "".join(f"M0 {_n(y)}h{width}" for y, _ in ticks_y if "y" in self.grid)
        sides = f"M0 0v{height}h{width}" + (f"v-{height}z" if self.boxed else "")
        low = self.height + _LINE - 2
        words = [
            _text(x, low + _LINE * number, line, "soft", "middle")
            for x, name in ticks_x
            for number, line in enumerate(name.split("\n"))
            if line
        ]
        words += [_text(-6, y + 4, name, "soft", "end") for y, name in ticks_y if name]
        if self.title:
            words.append(_text(0, -8, self.title, "title"))
        if self.x.title:
            below = self.height + self.below - 7
            words.append(_text(self.width / 2, below, self.x.title, "soft", "middle"))
        if self.y.title:
            middle = _text(0, 0, self.y.title, "soft", "middle")
            words.append(_turned(_LINE - 4 - self.left, self.height / 2, middle))
        lines = (f'<path class="grid" d="{grid}"/>' if grid else "") + "".join(self._parts)
        lines += f'<path class="axis" d="{sides}"/>'
        return f'<g transform="translate({_n(left)} {_n(top)})">{lines}{"".join(words)}</g>'


def figure(
    panels: Sequence[Panel],
    alt: str,
    *,
    columns: int = 1,
    title: str = "",
    legend: Sequence[Entry] = (),
    legend_title: str = "",
    right: float = 0,
) -> str:
    """Return the SVG of panels, row by row, under a title and above a legend.

    Panels of a column stand below each other, those of a row beside each other.

    Parameters
    ----------
    panels
        Those of a row should be of one height, those of a column of one width.
    alt
        What the picture says, to who cannot see it.
    columns
        Panels in a row.
    title
    legend, legend_title
        Below all panels.
    right
        Units to leave for words on the right.
    """
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    across = [[row[place] for row in rows if place < len(row)] for place in range(len(rows[0]))]
    lefts = [max(panel.left for panel in column) for column in across]
    widths = [max(panel.width for panel in column) for column in across]
    heads = title.split("\n") if title else []
    width = sum(lefts) + sum(widths) + _GAP * len(across) + right
    width = max(width, *(1.1 * _LETTER * len(head) for head in ["", *heads]))
    top, parts = 4.0, []
    for head in heads:
        parts.append(_text(0, top + 12, head, "title"))
        top += _LINE
    top += 4 * bool(heads)
    for row in rows:
        top += max(panel.above for panel in row)
        left = 0.0
        for panel, margin, wide in zip(row, lefts, widths, strict=False):
            parts.append(panel.svg(left + margin, top))
            left += margin + wide + _GAP
        top += max(panel.height for panel in row) + max(panel.below for panel in row)
    if legend:
        drawn, high = _legend(legend, legend_title, width, top + 6)
        parts, top = parts + drawn, top + 6 + high
    size = f'width="{width:.0f}" height="{top:.0f}" viewBox="0 0 {width:.0f} {top:.0f}"'
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" {size}'
        f' role="img" aria-label="{escape(alt)}">{"".join(parts)}</svg>'
    )


def _legend(
    entries: Sequence[Entry], title: str, width: float, top: float
) -> tuple[list[str], float]:
    """Set entries in rows of a width; return them and how high they are."""
    parts, left, start = [], 0.0, top
    if title:
        parts.append(_text(0, top + 12, title, "soft"))
        top += _LINE + 4
    for words, kind, mark, hatch in entries:
        taken = 32 + _LETTER * len(words) + 16
        if left and left + taken > width:
            left, top = 0.0, top + _LINE + 2
        middle = top + 8
        if kind.startswith(("bar", "pale")):
            box = [(left + 2, left + 26, middle - 5, middle + 5)]
            parts.append(_box(box, kind) + (_hatched(box, hatch) if hatch else ""))
        elif kind.startswith("line"):
            parts.append(f'<path class="{kind}" d="M{_n(left)} {_n(middle)}h28"/>')
        if mark:
            look = kind if not kind.startswith("line") else f"mark {_colour(kind)}"
            place = f"translate({_n(left + 14)} {_n(middle)})"
            parts.append(f'<path class="{look}" transform="{place}" d="{mark}"/>')
        parts.append(_text(left + 33, middle + 4, words))
        left += taken
    return parts, top - start + _LINE + 6


def _colour(kind: str) -> str:
    return next(name for name in kind.split() if name.startswith("g"))


def _box(boxes: Iterable[tuple[float, ...]], kind: str, opacity: float = 1.0) -> str:
    d = "".join(f"M{_n(x0)} {_n(y0)}H{_n(x1)}V{_n(y1)}H{_n(x0)}z" for x0, x1, y0, y1 in boxes)
    seen = "" if opacity == 1 else f' fill-opacity="{opacity:.2f}"'
    return f'<path class="{kind}"{seen} d="{d}"/>'


def _hatched(boxes: Iterable[tuple[float, ...]], step: float) -> str:
    """Return lines at 45 degrees across boxes of (left, right, top, bottom), `step` units apart."""
    d, falling, step = [], step < 0, abs(step)
    for x0, x1, top, bottom in boxes:
        low, high = min(top, bottom), max(top, bottom)
        for offset in np.arange(step / 2, (x1 - x0) + (high - low), step):
            # From the left or upper side to the upper or right one, within the box.
            begin = max(0.0, offset - (high - low)), min(offset, high - low)
            end = min(offset, x1 - x0), max(0.0, offset - (x1 - x0))
            (ax, ay), (bx, by) = begin, end
            if falling:
                ay, by = (high - low) - ay, (high - low) - by
            d.append(f"M{_n(x0 + ax)} {_n(low + ay)}L{_n(x0 + bx)} {_n(low + by)}")
    return f'<path class="hatch" d="{"".join(d)}"/>'


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "") -> str:
    kind = f' class="{kind}"' if kind else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{_n(x)}" y="{_n(y)}"{kind}{anchor}>{escape(words)}</text>'


def _turned(x: float, y: float, text: str) -> str:
    return f'<g transform="translate({_n(x)} {_n(y)}) rotate(-90)">{text}</g>'


def _n(value: float) -> str:
    """Write a coordinate to a tenth of a unit."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
