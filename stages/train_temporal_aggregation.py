"""Train temporal aggregation in every fold and apply it."""

from typing import TYPE_CHECKING, Any

from avlib.params import load
from avlib.runtime.stage import run
from avlib.systems.common.train_section import train_switched

if TYPE_CHECKING:
    from avlib.systems.common.training import Recipe

PARAMS = ("modalities", "protocol", "temporal_aggregation")


def recipe(name: str, settings: dict[str, Any]) -> "Recipe":
    """Return how the system is made."""
    from avlib.systems.common.sequences import DecodedStreams
    from avlib.systems.common.training import Recipe
    from avlib.systems.temporal_aggregation.model import TemporalAggregationModel, wanted_format

    source = DecodedStreams(wanted_format(settings))
    return Recipe(name, TemporalAggregationModel, settings=settings, source=source, deep=True)


def main() -> None:
    """Write models and predictions."""
    train_switched("temporal_aggregation", load(PARAMS), recipe)


if __name__ == "__main__":
    run(main)
