"""Section ``merml`` of params.yaml."""

from typing import Literal

from pydantic import Field

from avlib.runtime.params import Section


class Merml(Section):
    """MERML's metric; see `avlib.metric_learning.MERML`."""

    dim: int = Field(ge=1)
    init: Literal["pca", "random"]
    learning_rate: float = Field(gt=0)
    epochs: int = Field(ge=0)
    pairs_per_epoch: int = Field(ge=2)
    batch_size: int = Field(ge=1)
    hard_fraction: float = Field(ge=0, le=1)
    candidates: int = Field(ge=1)
    seed: int = Field(ge=0)
