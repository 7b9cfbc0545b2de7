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
    validation_by: Literal["subjects", "clips"]
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

    @model_validator(mode="after")
    def _clips_where_subjects_are_shared(self) -> Self:
        if self.validation_by == "clips" and self.name != "stratified_kfold":
            raise ValueError(
                f"validation_by is clips, and name is {self.name}: expected subjects, since clips "
                "can be held out under stratified_kfold alone"
            )
        return self
