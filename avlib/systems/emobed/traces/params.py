"""Section ``traces`` of params.yaml."""

from typing import Literal

from pydantic import Field

from avlib.runtime.params import Positive, Section


class Traces(Section):
    """EmoBed for continuous emotion; see `avlib.systems.emobed.traces`."""

    train: bool
    video: Literal["geometry", "descriptors"]
    avec: bool
    loss: Literal["mse", "ccc"]
    window: Positive
    delay: float = Field(ge=0)
    alpha: float = Field(ge=0)
    beta: float = Field(ge=0)
    margin: Positive | None
    hidden: int = Field(ge=1)
    layers: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: Positive
    weight_decay: float = Field(ge=0)
    epochs: int = Field(ge=1)
    patience: int | None = Field(ge=1)
    seed: int = Field(ge=0)
