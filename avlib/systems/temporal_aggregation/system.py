"""Temporal aggregation as the pipeline sees it."""

from typing import Any

from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System
from avlib.systems.temporal_aggregation.params import TemporalAggregation


class TemporalAggregationSystem(System):
    """Birhala, Ristea, Radoi and Dutu, "Temporal aggregation of audio-visual modalities" (2020)."""

    name = "temporal_aggregation"
    models = {
        "temporal_aggregation": "Temporal aggregation: a face and sound per segment, networks"
        " summed"
    }
    model = "avlib.systems.temporal_aggregation.model:TemporalAggregationModel"
    sections = {"temporal_aggregation": TemporalAggregation}
    deep = True
    sees_and_hears = True

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how the networks are trained."""
        from avlib.systems.common.sequences import CachedStreams
        from avlib.systems.common.stream_cache import StreamFormat
        from avlib.systems.temporal_aggregation.sampling import RATE

        settings = params.temporal_aggregation.model_dump(exclude={"train"})
        source = CachedStreams(StreamFormat(settings["size"], settings["fps"], RATE))
        return Recipe(model, self.model_class(), settings=settings, source=source)
