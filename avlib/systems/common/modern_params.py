"""Section ``modern`` of params.yaml, which deep systems with ``recipe: modern`` share."""

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
