"""Section ``gating`` of params.yaml."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from avlib.runtime.params import Positive, all_or_some_of
from avlib.systems.common.trained_weights import WithTrainedWeights

# What ``recipe: paper`` sets, whatever stands there.
PAPER: dict[str, Any] = {
    "audio": "soundnet",
    "video": "i3d",
    "dropout": 0.0,
}

TRAINED_LAYERS = {"published": {"audio": 7, "video": 12}}


class Gating(WithTrainedWeights):
    """The gating paradigm; see `avlib.systems.gating.model`."""

    paper = PAPER
    trained_layers = TRAINED_LAYERS
    train: Annotated[bool | list[str], all_or_some_of("gating", "gating_lstm", "gating_global")]
    audio: Literal["descriptors", "soundnet"]
    video: Literal["descriptors", "i3d"]
    weights: Literal["none", "published", "demo"]
    windows: int = Field(ge=1)
    length: float = Field(gt=0)
    overlap: float = Field(ge=0)
    fps: float = Field(gt=0)
    size: int = Field(ge=32, le=224)
    crop: int = Field(ge=32)
    width: float = Field(gt=0, le=1)
    shared: int = Field(ge=1)
    embedding: int = Field(ge=1)
    margin: float = Field(gt=0)
    cross_modal: bool
    mining: Literal["windows", "each"]
    mse: bool
    augmentation: Literal["batch", "clip"]
    apex: Literal["middle", "loudest"]
    triplets: float = Field(ge=0, le=1)
    triplet_weight: float = Field(ge=0)
    shift: float = Field(ge=0)
    dropout: float = Field(ge=0, lt=1)
    per_class: int = Field(ge=2)
    learning_rate: Positive
    weight_decay: float = Field(ge=0)
    softmax_epochs: int = Field(ge=0)
    epochs: int = Field(ge=0)
    patience: int | None = Field(ge=1)
    neighbours: int = Field(ge=1)
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.shift > self.length / 2:
            raise ValueError("shift must not be larger than half of length")
        if self.overlap >= self.length:
            raise ValueError("overlap must be smaller than length")
        described = self.recipe == "modern" and "descriptors" in (self.audio, self.video)
        if self.apex == "loudest" and described:
            raise ValueError(
                "apex: loudest is of clips that are seen and heard: set audio to soundnet and video"
                " to i3d, or recipe to paper"
            )
        if self.crop > self.size:
            raise ValueError("crop must not be larger than size")
        if self.length < 0.21:
            raise ValueError(
                "length must be 0.21 s at least, the shortest sound that SoundNet takes"
            )
        if round(self.length * self.fps) < 1:
            raise ValueError("fps must give one chip a window at least")
        if self._softmax_epochs() + self.epochs < 1 or (self.patience and self.epochs < 1):
            raise ValueError("epochs must be 1 at least; 0 only after softmax_epochs, no patience")
        return self

    def used(self, modern: dict[str, Any]) -> dict[str, Any]:
        """Return what the models are made with; published networks learned by softmax before."""
        return super().used(modern) | {"softmax_epochs": self._softmax_epochs()}

    def _softmax_epochs(self) -> int:
        return 0 if self.weights == "published" else self.softmax_epochs
