"""The plain network as the pipeline sees it."""

from collections.abc import Mapping
from typing import Any

from avlib.systems.cnn.params import Cnn
from avlib.systems.common.fold_clips import PieceSource
from avlib.systems.common.modern_params import Modern
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System


class CNNSystem(System):
    """A convolutional network on the log mel bands of a clip's sound, trained as is usual today."""

    name = "cnn"
    models = {"cnn": "Plain convolutional network on log mel bands of the sound"}
    model = "avlib.systems.cnn.model:CNNModel"
    group = "deep systems"
    sections = {"cnn": Cnn, "modern": Modern}
    rehearsed_by = "avlib.systems.cnn.rehearsal:CNNRehearsal"
    deep = True
    sees_and_hears = True

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how the network is trained."""
        settings = params.cnn.model_dump(exclude={"train"})
        return Recipe(
            model,
            self.model_class(),
            ("audio",),
            settings=settings | {"modern": params.modern.model_dump()},
            source=self.source(model, settings),
        )

    def source(self, model: str, settings: Mapping[str, Any]) -> PieceSource:
        """Return the sound alone."""
        from avlib.speech.mel import SAMPLE_RATE
        from avlib.systems.common.sequences import CachedStreams
        from avlib.systems.common.streams import StreamFormat

        return CachedStreams(StreamFormat.of_sound(SAMPLE_RATE))
