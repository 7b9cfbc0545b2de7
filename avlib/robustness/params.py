"""Section ``robustness`` of params.yaml."""

from typing import Annotated, Any

from pydantic import Field, field_validator

from avlib.runtime.params import Section, without_repeats

Share = Annotated[float, Field(gt=0, le=1)]


class Robustness(Section):
    """Corruptions of test clips, and the models that are tried on them."""

    models: list[str]  # `avlib.params` knows which there are
    snr: list[float] = Field(min_length=1)
    occlusion: list[Share] = Field(min_length=1)
    missing: list[Share] = Field(min_length=1)
    seed: int = Field(ge=0)

    @field_validator("models", "snr", "occlusion", "missing")
    @classmethod
    def _each_once(cls, values: list[Any]) -> list[Any]:
        return without_repeats(values)
