"""Section ``protocol`` of params.yaml; apart from `avlib.protocols`, on which results depend."""

from typing import Literal

from pydantic import Field

from avlib.runtime.params import Section


class Protocol(Section):
    """How clips are divided into training, validation and test parts."""

    name: Literal["subject_kfold", "stratified_kfold", "loso", "logso", "official"]
    k: int = Field(ge=2)
    validation: float = Field(gt=0, lt=1)
    seed: int = Field(ge=0)
