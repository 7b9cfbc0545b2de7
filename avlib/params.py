"""All of ``params.yaml``, put together from the sections' types, which stand beside their users.

No result depends on this file; the systems' sections come from `avlib.registry`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, Field, create_model, model_validator

from avlib.corpora.common.params import LabelMap
from avlib.corpora.demo.params import DemoCorpus
from avlib.corpora.published_folds import published_folds
from avlib.descriptors import params as descriptors
from avlib.faces.params import Faces
from avlib.fisher.params import Fisher, PoolingSection, Speakers
from avlib.protocol_params import Names, Protocol
from avlib.recognizer import params as recognizer
from avlib.registry import DESCRIPTORS, models, systems, vector_models
from avlib.robustness import params as robustness
from avlib.runtime.limits import Limits
from avlib.runtime.params import Section, read, without_repeats
from avlib.speech.params import Speech

SYSTEM_SECTIONS = {name: t for system in systems() for name, t in system.sections.items()}


def _one_of(names: Sequence[str]) -> AfterValidator:
    """Accept a name that is registered."""

    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
        return name

    return AfterValidator(check)


class Audio(descriptors.Audio):
    """Its section, with the descriptors that there are."""

    descriptor: Annotated[str, _one_of(sorted(DESCRIPTORS["audio"]))]


class Video(descriptors.Video):
    """Its section, with the descriptors that there are."""

    descriptor: Annotated[str, _one_of(sorted(DESCRIPTORS["video"]))]


class Robustness(robustness.Robustness):
    """Its section, with the models that there are."""

    models: list[Annotated[str, _one_of(vector_models())]]


class Final(recognizer.Final):
    """Its section, with the models that there are."""

    systems: list[Annotated[str, _one_of(list(models()))]]


class SharedParams(Section):
    """What concerns all systems; `Params` has the systems' sections too."""

    corpus: str = Field(min_length=1, pattern=r"^[a-z0-9_]+$")
    subset: str | None
    members: Annotated[Names, AfterValidator(sorted)]
    labels: LabelMap
    modalities: Annotated[
        list[Literal["audio", "video"]],
        Field(min_length=1),
        AfterValidator(without_repeats),
        AfterValidator(sorted),
    ]
    max_failed_fraction: float = Field(ge=0, le=1)
    limits: Limits
    demo_corpus: DemoCorpus
    protocol: Protocol
    faces: Faces
    video: Video
    face_model: descriptors.FaceModel
    speech: Speech
    audio: Audio
    pooling: PoolingSection
    fisher: Fisher
    speakers: Speakers
    robustness: Robustness
    final: Final

    @model_validator(mode="after")
    def _published_list_is_of_the_corpus(self) -> Self:
        if self.protocol.folds is not None:
            published_folds(self.corpus, self.protocol.folds)
        return self

    if TYPE_CHECKING:  # a system's section, whose type the system itself names

        def __getattr__(self, name: str) -> Any: ...


Params = create_model(
    "Params",
    __base__=SharedParams,
    **cast(dict[str, Any], SYSTEM_SECTIONS),
)


def load(names: tuple[str, ...], path: Path | str = "params.yaml") -> SharedParams:
    """Return the named sections of ``params.yaml``; see `avlib.runtime.params.read`."""
    return read(Params, names, path)
