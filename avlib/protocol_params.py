"""Section ``protocol`` of params.yaml; apart from `avlib.protocols`, on which results depend."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from avlib.runtime.params import Section, without_repeats

CROSS_CORPUS, OFFICIAL = "cross_corpus", "official"
PARTS = ("train", "validation", "test")  # as in `avlib.protocols`, on which results depend
Names = Annotated[
    list[str], BeforeValidator(lambda names: names or []), AfterValidator(without_repeats)
]


class Protocol(Section):
    """How clips are divided into training, validation and test parts."""

    name: Literal[
        "subject_kfold",
        "stratified_kfold",
        "loso",
        "logso",
        "official",
        "published",
        "cross_corpus",
        "leave_one_corpus_out",
    ]
    k: int = Field(ge=2)
    folds: str | None
    train: Names = Field(default_factory=list)
    test: Names = Field(default_factory=list)
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
    def _what_is_learned_from_and_tested(self) -> Self:
        if self.name not in (CROSS_CORPUS, OFFICIAL):
            if self.train or self.test:
                raise ValueError(
                    f"train is {self.train}, test is {self.test}, which have an effect under names"
                    f" {CROSS_CORPUS} and {OFFICIAL} alone, and name is {self.name}: expected []"
                )
            return self
        if self.name == OFFICIAL and not (self.train or self.test):
            return self
        named = "parts" if self.name == OFFICIAL else "members"
        if not (self.train and self.test):
            raise ValueError(
                f"name is {self.name}, train is {self.train}, test is {self.test}: expected the"
                f" {named} of the corpus to learn from, and those to test"
            )
        if both := sorted(set(self.train) & set(self.test)):
            raise ValueError(f"{both[0]} is in train and in test: expected it in one of them alone")
        if self.name == OFFICIAL and (odd := {*self.train, *self.test} - {*PARTS}):
            raise ValueError(
                f"{sorted(odd)[0]} is no part of an official partition: expected some of"
                f" {', '.join(PARTS)}"
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
