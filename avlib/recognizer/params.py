"""Section ``final`` of params.yaml."""

from pydantic import field_validator

from avlib.runtime.params import Section, without_repeats


class Final(Section):
    """Models that are trained on all labelled clips, to be kept."""

    systems: list[str]  # `avlib.params` knows which there are

    @field_validator("systems")
    @classmethod
    def _each_once(cls, values: list[str]) -> list[str]:
        return without_repeats(values)
