"""Section ``merml`` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from avlib.runtime.params import Candidates, Positive, Section


class Merml(Section):
    """MERML's metric; see `avlib.metric_learning.merml.MERML`. Lists are candidates."""

    dim: int = Field(ge=1)
    init: Candidates[Literal["pca", "whitened", "random"]]
    learning_rate: Candidates[Positive]
    regularisation: Candidates[Annotated[float, Field(ge=0)]]
    epochs: Candidates[Annotated[int, Field(ge=0)]]
    omega: Candidates[Literal["learned", "equal"] | Annotated[float, Field(ge=0, le=1)]]
    pairs_per_epoch: int = Field(ge=2)
    batch_size: int = Field(ge=1)
    hard_fraction: float = Field(ge=0, le=1)
    candidates: int = Field(ge=1)
    seed: int = Field(ge=0)
