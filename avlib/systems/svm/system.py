"""The SVM baselines as the pipeline sees them."""

from typing import Any

from avlib.systems.common.model import BOTH
from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System
from avlib.systems.svm.params import SVM

_MODALITIES = {"svm_audio": ("audio",), "svm_video": ("video",), "svm_concat": BOTH}


class SVMSystem(System):
    """An RBF-SVM on one modality's Fisher vector, and on both side by side."""

    name = "svm"
    models = {
        "svm_audio": "RBF-SVM on the audio Fisher vector",
        "svm_video": "RBF-SVM on the video Fisher vector",
        "svm_concat": "RBF-SVM on the audio and video Fisher vectors side by side",
    }
    model = "avlib.systems.svm.model:SVMModel"
    sections = {"svm": SVM}

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how one of the baselines is made."""
        used, settings = _MODALITIES[model], params.svm.model_dump()
        return Recipe(model, self.model_class(), used, needs_all=True, settings=settings)
