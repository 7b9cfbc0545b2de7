"""A colour and a mark for each model, the same in every picture, table and run.

The colour is the group's (Okabe and Ito's, which colour-blind readers tell apart), the mark is the
model's own within its group. Both follow from the order in which models are registered, and not
from which of them a run has.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from avlib.report.plots import MARKERS, PALETTE

OTHERS = "others"  # the group of models that none was said of


@dataclass(frozen=True)
class Look:
    """How a model looks.

    Attributes
    ----------
    group : str
        What the model belongs to.
    colour : int
        Number of the group's colour, in `plots.PALETTE` and in ``chart.css``.
    mark : int
        Number of the model's mark, in `plots.MARKERS` and in `chart.MARKS`.
    """

    group: str = OTHERS
    colour: int = 7
    mark: int = 0

    @property
    def line(self) -> dict[str, Any]:
        """Colour, marker and line of the model's curve, as matplotlib takes them."""
        return {
            "color": PALETTE[self.colour],
            "marker": MARKERS[self.mark],
            "linestyle": ("-", "--", "-.", ":")[self.mark % 4],
        }


def looks(models: Iterable[tuple[str, str]]) -> dict[str, Look]:
    """Give every model its look.

    Parameters
    ----------
    models
        Name and group of each, in the order of their registration. Beyond the colours and marks
        that there are they come again.
    """
    members: dict[str, list[str]] = {}
    for model, group in models:
        members.setdefault(group, []).append(model)
    return {
        model: Look(group, number % len(PALETTE), place % len(MARKERS))
        for number, (group, names) in enumerate(members.items())
        for place, model in enumerate(names)
    }
