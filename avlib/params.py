"""All of ``params.yaml``, put together from the sections' types, which stand beside their users.

No result depends on this file. A new system's section is one line in `SYSTEM_SECTIONS`.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model

from avlib.corpora.demo.params import DemoCorpus
from avlib.descriptors import params as descriptors
from avlib.faces.params import Faces
from avlib.fisher.params import Fisher
from avlib.protocol_params import Protocol
from avlib.registry import DESCRIPTORS
from avlib.robustness import params as robustness
from avlib.runtime.params import Section, read, without_repeats
from avlib.speech.params import Speech
from avlib.systems.registry import DEEP, MODELS

SYSTEM_SECTIONS = {
    "svm": "avlib.systems.svm.params:SVM",
    "merml": "avlib.systems.merml.params:Merml",
    "lmnn": "avlib.systems.linear_metric.params:Lmnn",
    "itml": "avlib.systems.linear_metric.params:Itml",
    "gmml": "avlib.systems.linear_metric.params:Gmml",
    "gating": "avlib.systems.gating.params:Gating",
    "temporal_aggregation": "avlib.systems.temporal_aggregation.params:TemporalAggregation",
    "avef": "avlib.systems.avef.params:Avef",
    "emobed": "avlib.systems.emobed.params:Emobed",
    "traces": "avlib.systems.emobed.traces.params:Traces",
}
_READ_BACK = [name for name in MODELS if name not in DEEP]


def _can_be_read_back(model: str) -> str:
    if model not in _READ_BACK:
        raise ValueError(f"expected one of {', '.join(_READ_BACK)}")
    return model


def _registered(modality: str) -> AfterValidator:
    """Accept the name of a descriptor of a modality."""

    def check(name: str) -> str:
        if name not in (known := DESCRIPTORS[modality]):
            raise ValueError(f"expected one of {', '.join(sorted(known))}")
        return name

    return AfterValidator(check)


class Audio(descriptors.Audio):
    """Its section, with the descriptors that there are."""

    descriptor: Annotated[str, _registered("audio")]


class Video(descriptors.Video):
    """Its section, with the descriptors that there are."""

    descriptor: Annotated[str, _registered("video")]


class Robustness(robustness.Robustness):
    """Its section, with the models that there are."""

    models: list[Annotated[str, AfterValidator(_can_be_read_back)]]


class SharedParams(Section):
    """What concerns all systems; `Params` has the systems' sections too."""

    corpus: str = Field(min_length=1, pattern=r"^[a-z0-9_]+$")
    subset: str | None
    modalities: Annotated[
        list[Literal["audio", "video"]],
        Field(min_length=1),
        AfterValidator(without_repeats),
        AfterValidator(sorted),
    ]
    max_failed_fraction: float = Field(ge=0, le=1)
    demo_corpus: DemoCorpus
    protocol: Protocol
    faces: Faces
    video: Video
    face_model: descriptors.FaceModel
    speech: Speech
    audio: Audio
    fisher: Fisher
    robustness: Robustness

    if TYPE_CHECKING:  # a system's section, whose type only its line above names

        def __getattr__(self, name: str) -> Any: ...


def _imported(entry: str) -> Any:
    """Import what a line names: ``module:name``."""
    module, _, name = entry.partition(":")
    return getattr(import_module(module), name)


Params = create_model(
    "Params",
    __base__=SharedParams,
    **{name: _imported(entry) for name, entry in SYSTEM_SECTIONS.items()},
)


def load(names: tuple[str, ...], path: Path | str = "params.yaml") -> SharedParams:
    """Return the named sections of ``params.yaml``; see `avlib.runtime.params.read`."""
    return read(Params, names, path)
