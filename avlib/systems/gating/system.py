"""The gating paradigm as the pipeline sees it."""

from collections.abc import Mapping
from typing import Any

from avlib.systems.common.fold_clips import PieceSource
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System, weight_files
from avlib.systems.common.tables import PREDICTIONS
from avlib.systems.gating.params import Gating
from avlib.systems.gating.tables import GATES


class GatingSystem(System):
    """The gating paradigm, and the two baselines of its table II."""

    name = "gating"
    models = {
        "gating": "Gating paradigm: I3D and SoundNet per window, drawn together, LSTMs, neighbours",
        "gating_lstm": "The same, but the modalities trained apart: A-LSTM and V-LSTM side by side",
        "gating_global": "The same without LSTMs: one window mid-clip, modalities trained apart",
    }
    model = "avlib.systems.gating.model:GatingModel"
    sections = {"gating": Gating}
    tables = (PREDICTIONS, GATES)
    judge = "avlib.systems.gating.judge:by_training_clips"
    report_part = "avlib.systems.gating.report:report_part"
    deep = True
    sees_and_hears = True

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how one of the three is made."""
        settings = params.gating.model_dump(exclude={"train"})
        return Recipe(
            model,
            self.model_class(),
            settings={"system": model, **settings},
            source=self.source(model, settings),
            starts_from=weight_files("demo/gating", "i3d", "soundnet8"),
        )

    def source(self, model: str, settings: Mapping[str, Any]) -> PieceSource:
        """Return the streams as its networks take them."""
        from avlib.systems.common.sequences import CachedStreams
        from avlib.systems.common.streams import StreamFormat
        from avlib.systems.gating.soundnet import RATE

        return CachedStreams(StreamFormat(settings["size"], settings["fps"], RATE))
