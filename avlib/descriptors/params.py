"""Sections ``video``, ``face_model`` and ``audio`` of params.yaml.

Which descriptors there are is checked where they are registered (`avlib.params`).
"""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from avlib.runtime.params import Positive, Section, without_repeats


def _below_raw(path: str) -> str:
    """Refuse a path that could lead out of data/raw."""
    pure = PurePosixPath(path)
    if not pure.parts or pure.is_absolute() or ".." in pure.parts or "\\" in path:
        raise ValueError("expected the path of a file or folder below data/raw")
    return path


def _below_weights(path: str) -> str:
    """Refuse a path that is no folder below data/weights."""
    pure = PurePosixPath(path)
    if pure.parts[:2] != ("data", "weights") or len(pure.parts) < 3 or ".." in pure.parts:
        raise ValueError("expected a folder below data/weights, such as data/weights/wavlm")
    return path


def _layer(value: Any) -> Any:
    """Refuse what names no layer of an encoder."""
    if value in ("last", "mean") or (type(value) is int and value >= 0):
        return value
    weights = value if isinstance(value, list | tuple) else ()
    if all(type(weight) in (int, float) and weight >= 0 for weight in weights) and sum(weights) > 0:
        return tuple(float(weight) for weight in weights)
    raise ValueError(
        "expected last, mean, the number of a layer, from 0 on, or a weight for each layer, from 0"
        " on and not all 0"
    )


def _one_group(pattern: str) -> str:
    """Refuse what is no regular expression with one group."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"is no regular expression ({error})") from None
    if groups != 1:
        raise ValueError(f"has {groups} groups (...); expected one, which is the clip's name")
    return pattern


class Table(Section):
    """Where the rows of descriptor `table` stand."""

    path: Annotated[str, AfterValidator(_below_raw)]
    clip_column: str | None = Field(min_length=1)
    clip_name: Annotated[str, AfterValidator(_one_group)] | None
    columns: Annotated[list[str], Field(min_length=1), AfterValidator(without_repeats)] | None
    rate: Positive | None


class VideoTable(Table):
    """The same, of faces."""

    min_confidence: float = Field(ge=0, le=1)


EncoderFolder = Annotated[str, AfterValidator(_below_weights)]
EncoderLayer = Annotated[int | str | tuple[float, ...], BeforeValidator(_layer)]
Views = Annotated[
    list[Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.(frames|windows|clip))?$")]],
    AfterValidator(without_repeats),
]


class Video(Section):
    """How faces are described."""

    descriptor: str
    level: Literal["frames", "clip"]
    layer: Literal["fc6", "fc7"]
    model: EncoderFolder
    model_layer: EncoderLayer
    fps: float | None = Field(gt=0)
    views: Views
    table: VideoTable


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
    model: EncoderFolder
    model_layer: EncoderLayer
    views: Views
    table: Table
