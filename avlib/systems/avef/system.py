"""AVEF as the pipeline sees it."""

from collections.abc import Mapping
from typing import Any

from avlib.systems.avef.params import Avef
from avlib.systems.avef.tables import BINARY
from avlib.systems.common.fold_clips import PieceSource
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System, weight_files
from avlib.systems.common.tables import PREDICTIONS


class AVEFSystem(System):
    """AVEF with its denoising (case 2 of the paper) and without (case 1)."""

    name = "avef"
    models = {
        "avef": "AVEF: spoken segments in AlexNet and C3D, a deep belief network, their mean in an"
        " SVM",
        "avef_raw": "The same without denoising: silence is kept in both streams (case 1)",
    }
    model = "avlib.systems.avef.model:AVEFModel"
    group = "deep systems"
    sections = {"avef": Avef}
    tables = (PREDICTIONS, BINARY)
    report_part = "avlib.systems.avef.report:avef_tables"
    rehearsed_by = "avlib.systems.avef.rehearsal:AVEFRehearsal"
    deep = True
    sees_and_hears = True
    reads = ("modern",)

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how one of the two is made."""
        settings = params.avef.used(params.modern.model_dump())
        return Recipe(
            model,
            self.model_class(),
            settings={"system": model, **settings},
            source=self.source(model, settings),
            starts_from=weight_files("alexnet", "avef", "c3d", "demo/avef"),
        )

    def source(self, model: str, settings: Mapping[str, Any]) -> PieceSource:
        """Return the streams as its networks take them, cut by voice activity or not."""
        from avlib.speech.mel import PAPERS, SAMPLE_RATE, SegmentLength
        from avlib.systems.avef.spoken import SpokenStreams
        from avlib.systems.common.streams import StreamFormat

        kept = StreamFormat(settings["side"], settings["fps"], SAMPLE_RATE)
        # Models that were kept before there was a choice have the paper's.
        length = SegmentLength.nearest(settings["segment"]) if "segment" in settings else PAPERS
        binary = bool(settings["binary"])
        return SpokenStreams(
            kept,
            denoise=model == "avef",
            binary=binary,
            length=length,
            transfer=settings["weights"] == "transfer",
        )
