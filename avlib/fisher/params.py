"""Sections ``pooling``, ``fisher`` and ``speakers`` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from avlib.runtime.params import Candidates, Section

Ways = Candidates[Literal["fisher", "moments", "both", "none"]]


class PoolingSection(Section):
    """How a clip's descriptors become one vector; see `avlib.fisher.pooling`."""

    audio: Ways
    video: Ways


class Fisher(Section):
    """How Fisher vectors are made; see `avlib.fisher.encoder.FisherEncoder`."""

    components: Candidates[Annotated[int, Field(ge=1)]]
    pca_audio: Candidates[Annotated[int, Field(ge=1)] | None]
    pca_video: Candidates[Annotated[int, Field(ge=1)] | None]
    max_descriptors: int = Field(ge=1)
    backend: Literal["auto", "torch", "vlfeat"]
    seed: int = Field(ge=0)


class Speakers(Section):
    """What is known of a speaker beside the clip to recognise; see `avlib.fisher.speakers`."""

    normalise: Literal["none", "enrolled", "transductive"]
    enrolled_clips: int = Field(ge=1)
