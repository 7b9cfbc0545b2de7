"""Pictures of sound and faces in one plane (EmoBed, figs. 3 and 4); in the manner of `figure`."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from avlib.report.chart import MARKS
from avlib.report.figure import Entry, Panel, around, figure
from avlib.report.looks import COLOURS
from avlib.systems.common.model import BOTH

_WORDS = {"audio": "sound", "video": "face"}
_FILLED = {"audio": "edged", "video": "ring"}  # how a clip sounds, and how it looks
# High and low of either modality: the paper's circles and crosses, in its two colours.
_MOMENTS = {
    ("audio", True): (MARKS[0], "edged g3"),
    ("audio", False): (MARKS[5], "edged g3"),
    ("video", True): (MARKS[1], "ring g2"),
    ("video", False): (MARKS[6], "edged g2"),
}


class Plane(NamedTuple):
    """Points to draw.

    Attributes
    ----------
    title : str
    places : array of shape (n, 2)
    modality, label : arrays of shape (n,)
    """

    title: str
    places: np.ndarray
    modality: np.ndarray
    label: np.ndarray


def clip_planes(planes: Sequence[Plane], alt: str) -> str:
    """Draw clips, a colour and a shape for each emotion: filled as they sound, hollow as they look.

    Parameters
    ----------
    planes
        Their labels are emotions.
    alt
        What the picture says.
    """
    names = sorted({str(emotion) for plane in planes for emotion in plane.label})
    looks = {name: (MARKS[i % len(MARKS)], f"g{i % COLOURS}") for i, name in enumerate(names)}
    panels = []
    for plane in planes:
        panel = _panel(plane, plane.title)
        for emotion, (mark, colour) in looks.items():
            for modality in BOTH:
                here = plane.places[(plane.label == emotion) & (plane.modality == modality)]
                kind = f"{_FILLED[modality]} {colour}"
                panel.marks(here[:, 0], here[:, 1], mark, kind, 0.8)
        panels.append(panel)
    legend = [Entry(name, f"edged {colour}", mark) for name, (mark, colour) in looks.items()]
    legend += [Entry(_WORDS[m], f"{_FILLED[m]} g7", MARKS[0]) for m in BOTH]
    return figure(panels, alt, columns=2, legend=legend)


def moment_planes(by_dimension: Mapping[str, Sequence[Plane]], alt: str) -> str:
    """Draw moments, a column for each dimension: the colour is the modality, the mark high or low.

    Parameters
    ----------
    by_dimension
        Planes of the same titles, whose labels are above 0 where the dimension is high, NaN where
        it is not known.
    alt
        What the picture says.
    """
    panels = []
    for row in range(max(map(len, by_dimension.values()))):
        for dimension, planes in by_dimension.items():
            plane = planes[row]
            label = plane.label.astype(float)
            panel = _panel(plane, f"{plane.title}; {dimension}")
            for (modality, high), (mark, kind) in _MOMENTS.items():
                of = (plane.modality == modality) & ((label > 0) if high else (label <= 0))
                here = plane.places[of]
                panel.marks(here[:, 0], here[:, 1], mark, kind, 0.7)
            panels.append(panel)
    legend = [
        Entry(f"{_WORDS[modality]}, {'high' if high else 'low'}", kind, mark)
        for (modality, high), (mark, kind) in _MOMENTS.items()
    ]
    return figure(panels, alt, columns=len(by_dimension), legend=legend)


def _panel(plane: Plane, title: str) -> Panel:
    x, y = around(plane.places[:, 0]), around(plane.places[:, 1])
    return Panel(x, y, 330, 290, title=title, grid="", boxed=True)
