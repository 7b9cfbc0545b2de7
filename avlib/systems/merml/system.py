"""MERML as the pipeline sees it."""

from typing import Any

from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System
from avlib.systems.merml.params import Merml


class MERMLSystem(System):
    """MERML (Ghaleb, Popa, Asteriadis 2019)."""

    name = "merml"
    models = {"merml": "MERML: one learned metric per modality, their weighted sum in an RBF-SVM"}
    model = "avlib.systems.merml.model:MERMLModel"
    group = "metric learning"
    sections = {"merml": Merml}
    reads = ("svm",)

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how the metric and its SVM are learned."""
        settings = {"metric": params.merml.model_dump(), **params.svm.model_dump()}
        return Recipe(model, self.model_class(), settings=settings)
