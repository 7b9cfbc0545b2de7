"""Section ``speech`` of params.yaml."""

from typing import Literal

from pydantic import Field

from avlib.media import Channels
from avlib.runtime.params import Section


class Speech(Section):
    """Channels, loudness, and voice activity."""

    channels: Channels
    loudness: Literal["as_recorded", "equal"]
    vad_mode: int = Field(ge=0, le=3)
    hangover: float = Field(ge=0)
    min_speech: float = Field(ge=0)
