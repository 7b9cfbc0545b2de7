"""Section ``traces`` of params.yaml."""

from typing import Literal

from pydantic import Field

from avlib.runtime.params import Positive
from avlib.systems.emobed.params import TrainingSection, Weights


class Traces(TrainingSection):
    """EmoBed for continuous emotion; see `avlib.systems.emobed.traces`."""

    train: bool
    video: Literal["geometry", "descriptors"]
    avec: bool
    loss: Literal["mse", "ccc"]
    window: Positive
    delay: float = Field(ge=0)
    beta: Weights
    margin: Positive | None
