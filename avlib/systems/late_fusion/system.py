"""Late fusion as the pipeline sees it."""

from typing import Any

from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System
from avlib.systems.late_fusion.params import LateFusion


class LateFusionSystem(System):
    """The weighted mean of the probabilities of ``svm_audio`` and ``svm_video``."""

    name = "late_fusion"
    models = {"late_fusion": "Weighted mean of the probabilities of svm_audio and svm_video"}
    model = "avlib.systems.late_fusion.model:LateFusionModel"
    sections = {"late_fusion": LateFusion}
    reads = ("svm",)

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how the SVMs are trained and weighted."""
        settings = {"weights": params.late_fusion.weights, **params.svm.model_dump()}
        return Recipe(model, self.model_class(), needs_all=True, settings=settings)
