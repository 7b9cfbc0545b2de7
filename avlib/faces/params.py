"""Section ``faces`` of params.yaml."""

from typing import Annotated

from pydantic import AfterValidator, Field

from avlib.runtime.params import Section


def _seconds(value: float) -> float:
    """Refuse a number of frames, as older files have it."""
    if value >= 1:
        raise ValueError("expected seconds below 1, such as 0.4; it does not count frames any more")
    return value


class Faces(Section):
    """How faces are found and followed; see `avlib.faces.clip` and `.tracking.track_faces`."""

    fps: float | None = Field(gt=0)
    detect_every: Annotated[float, AfterValidator(_seconds)] = Field(ge=0)
    max_gap: float = Field(ge=0)
    min_score: float = Field(ge=0)
    jpeg_quality: int = Field(ge=1, le=95)
