"""Section ``cnn`` of params.yaml."""

from typing import Annotated

from pydantic import Field

from avlib.runtime.params import Positive, Section


class Cnn(Section):
    """The plain network; see `avlib.systems.cnn.model`."""

    train: bool
    channels: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1, max_length=4)]
    statistics: int = Field(ge=0)
    speeds: Annotated[list[Annotated[float, Field(ge=0.5, le=2)]], Field(min_length=1)]
    crop: Positive
    dropout: float = Field(ge=0, lt=1)
    epochs: int = Field(ge=1)
    patience: int | None = Field(ge=1)
    seed: int = Field(ge=0)
