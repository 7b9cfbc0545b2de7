"""Section ``faces`` of params.yaml."""

from pydantic import Field

from avlib.runtime.params import Section


class Faces(Section):
    """How faces are found and followed; see `avlib.faces.clip` and `.tracking.track_faces`."""

    fps: float | None = Field(gt=0)
    detect_every: float = Field(ge=0, le=1)
    max_gap: float = Field(ge=0)
    min_score: float = Field(ge=0)
    jpeg_quality: int = Field(ge=1, le=95)
