"""AVEF as the pipeline sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from avlib.runtime.errors import ParamsError
from avlib.systems.avef.params import FIRST, TRANSFERRED, Avef
from avlib.systems.avef.tables import BINARY
from avlib.systems.common.fold_clips import PieceSource
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System, weight_files
from avlib.systems.common.tables import PREDICTIONS

if TYPE_CHECKING:
    from avlib.systems.common.estimate import Corpus
    from avlib.systems.common.rehearsal import Rehearsal


NOT_TRAINED: dict[str, Any] = {"frozen": {"audio": 0, "video": 0}, "layer_decay": 1.0}


class AVEFSystem(System):
    """AVEF with its denoising (case 2 of the paper), without (case 1), and with transfer."""

    name = "avef"
    models = {
        "avef": "AVEF: spoken segments in AlexNet and C3D, a deep belief network, their mean in an"
        " SVM",
        "avef_raw": "The same without denoising: silence is kept in both streams (case 1)",
        TRANSFERRED: "AVEF whose networks and belief network begin with those of other corpora",
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

    def offered(self, params: Any) -> list[str]:
        """Return the models; that with transfer only where it is said from where."""
        return [m for m in self.models if m != TRANSFERRED or params.avef.transfer]

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how one of the models is made."""
        settings = params.avef.used(params.modern.model_dump())
        starts_from = weight_files("alexnet", "c3d", "demo/avef")
        if model == TRANSFERRED:
            settings["weights"] = "transfer"
            starts_from = tuple(sorted(FIRST.glob("*.safetensors")))
        elif settings["weights"] == "none":
            settings |= NOT_TRAINED
        return Recipe(
            model,
            self.model_class(),
            settings={"system": model, **settings},
            source=self.source(model, settings),
            starts_from=starts_from,
        )

    def begun(self, recipe: Recipe, params: Any, numerics: str, devices: Sequence[str]) -> Recipe:
        """Train the networks of the other corpora, once for all folds; return the recipe.

        Raises
        ------
        ParamsError
            It is said that these begin with other networks.
        """
        if recipe.name != TRANSFERRED:
            return recipe
        section = params.avef
        if section.weights != "none":
            raise ParamsError(
                f"avef.transfer is {section.transfer}, whose networks learn from the beginning, and"
                f" avef.weights is {section.weights}: expected none"
            )
        from avlib.systems.avef.transfer import train_first

        train_first(self.recipe("avef", params), params, numerics, devices)
        return self.recipe(TRANSFERRED, params)  # which starts from their files

    def rehearsal(self, recipe: Recipe, corpus: "Corpus") -> "Rehearsal":
        """Return as `System.rehearsal`: networks cost the same, whatever they begin with."""
        if recipe.name == TRANSFERRED:  # whose networks may not be there yet
            recipe = replace(recipe, settings=recipe.settings | {"weights": "none"} | NOT_TRAINED)
        return super().rehearsal(recipe, corpus)

    def source(self, model: str, settings: Mapping[str, Any]) -> PieceSource:
        """Return the streams as its networks take them, cut by voice activity or not."""
        from avlib.speech.mel import SAMPLE_RATE, SegmentLength
        from avlib.systems.avef.spoken import SpokenStreams
        from avlib.systems.common.streams import StreamFormat

        kept = StreamFormat(settings["side"], settings["fps"], SAMPLE_RATE)
        length = SegmentLength.nearest(settings["segment"])
        binary = bool(settings["binary"])
        return SpokenStreams(
            kept,
            denoise=model != "avef_raw",
            binary=binary,
            length=length,
        )
