"""Section ``demo_corpus`` of params.yaml."""

from pydantic import Field

from avlib.runtime.params import Section


class DemoCorpus(Section):
    """What the generated demo corpus consists of."""

    subjects: int = Field(ge=2)
    takes: int = Field(ge=1)
    seconds: list[float] = Field(min_length=2, max_length=2)
    seed: int = Field(ge=0)
