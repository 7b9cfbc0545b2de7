"""Section ``speech`` of params.yaml."""

from pydantic import Field

from avlib.runtime.params import Section


class Speech(Section):
    """Voice activity."""

    vad_mode: int = Field(ge=0, le=3)
    hangover: float = Field(ge=0)
    min_speech: float = Field(ge=0)
