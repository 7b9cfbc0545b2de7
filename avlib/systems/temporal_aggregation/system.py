"""Temporal aggregation as the pipeline sees it."""

from collections.abc import Mapping
from typing import Any

from avlib.systems.common.fold_clips import PieceSource
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System
from avlib.systems.temporal_aggregation.params import BASELINE, TemporalAggregation


class TemporalAggregationSystem(System):
    """Birhala, Ristea, Radoi and Dutu, "Temporal aggregation of audio-visual modalities" (2020).

    And the CNN of its table I.
    """

    name = "temporal_aggregation"
    models = {
        "temporal_aggregation": "Temporal aggregation: a face and sound per segment, networks"
        " summed",
        "ristea_cnn": "The CNN that it came from: one face and its sound, without batch"
        " normalisation",
    }
    model = "avlib.systems.temporal_aggregation.model:TemporalAggregationModel"
    group = "deep systems"
    sections = {"temporal_aggregation": TemporalAggregation}
    deep = True
    sees_and_hears = True
    reads = ("modern",)

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how the networks are trained."""
        settings = params.temporal_aggregation.used(params.modern.model_dump())
        if model == "ristea_cnn":
            settings |= BASELINE
        source = self.source(model, settings)
        settings = {"system": model, **settings}
        return Recipe(model, self.model_class(), settings=settings, source=source)

    def source(self, model: str, settings: Mapping[str, Any]) -> PieceSource:
        """Return the streams as its networks take them."""
        from avlib.systems.common.sequences import CachedStreams
        from avlib.systems.common.streams import StreamFormat
        from avlib.systems.temporal_aggregation.sampling import RATE

        return CachedStreams(StreamFormat(settings["size"], settings["fps"], RATE))
