"""Section ``fisher`` of params.yaml."""

from typing import Literal

from pydantic import Field

from avlib.runtime.params import Section


class Fisher(Section):
    """How a clip's descriptors become one vector; see `avlib.fisher.FisherEncoder`."""

    components: int = Field(ge=1)
    pca_audio: int | None = Field(ge=1)
    pca_video: int | None = Field(ge=1)
    max_descriptors: int = Field(ge=1)
    backend: Literal["auto", "torch", "vlfeat"]
    seed: int = Field(ge=0)
