"""Section ``speech`` of params.yaml."""

from typing import Literal

from pydantic import Field

from avlib.runtime.params import Section


class Speech(Section):
    """Channels, loudness, and voice activity."""

    channels: Literal["mean", "left", "right", "loudest"]  # `media.Channels`, which loads PyAV
    loudness: Literal["as_recorded", "equal"]
    vad_mode: int = Field(ge=0, le=3)
    hangover: float = Field(ge=0)
    min_speech: float = Field(ge=0)
