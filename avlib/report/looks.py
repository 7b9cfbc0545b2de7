"""A colour and a mark for each model, the same in every picture, table and run.

The colour is the group's (Okabe and Ito's, which colour-blind readers tell apart), the mark is the
model's own within its group. Both follow from the order in which models are registered, and not
from which of them a run has.
"""

from collections.abc import Iterable
from dataclasses import dataclass

COLOURS = 12  # in ``chart.css``
MARKS = 12  # in `chart.MARKS`
OTHERS = "others"  # the group of models that none was said of


@dataclass(frozen=True)
class Look:
    """How a model looks.

    Attributes
    ----------
    group : str
        What the model belongs to.
    colour : int
        Number of the group's colour, in ``chart.css``.
    mark : int
        Number of the model's mark, in `chart.MARKS`.
    """

    group: str = OTHERS
    colour: int = 7
    mark: int = 0


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
        model: Look(group, number % COLOURS, place % MARKS)
        for number, (group, names) in enumerate(members.items())
        for place, model in enumerate(names)
    }
