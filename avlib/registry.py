"""What is registered: one line for each corpus, descriptor and system. It reruns nothing.

Names are imported when they are asked for: no stage and no fingerprint depends on this file, or on
what it names beside the one thing that is used.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from avlib.runtime import paths
from avlib.runtime.errors import CorpusError, ParamsError

if TYPE_CHECKING:
    from avlib.corpora.common.base import Reader
    from avlib.fisher.view import View
    from avlib.systems.common.system import System

CORPORA = {  # by the name of the folder under data/raw
    "baum1s": "avlib.corpora.baum1s:Baum1s",
    "crema_d": "avlib.corpora.crema_d:CremaD",
    "demo": "avlib.corpora.demo.reader:Demo",
    "enterface05": "avlib.corpora.enterface05:Enterface05",
    "omg_emotion": "avlib.corpora.omg_emotion:OmgEmotion",
    "ravdess": "avlib.corpora.ravdess:Ravdess",
    "recola": "avlib.corpora.recola:Recola",
    "rml": "avlib.corpora.rml:Rml",
}
DESCRIPTORS = {  # by modality and name, as params.yaml gives them
    "audio": {
        "egemaps": "avlib.descriptors.opensmile:EGeMAPS",
        "egemaps_v01a": "avlib.descriptors.opensmile:EGeMAPSv01a",
        "huggingface": "avlib.descriptors.encoder_audio:EncoderAudio",
        "is10": "avlib.descriptors.opensmile:IS10",
        "log_mel": "avlib.descriptors.log_mel:LogMel",
        "table": "avlib.descriptors.table_audio:AudioTable",
    },
    "video": {
        "dlib_resnet": "avlib.descriptors.dlib_resnet:DlibResNetDescriptor",
        "expression": "avlib.descriptors.expression:ExpressionDescriptor",
        "geometry": "avlib.descriptors.geometry:Geometry",
        "huggingface": "avlib.descriptors.encoder_video:EncoderVideo",
        "table": "avlib.descriptors.table_video:VideoTable",
        "vgg_face": "avlib.descriptors.vgg_face:VGGFaceDescriptor",
    },
}
SYSTEMS = {  # by the name of the stage, train_<name>; in the order of the report
    "svm": "avlib.systems.svm.system:SVMSystem",
    "late_fusion": "avlib.systems.late_fusion.system:LateFusionSystem",
    "linear_metric": "avlib.systems.linear_metric.system:LinearMetricSystem",
    "merml": "avlib.systems.merml.system:MERMLSystem",
    "cnn": "avlib.systems.cnn.system:CNNSystem",
    "gating": "avlib.systems.gating.system:GatingSystem",
    "temporal_aggregation": "avlib.systems.temporal_aggregation.system:TemporalAggregationSystem",
    "avef": "avlib.systems.avef.system:AVEFSystem",
    "emobed": "avlib.systems.emobed.system:EmoBedSystem",
    "traces": "avlib.systems.emobed.traces.system:TracesSystem",
}


def reader(corpus: str, raw: Path = paths.RAW) -> "Reader":
    """Return the reader of a corpus.

    It is one of `CORPORA`, or that of a folder below `raw` with a table of its clips, or with a
    ``corpus.yaml`` that joins some of these.

    Raises
    ------
    CorpusError
        The name is unknown, and the message lists the known ones; or ``corpus.yaml`` is wrong.
    """
    if corpus in CORPORA:
        return _made(CORPORA[corpus])
    folder = raw / corpus
    if not folder.is_dir():
        raise CorpusError(
            f"corpus: {corpus!r} is unknown; expected one of {', '.join(CORPORA)}, or a folder"
            f" {folder} with a table clips.csv of path, subject and emotion, or a corpus.yaml"
        )
    if not (folder / "corpus.yaml").is_file():
        return resolve_name("avlib.corpora.listed:ListedCorpus")(corpus)

    def member(name: str) -> "Reader":
        if name not in CORPORA and (raw / name / "corpus.yaml").is_file():
            raise CorpusError("is itself joined of several; expected its members in its place")
        return reader(name, raw)

    return resolve_name("avlib.corpora.joined:JoinedCorpus")(corpus, folder, member)


def descriptor(modality: str, settings: Mapping[str, Any]) -> Any:
    """Return the `avlib.descriptors.descriptor.Descriptor` that a section of params.yaml asks for.

    Parameters
    ----------
    modality
        "audio" or "video".
    settings
        The section of that name: ``descriptor`` and what that one is made with.

    Raises
    ------
    ParamsError
        The name is unknown, and the message lists the known ones; or the settings do not fit it.
    """
    made = _described(modality, settings, f"{modality}.descriptor is {settings['descriptor']!r}")
    level = settings.get("level", made.level)
    if level != made.level:
        raise ParamsError(
            f"{modality}.level is {level}, but {made.name} describes {made.level}; set"
            f" {modality}.level: {made.level}, or choose another {modality}.descriptor"
        )
    return made


def views(modality: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the descriptors of a modality by view, its own first.

    A view is named after descriptor and level: "is10_frames".

    Parameters
    ----------
    modality
        "audio" or "video".
    settings
        The section of that name: see `descriptor`; its ``views`` are names with level, such as
        "egemaps.clip". Without one it is the descriptor's own, "frames" where it has several,
        whatever the level of the section.

    Raises
    ------
    ParamsError
        As of `descriptor`; or a view is named twice.
    """
    key = f"{modality}.views"
    own = descriptor(modality, settings)
    made = {f"{settings['descriptor']}_{own.level}": own}
    for view in settings["views"]:
        name, _, level = view.partition(".")
        wanted = {k: value for k, value in settings.items() if k != "level"} | {"descriptor": name}
        wanted |= {"level": level} if level else {}
        found = _described(modality, wanted, f"{key} has {view!r}")
        if level and level != found.level:
            raise ParamsError(
                f"{key}: {view}: {name} describes {found.level}; write {name}.{found.level}"
            )
        if (called := f"{name}_{found.level}") in made:
            raise ParamsError(f"{key}: {view} is named twice; {modality} has it already")
        made[called] = found
    return made


