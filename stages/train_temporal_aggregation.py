"""Train temporal aggregation in every fold and apply it."""

from avlib.models.sequences import DecodedStreams
from avlib.models.temporal_aggregation.model import TemporalAggregationModel, wanted_format
from avlib.models.training import Recipe, skip, train
from avlib.params import load
from avlib.stage import run

NAME = "temporal_aggregation"
PARAMS = ("modalities", "protocol", "temporal_aggregation")


def main() -> None:
    """Write models and predictions."""
    params = load(PARAMS)
    settings = params.temporal_aggregation.model_dump(exclude={"train"})
    recipe = Recipe(
        NAME,
        TemporalAggregationModel,
        settings=settings,
        source=DecodedStreams(wanted_format(settings)),
        deep=True,
    )
    if params.temporal_aggregation.train:
        train("train_temporal_aggregation", recipe, params.modalities, params.protocol.name)
    else:
        skip(recipe)


if __name__ == "__main__":
    run(main)
