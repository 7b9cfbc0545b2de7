"""Section ``traces`` of params.yaml."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from avlib.runtime.params import Candidates, Positive, all_or_some_of, without_repeats
from avlib.systems.emobed.params import TrainingSection, Weights
from avlib.systems.emobed.traces import EVERY


class Traces(TrainingSection):
    """EmoBed for continuous emotion; see `avlib.systems.emobed.traces`."""

    train: Annotated[bool | list[str], all_or_some_of(*EVERY)]
    video: Annotated[
        list[Literal["geometry", "appearance"]],
        Field(min_length=1),
        AfterValidator(without_repeats),
    ]
    avec: bool
    loss: Literal["mse", "ccc"]
    window: Positive
    delay: float = Field(ge=0)
    beta: Weights
    margin: Positive | None
    dimensions: Literal["together", "apart"]
    svr_c: Candidates[Positive]
