"""Section ``temporal_aggregation`` of params.yaml."""

from pydantic import Field

from avlib.runtime.params import Positive, Section


class TemporalAggregation(Section):
    """Temporal aggregation; see `avlib.systems.temporal_aggregation.model`."""

    train: bool
    segments: int = Field(ge=1)
    offset: float = Field(ge=0)
    window: float = Field(ge=0.1)
    shared: bool
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
