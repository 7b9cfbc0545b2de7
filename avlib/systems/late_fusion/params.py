"""Section ``late_fusion`` of params.yaml."""

from typing import Annotated

from pydantic import Field

from avlib.runtime.params import Candidates, Section


class LateFusion(Section):
    """How the probabilities of the SVMs of both modalities are weighted."""

    weights: Candidates[Annotated[float, Field(ge=0, le=1)]]
