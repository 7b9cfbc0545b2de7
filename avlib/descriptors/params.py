"""Sections ``video``, ``face_model`` and ``audio`` of params.yaml.

Which descriptors there are is checked where they are registered (`avlib.params`).
"""

from typing import Literal

from pydantic import Field

from avlib.runtime.params import Section


class Video(Section):
    """How faces are described."""

    descriptor: str
    layer: Literal["fc6", "fc7"]
    fps: float | None = Field(gt=0)


class FaceModel(Section):
    """How VGG-Face is fine-tuned on FER2013."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    patience: int = Field(ge=1)
    trainable: Literal["head", "fc6", "all"]
    seed: int = Field(ge=0)


class Audio(Section):
    """How sound is described."""

    descriptor: str
    level: Literal["frames", "windows", "clip"]
    window: float = Field(ge=0.1)
    hop: float = Field(gt=0)
