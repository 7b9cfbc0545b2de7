"""Section ``emobed`` of params.yaml."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from avlib.runtime.params import Candidates, Positive, Section, all_or_some_of
from avlib.systems.common.modern_params import WithRecipe

Weights = Candidates[Annotated[float, Field(ge=0)]]  # of a term of the objective
# Beginnings of the names of what a system does not use.
UNUSED_WEIGHTS = {  # alpha: of the auxiliary modality's loss; beta: of the triplets
    "emobed": (),
    "emobed_classic": ("alpha", "beta", "margin"),
    "emobed_joint": ("beta", "margin"),
    "emobed_triplet": ("alpha",),
}

# What ``recipe: paper`` sets, whatever stands there.
PAPER: dict[str, Any] = {
    "pooling": "last",
    "input_dropout": 0.0,
    "dropout": 0.0,
    "epoch_over": "target",
    "alpha_first": 0,
    "beta_ramp": 0,
}


class TrainingSection(Section):
    """What EmoBed's networks are and how they are trained, for emotions as for traces."""

    hidden: int = Field(ge=1)
    layers: int = Field(ge=1)
    alpha: Weights
    alpha_first: int = Field(ge=0)
    beta_ramp: int = Field(ge=0)
    epoch_over: Literal["larger", "target"]
    batch_size: int = Field(ge=1)
    learning_rate: Positive
    weight_decay: float = Field(ge=0)
    epochs: int = Field(ge=1)
    patience: int | None = Field(ge=1)
    seed: int = Field(ge=0)
    seeds: int = Field(ge=1)
    keep_joint: bool


class Auxiliary(Section):
    """A member of a joined corpus that only helps to train.

    Attributes
    ----------
    corpus : str
    modality : {"audio", "video"}
        What is shown of its clips. Of all others the other one is, which is to be recognised.
    """

    corpus: str
    modality: Literal["audio", "video"]


class Emobed(WithRecipe, TrainingSection):
    """EmoBed and what it is compared with; see `avlib.systems.emobed.model`."""

    paper = PAPER
    train: Annotated[bool | list[str], all_or_some_of(*UNUSED_WEIGHTS)]
    pooling: Literal["mean", "last"]
    input_dropout: float = Field(ge=0, lt=1)
    dropout: float = Field(ge=0, lt=1)
    auxiliary: Auxiliary | None
    control: Literal["noise", "shuffled", "intramodal"] | None
    window: Positive | None
    step: Positive
    beta_audio: Weights
    beta_video: Weights
    margin: float | None = Field(ge=0)

    @model_validator(mode="after")
    def _a_control_of_something(self) -> Self:
        if self.control and not self.auxiliary:
            raise ValueError(
                f"control is {self.control}, which stands in place of an auxiliary corpus, and"
                " auxiliary is null: set both, or neither"
            )
        return self


def without_unasked(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings without ``keep_joint`` where it is false: nothing is otherwise than before.

    Neither what is remembered of a fold nor the bytes of its model then depend on it.
    """
    if settings["keep_joint"]:
        return settings
    return {name: value for name, value in settings.items() if name != "keep_joint"}
