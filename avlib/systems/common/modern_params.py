"""Section ``modern`` of params.yaml, which deep systems with ``recipe: modern`` share."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from avlib.runtime.params import Positive, Section


class Modern(Section):
    """How networks learn; see `modern` and `spectrogram_augmentation` of `avlib.networks`."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    learning_rate: Positive
    weight_decay: float = Field(ge=0)
    warm_up: float = Field(gt=0, lt=1)
    balanced: bool
    label_smoothing: float = Field(ge=0, lt=1)
    mixup: float = Field(ge=0)
    masks: int = Field(ge=0)
    mask_bands: float = Field(ge=0, le=1)
    mask_frames: float = Field(ge=0, le=1)
    shift: float = Field(ge=0, le=0.5)
    stretch: float = Field(ge=0, le=0.5)
    flip: float = Field(ge=0, le=1)
    crop: float = Field(ge=0, le=0.5)
    light: float = Field(ge=0, le=1)
    erase: float = Field(ge=0, le=1)


class WithRecipe(Section):
    """The section of a system that learns by either recipe.

    Attributes
    ----------
    paper : dict
        What ``recipe: paper`` sets, whatever stands in params.yaml.
    """

    paper: ClassVar[dict[str, Any]]
    recipe: Literal["modern", "paper"]

    def used(self, modern: dict[str, Any]) -> dict[str, Any]:
        """Return what the system's models are made with, by the recipe.

        Parameters
        ----------
        modern
            Section ``modern``, which the paper's recipe does not know.
        """
        settings = self.model_dump(exclude={"train", "validation_curve"})
        return settings | (self.paper if self.recipe == "paper" else {"modern": modern})
