"""Sections ``lmnn``, ``itml`` and ``gmml`` of params.yaml."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from avlib.runtime.params import Candidates, Positive, Section


class MetricSection(Section):
    """What the three methods share."""

    pca: int = Field(ge=1)
    seed: int = Field(ge=0)


class Lmnn(MetricSection):
    """LMNN's metric; see `avlib.metric_learning.lmnn.LMNN`. Lists are candidates."""

    neighbours: int = Field(ge=1)
    mu: float = Field(ge=0, le=1)
    max_iter: Candidates[Annotated[int, Field(ge=0)]]


class Itml(MetricSection):
    """ITML's metric; see `avlib.metric_learning.itml.ITML`. `gamma` are candidates."""

    gamma: Candidates[Positive]
    pairs: int = Field(ge=2)
    bounds: list[Annotated[float, Field(ge=0, le=100)]] = Field(min_length=2, max_length=2)
    max_iter: int = Field(ge=0)
    tol: Positive

    @model_validator(mode="after")
    def _bounds_ascend(self) -> Self:
        if self.bounds[0] > self.bounds[1]:
            raise ValueError("bounds must ascend")
        return self


class Gmml(MetricSection):
    """GMML's metric; see `avlib.metric_learning.gmml.GMML`. Lists are candidates."""

    t: Candidates[Annotated[float, Field(ge=0, le=1)]]
    regularisation: Candidates[Annotated[float, Field(ge=0)]]
