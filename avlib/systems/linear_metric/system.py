"""LMNN, ITML and GMML as the pipeline sees them."""

from typing import Any

from avlib.systems.common.recipe import Recipe
from avlib.systems.common.system import System
from avlib.systems.linear_metric.params import Gmml, Itml, Lmnn


class LinearMetricSystem(System):
    """A metric on both modalities' Fisher vectors side by side, learned by one of three methods."""

    name = "linear_metric"
    models = {
        "lmnn": "LMNN on the PCA of both Fisher vectors side by side, in an RBF-SVM",
        "itml": "ITML on the PCA of both Fisher vectors side by side, in an RBF-SVM",
        "gmml": "GMML on the PCA of both Fisher vectors side by side, in an RBF-SVM",
    }
    model = "avlib.systems.linear_metric.model:LinearMetricModel"
    group = "metric learning"
    sections = {"lmnn": Lmnn, "itml": Itml, "gmml": Gmml}
    reads = ("svm",)

    def recipe(self, model: str, params: Any) -> Recipe:
        """Return how the metric of one method is learned; the model is named after it."""
        metric = getattr(params, model).model_dump()
        settings = {"method": model, "metric": metric, **params.svm.model_dump()}
        return Recipe(model, self.model_class(), settings=settings)
