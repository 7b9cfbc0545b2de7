"""EmoBed for emotions as the pipeline sees it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from avlib.runtime.errors import ParamsError
from avlib.systems.common.fold_clips import PieceSource
from avlib.systems.common.model import BOTH
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System
from avlib.systems.emobed.params import UNUSED_WEIGHTS, Emobed, without_unasked

if TYPE_CHECKING:
    from avlib.systems.common.estimate import Corpus
    from avlib.systems.common.rehearsal import Rehearsal

WEIGHTS = ("alpha", "beta_audio", "beta_video")  # of the other modality


def used_weights(model: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with 0 for each weight (alpha, the betas) that a system does not use."""
    unused = UNUSED_WEIGHTS[model]
    return {name: 0.0 if name.startswith(unused) else value for name, value in settings.items()}


class EmoBedSystem(System):
    """EmoBed, and the three systems that its paper compares it with."""

    name = "emobed"
    models = {
        "emobed": "EmoBed: a GRU network per modality, trained with the other's loss and triplets",
        "emobed_classic": "The same networks, each trained on its modality alone",
        "emobed_joint": "The same with the other modality's loss, without triplets",
        "emobed_triplet": "The same with crossmodal triplets, without the other modality's loss",
    }
    model = "avlib.systems.emobed.model:EmoBedModel"
    group = "EmoBed's family"
    sections = {"emobed": Emobed}
    fold_trainer = "avlib.systems.emobed.seeds:train_seeds"
    report_part = "avlib.systems.emobed.report:emobed_section"
    rehearsed_by = "avlib.systems.emobed.rehearsal:EmoBedRehearsal"
    deep = True
    reads = ("modern",)

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how one of the four is made; what it does not use retrains nothing.

        Raises
        ------
        ParamsError
            A corpus helps, and one of the modalities is not used.
        """
        given = without_unasked(params.emobed.used(params.modern.model_dump()))
        settings = used_weights(model, given)
        if helping := settings["auxiliary"]:
            if len(params.modalities) < len(BOTH):
                raise ParamsError(
                    f"emobed.auxiliary.modality is {helping['modality']}, and modalities is"
                    f" [{', '.join(params.modalities)}]: expected both, the one that helps and the"
                    " one that is recognised"
                )
            if not any(settings[weight] for weight in WEIGHTS):
                settings["control"] = None
        return Recipe(
            model,
            self.model_class(),
            settings={"system": model, **settings},
            source=self.source(model, settings),
        )

    def rehearsal(self, recipe: Recipe, corpus: "Corpus") -> "Rehearsal":
        """Return what tells the cost of a fold: of all its seeds."""
        one = super().rehearsal(recipe, corpus)
        return replace(one, n_clips=recipe.settings["seeds"] * one.n_clips)

    def source(self, model: str, settings: Mapping[str, Any]) -> PieceSource:
        """Return functionals of frame descriptors over its windows."""
        from avlib.systems.emobed.functional_clips import FrameFunctionals

        helping = settings.get("auxiliary") or {}
        return FrameFunctionals(settings["window"], settings["step"], helping.get("modality"))
