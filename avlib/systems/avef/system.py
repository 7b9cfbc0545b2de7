"""AVEF as the pipeline sees it."""

from typing import Any

from avlib.systems.avef.params import Avef
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System, weight_files


class AVEFSystem(System):
    """AVEF with its denoising (case 2 of the paper) and without (case 1)."""

    name = "avef"
    models = {
        "avef": "AVEF: spoken segments in AlexNet and C3D, a deep belief network, their mean in an"
        " SVM",
        "avef_raw": "The same without denoising: silence is kept in both streams (case 1)",
    }
    model = "avlib.systems.avef.model:AVEFModel"
    sections = {"avef": Avef}
    report_part = "avlib.systems.avef.report:avef_tables"
    deep = True
    sees_and_hears = True

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how one of the two is made."""
        from avlib.speech.mel import SAMPLE_RATE
        from avlib.systems.avef.spoken import SpokenStreams
        from avlib.systems.common.stream_cache import StreamFormat

        settings = params.avef.model_dump(exclude={"train"})
        kept = StreamFormat(settings["side"], settings["fps"], SAMPLE_RATE)
        return Recipe(
            model,
            self.model_class(),
            settings={"system": model, **settings},
            source=SpokenStreams(kept, denoise=model == "avef", binary=bool(settings["binary"])),
            starts_from=weight_files("alexnet", "avef", "c3d", "demo/avef"),
        )
