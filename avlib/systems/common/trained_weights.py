"""Settings of systems whose networks may begin with trained weights."""

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, model_validator

from avlib.runtime.params import Section
from avlib.systems.common.modern_params import WithRecipe

TrainedLayers = Mapping[str, Mapping[str, int]]


class Frozen(Section):
    """How many first layers of each modality's network learn nothing."""

    audio: int = Field(ge=0)
    video: int = Field(ge=0)


class WithTrainedWeights(WithRecipe):
    """The section of such a system.

    Attributes
    ----------
    trained_layers : dict of str to dict of str to int
        By value of ``weights``: the layers of each modality's network that such weights fill.
        Those of a value that is not named are as of "published".
    """

    trained_layers: ClassVar[TrainedLayers]
    weights: str
    frozen: Frozen
    layer_decay: float = Field(gt=0, le=1)

    @property
    def begins_with(self) -> str:
        """The value of ``weights`` by which networks begin that have trained ones."""
        return self.weights

    @model_validator(mode="after")
    def _of_trained_weights(self) -> Self:
        asked = self.frozen.model_dump()
        if self.begins_with == "none" and (any(asked.values()) or self.layer_decay != 1):
            raise ValueError("frozen and layer_decay are of trained weights, and weights is none")
        filled = self.trained_layers.get(self.begins_with, self.trained_layers["published"])
        for modality, n in asked.items():
            if n > filled[modality]:
                raise ValueError(
                    f"frozen.{modality} must be {filled[modality]} at most: so many layers begin"
                    " with trained weights"
                )
        return self
