"""Section ``temporal_aggregation`` of params.yaml."""

from typing import Annotated, Any, Literal

from pydantic import Field

from avlib.runtime.params import Positive, all_or_some_of
from avlib.systems.common.modern_params import WithRecipe

# What ``recipe: paper`` sets, whatever stands there. ``shown`` has no meaning where each segment
# has a network of its own.
PAPER: dict[str, Any] = {
    "shared": False,
    "loss": "clip",
    "ends": "padded",
    "spectra": "level",
    "frequencies": "linear",
    "pooling": "flatten",
    "draws": 1,
}
# What the baseline sees of a clip: one face, and the sound around exactly that moment.
BASELINE: dict[str, Any] = {"segments": 1, "offset": 0.0}


class TemporalAggregation(WithRecipe):
    """Temporal aggregation; see `avlib.systems.temporal_aggregation.model`."""

    paper = PAPER
    train: Annotated[bool | list[str], all_or_some_of("temporal_aggregation", "ristea_cnn")]
    validation_curve: bool
    segments: int = Field(ge=1)
    offset: float = Field(ge=0)
    window: float = Field(ge=0.1)
    shared: bool
    shown: int = Field(ge=1)
    loss: Literal["segments", "clip"]
    ends: Literal["inside", "padded"]
    spectra: Literal["standard", "level"]
    frequencies: Literal["mel", "linear"]
    pooling: Literal["average", "flatten"]
    draws: int = Field(ge=1)
    fps: float = Field(gt=0)
    size: int = Field(ge=32, le=224)
    width: float = Field(gt=0, le=1)
    modality_dropout: float = Field(ge=0, le=1)
    batch_size: int = Field(ge=1)
    learning_rate: Positive
    decay_every: int = Field(ge=1)
    epochs: int = Field(ge=1)
    patience: int | None = Field(ge=1)
    seed: int = Field(ge=0)
