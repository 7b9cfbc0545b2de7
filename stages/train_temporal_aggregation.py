"""Train temporal aggregation in every fold and apply it."""

from typing import TYPE_CHECKING, Any

from avlib.models.switched import train_switched
from avlib.params import load
from avlib.stage import run

if TYPE_CHECKING:
    from avlib.models.training import Recipe

PARAMS = ("modalities", "protocol", "temporal_aggregation")


def recipe(name: str, settings: dict[str, Any]) -> "Recipe":
    """Return how the system is made."""
    from avlib.models.sequences import DecodedStreams
    from avlib.models.temporal_aggregation.model import TemporalAggregationModel, wanted_format
    from avlib.models.training import Recipe

    source = DecodedStreams(wanted_format(settings))
    return Recipe(name, TemporalAggregationModel, settings=settings, source=source, deep=True)


def main() -> None:
    """Write models and predictions."""
    train_switched("temporal_aggregation", load(PARAMS), recipe)


if __name__ == "__main__":
    run(main)
