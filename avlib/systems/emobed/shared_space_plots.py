"""Pictures of sound and faces in one plane (EmoBed, figs. 3 and 4)."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from avlib.report.plots import MARKERS, PALETTE, panels
from avlib.systems.common.model import BOTH

_WORDS = {"audio": "sound", "video": "face"}
# High and low of either modality: the paper's circles and crosses, in its two colours.
_MOMENTS: dict[tuple[str, bool], Any] = {
    ("audio", True): {"marker": "o", "color": PALETTE[3]},
    ("audio", False): {"marker": "x", "color": PALETTE[3]},
    ("video", True): {"marker": "s", "edgecolors": PALETTE[2], "facecolors": "none"},
    ("video", False): {"marker": "+", "color": PALETTE[2]},
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


def clip_planes(planes: Sequence[Plane]) -> bytes:
    """Draw clips, a colour and a shape for each emotion: filled as they sound, hollow as they look.

    Parameters
    ----------
    planes
        Their labels are emotions.
    """
    names = sorted({str(emotion) for plane in planes for emotion in plane.label})
    looks = dict(zip(names, zip(cycle(PALETTE), cycle(MARKERS), strict=False), strict=False))
    with panels(len(planes), 2, (3.4, 3.2), (0, 0.8)) as (figure, places, png):
        for axes, plane in zip(places, planes, strict=True):
            for emotion, (colour, marker) in looks.items():
                for modality in BOTH:
                    here = plane.places[(plane.label == emotion) & (plane.modality == modality)]
                    within = colour if modality == "audio" else "none"
                    look: Any = {"edgecolors": colour, "facecolors": within, "marker": marker}
                    axes.scatter(here[:, 0], here[:, 1], s=30, linewidths=1.0, **look)
            _frame(axes, plane.title)
        handles = [
            Line2D([], [], linestyle="", color=colour, marker=marker, label=emotion)
            for emotion, (colour, marker) in looks.items()
        ]
        grey: Any = {"linestyle": "", "marker": "o", "markeredgecolor": "#444444"}
        handles += [
            Line2D([], [], **grey, markerfacecolor=face, label=_WORDS[modality])
            for modality, face in zip(BOTH, ("#444444", "none"), strict=True)
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5))
    return png.getvalue()


def moment_planes(by_dimension: Mapping[str, Sequence[Plane]]) -> bytes:
    """Draw moments, a column for each dimension: the colour is the modality, the mark high or low.

    Parameters
    ----------
    by_dimension
        Planes of the same titles, whose labels are above 0 where the dimension is high, NaN where
        it is not known.
    """
    every = [
        (name, planes[row])
        for row in range(max(map(len, by_dimension.values())))
        for name, planes in by_dimension.items()
    ]
    with panels(len(every), len(by_dimension), (3.4, 3.1), (0, 0.5)) as (figure, places, png):
        for axes, (name, plane) in zip(places, every, strict=True):
            label = plane.label.astype(float)
            for (modality, high), look in _MOMENTS.items():
                of = (plane.modality == modality) & ((label > 0) if high else (label <= 0))
                words = f"{_WORDS[modality]}, {'high' if high else 'low'}"
                here = plane.places[of]
                axes.scatter(here[:, 0], here[:, 1], s=18, linewidths=0.9, label=words, **look)
            _frame(axes, f"{plane.title}\n{name}")
        handles = places[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=4)
    return png.getvalue()


def _frame(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=8)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
