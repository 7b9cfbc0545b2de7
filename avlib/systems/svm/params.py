"""Section ``svm`` of params.yaml."""

from typing import Literal

from pydantic import Field

from avlib.runtime.params import Candidates, Positive, Section


class SVM(Section):
    """The RBF-SVM of every vector model; see `avlib.systems.common.vector_model.VectorModel`."""

    inner_folds: int = Field(ge=1)
    c: Candidates[Positive]
    sigma: Candidates[Positive]
    class_weight: Literal["balanced"] | None
