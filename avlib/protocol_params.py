"""Section ``protocol`` of params.yaml; apart from `avlib.protocols`, on which results depend."""

from typing import Literal, Self

from pydantic import Field, model_validator

from avlib.runtime.params import Section


class Protocol(Section):
    """How clips are divided into training, validation and test parts."""

    name: Literal["subject_kfold", "stratified_kfold", "loso", "logso", "official", "published"]
    k: int = Field(ge=2)
    folds: str | None
    validation: float = Field(gt=0, lt=1)
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def _list_where_there_is_one(self) -> Self:
        if self.name == "published" and self.folds is None:
            raise ValueError("name is published, and folds is null: expected a published list")
        if self.name != "published" and self.folds is not None:
            raise ValueError(
                f"folds is {self.folds!r}, which has an effect under name published alone, and "
                f"name is {self.name}: set one or the other (folds: null is none)"
            )
        return self
