"""Sections ``lmnn``, ``itml`` and ``gmml`` of params.yaml."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from avlib.runtime.params import Positive, Section


class Lmnn(Section):
    """LMNN's metric; see `avlib.metric_learning.lmnn.LMNN`. Lists are candidates."""

    pca: int = Field(ge=1)
    neighbours: int = Field(ge=1)
    mu: float = Field(ge=0, le=1)
    max_iter: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    seed: int = Field(ge=0)


class Itml(Section):
    """ITML's metric; see `avlib.metric_learning.itml.ITML`. `gamma` are candidates."""

    pca: int = Field(ge=1)
    gamma: list[Positive] = Field(min_length=1)
    pairs: int = Field(ge=2)
    bounds: list[Annotated[float, Field(ge=0, le=100)]] = Field(min_length=2, max_length=2)
    max_iter: int = Field(ge=0)
    tol: float = Field(gt=0)
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def _bounds_ascend(self) -> Self:
        if self.bounds[0] > self.bounds[1]:
            raise ValueError("bounds must ascend")
        return self


class Gmml(Section):
    """GMML's metric; see `avlib.metric_learning.gmml.GMML`. Lists are candidates."""

    pca: int = Field(ge=1)
    t: list[Annotated[float, Field(ge=0, le=1)]] = Field(min_length=1)
    regularisation: list[Annotated[float, Field(ge=0)]] = Field(min_length=1)
    seed: int = Field(ge=0)
