"""The gating paradigm as the pipeline sees it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from avlib.systems.common.model import BOTH
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System, weight_files
from avlib.systems.common.tables import PREDICTIONS
from avlib.systems.gating.params import Gating
from avlib.systems.gating.tables import GATES
from avlib.systems.gating.windows import gate_windows

if TYPE_CHECKING:
    from avlib.systems.gating.recorded import RecordedStreams
    from avlib.systems.gating.window_descriptors import WindowDescriptors


class GatingSystem(System):
    """The gating paradigm, and the two baselines of its table II."""

    name = "gating"
    models = {
        "gating": "Gating paradigm: windows of both modalities drawn together, LSTMs, neighbours",
        "gating_lstm": "The same, but the modalities trained apart: A-LSTM and V-LSTM side by side",
        "gating_global": "The same without LSTMs: one window of a clip, modalities trained apart",
    }
    model = "avlib.systems.gating.model:GatingModel"
    group = "deep systems"
    sections = {"gating": Gating}
    reads = ("modern", "speech")
    tables = (PREDICTIONS, GATES)
    judge = "avlib.systems.gating.judge:by_training_clips"
    report_part = "avlib.systems.gating.report:report_part"
    rehearsed_by = "avlib.systems.gating.rehearsal:GatingRehearsal"
    deep = True
    sees_and_hears = True

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how one of the three is made."""
        settings = params.gating.used(params.modern.model_dump())
        from avlib.systems.gating.recorded import Hearing

        hearing = Hearing(params.speech.channels, params.speech.loudness)
        return Recipe(
            model,
            self.model_class(),
            settings={"system": model, **settings},
            source=replace(self.source(model, settings), hearing=hearing),
            starts_from=weight_files("demo/gating", "i3d", "soundnet8"),
        )

    def source(
        self, model: str, settings: Mapping[str, Any]
    ) -> "RecordedStreams | WindowDescriptors":
        """Return streams as its networks take them, and descriptors of the windows."""
        from avlib.systems.common.streams import StreamFormat
        from avlib.systems.gating.recorded import RecordedStreams
        from avlib.systems.gating.soundnet import RATE
        from avlib.systems.gating.window_descriptors import WindowDescriptors

        described = self.described(settings)
        pictures = StreamFormat(settings["size"], settings["fps"], RATE)
        if not described:
            return RecordedStreams(pictures)
        streams = StreamFormat.of_sound(RATE) if "video" in described else pictures
        windows, apex = gate_windows(model, settings)
        kept = None if described == BOTH else streams
        return WindowDescriptors(described, windows, apex is not None, kept, settings["shift"])

    def described(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the modalities of which it is to read descriptors."""
        return tuple(m for m in BOTH if settings[m] == "descriptors")
