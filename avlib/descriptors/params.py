"""Sections ``visual``, ``face_model`` and ``audio`` of params.yaml."""

from typing import Literal

from pydantic import Field

from avlib.runtime.params import Section


class Visual(Section):
    """How face chips are described."""

    backbone: Literal["dlib_resnet", "vgg_face"]
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
    """How the voice is described."""

    feature_set: Literal["is10", "egemaps"]
    level: Literal["frames", "windows", "clip"]
    window: float = Field(ge=0.1)
    hop: float = Field(gt=0)