def described_views(modality: str, settings: Mapping[str, Any]) -> list["View"]:
    """Return the tables that describe a modality, its own view first; arguments as of `views`."""
    from avlib.fisher.view import View

    return [
        View(
            f"{modality}.{name}",
            paths.views(modality) / name if i else paths.DESCRIPTORS[modality],
            found.level,
        )
        for i, (name, found) in enumerate(views(modality, settings).items())
    ]


def _described(modality: str, settings: Mapping[str, Any], asked: str) -> Any:
    """Make the descriptor that settings name, at their level if it has that."""
    name, known = settings["descriptor"], DESCRIPTORS[modality]
    if name not in known:
        raise ParamsError(f"{asked}; expected one of {', '.join(sorted(known))}")
    return resolve_name(known[name]).of(settings)


def system(name: str) -> "System":
    """Return a registered system by the name of its stage."""
    return _made(SYSTEMS[name])


def systems() -> list["System"]:
    """Return all registered systems."""
    return [system(name) for name in SYSTEMS]


def models() -> dict[str, "System"]:
    """Return the system of every model that predicts emotions, by the model's name."""
    return {
        model: found
        for found in systems()
        if any(schema.name == "predictions" for schema in found.tables)
        for model in found.models
    }


def vector_models() -> list[str]:
    """Return the models that learn from Fisher vectors."""
    return [name for name, system in models().items() if not system.deep]


def speaker_normalisation(normalise: str) -> dict[str, str]:
    """Return by model how it takes speakers under a value of ``speakers.normalise``.

    Only systems that learn from Fisher vectors are normalised; of all others it is "none".
    """
    return {name: "none" if system.deep else normalise for name, system in models().items()}


@functools.cache
def _made(entry: str) -> Any:
    """Make the one instance of a registered class."""
    return resolve_name(entry)()
