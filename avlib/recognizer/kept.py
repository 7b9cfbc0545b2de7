"""What is in the folder of a model that is kept, and how it is read back.

``final.json``
    Format, model, emotions in the order of their codes, the sections of params.yaml that say how a
    recording is described, digests of networks that describe it, versions of the libraries.
``model/``
    What the model's ``save`` wrote.
``encoders/<modality>.npz``
    From descriptors to vectors, see `avlib.fisher.view`.
``face_network.safetensors``
    Where the faces are described by a network whose weights come with no package.
``MODEL_CARD.md``
    For people.

Where ``final.json`` names ``parts``, the folder holds such a folder for each, and its
probabilities are the mean over the parts that can say something.

Such a folder may come from anywhere: it holds numbers and text, nothing in it is executed, and
whatever is wrong with it is one line.
"""

import json
import platform
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from safetensors import SafetensorError

from avlib import registry
from avlib.descriptors import params as descriptor_params
from avlib.descriptors.descriptor import Descriptor
from avlib.descriptors.encoder_folder import encoder_digest
from avlib.descriptors.table import Table
from avlib.faces.params import Faces
from avlib.fisher.params import Fisher, PoolingSection, Speakers
from avlib.fisher.view import ViewEncoder, load_encoders
from avlib.recognizer.expression_model import ExpressionSystem
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import AvlibError, DataError, ParamsError
from avlib.speech.params import Speech
from avlib.systems.common.fold_clips import FisherVectors, PieceReader
from avlib.systems.common.model import Model
from avlib.systems.common.system import System

FORMAT = 2  # of the folder; another number cannot be read here
FACTS, CARD, MODEL, ENCODERS = "final.json", "MODEL_CARD.md", "model", "encoders"
FACE_NETWORK = "face_network.safetensors"


SETTINGS: dict[str, Any] = {  # sections of params.yaml, and their types
    "speech": Speech,
    "faces": Faces,
    "audio": descriptor_params.Audio,
    "video": descriptor_params.Video,
    "pooling": PoolingSection,
    "fisher": Fisher,
    "modalities": list[str],
    "speakers": Speakers,
}
LIBRARIES = (
    "avlib", "av", "dlib-bin", "librosa", "numpy", "opensmile", "pillow", "scikit-learn", "scipy",
    "soxr", "torch", "webrtcvad-wheels",
)  # fmt: skip
LARGEST = 2**31  # bytes of arrays in one file that are read


@dataclass(frozen=True)
class Kept:
    """A model that was read back.

    Attributes
    ----------
    name : str
    corpus : str
        That it learned from.
    model : Model
    emotions : list of str
        In the order of the probabilities.
    settings : dict
        By section of params.yaml.
    source : FisherVectors or PieceReader
        What it learned from.
    descriptors : dict of str to dict of str to Descriptor
        By modality that the model uses, and by view; none of one that it sees or hears itself.
    encoders : dict of str to dict of str to ViewEncoder
        Likewise; none where it learned from other things than vectors.
    versions : dict of str to str
        Of the libraries that it was trained with.
    """

    name: str
    corpus: str
    model: Model
    emotions: list[str]
    settings: dict[str, Any]
    source: FisherVectors | PieceReader
    descriptors: dict[str, dict[str, Descriptor]]
    encoders: dict[str, dict[str, ViewEncoder]]
    versions: dict[str, str]


def require_keepable(name: str, params: Any) -> None:
    """Raise ParamsError, in one line, where a model cannot be kept with these parameters."""
    system = registry.models()[name]
    if not system.deep and params.speakers.normalise != "none":
        raise ParamsError(
            f"speakers.normalise is {params.speakers.normalise}: it takes other clips of a speaker,"
            " which a recording by itself has not; set it to none to keep a model"
        )
    read = system.described(system.recipe(name, params).settings)
    for modality in (m for m in params.modalities if m in read):
        section = getattr(params, modality).model_dump()
        named = [section["descriptor"], *(view.partition(".")[0] for view in section["views"])]
        if Table.name in named:
            raise ParamsError(
                f"{modality}.descriptor or views name table, and a recording that is in no corpus"
                " has no rows there; choose another descriptor to keep a model"
            )


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that make results."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write ``final.json``."""
    whole = {"format": FORMAT, **facts, "versions": versions()}
    (folder / FACTS).write_text(json.dumps(whole, indent=2, sort_keys=True) + "\n")


@dataclass(frozen=True)
class Whole:
    """What a folder holds.

    Attributes
    ----------
    name : str
    parts : tuple of Kept
        Which tell the same emotions apart; one, where it is no folder of several.
    """

    name: str
    parts: tuple[Kept, ...]


class _Fused(BaseModel, extra="ignore", strict=True):
    """What ``final.json`` holds where there are several parts."""

    format: Literal[2]
    model: str
    parts: Annotated[list[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]], Field(min_length=1)]


def read_whole(folder: Path) -> Whole:
    """Read a folder of one model, or of several as parts of one.

    Raises
    ------
    DataError
        As of `read`; or the parts differ in their emotions.
    """
    facts = _json(folder)
    if "parts" not in facts:
        kept = read(folder)
        return Whole(kept.name, (kept,))
    try:
        fused = _Fused.model_validate(facts)
    except ValidationError as error:
        raise _misfit(folder / FACTS, error) from None
    parts = tuple(read(folder / name) for name in fused.parts)
    if len({tuple(part.emotions) for part in parts}) > 1:
        raise DataError(
            f"{folder}: its parts {', '.join(fused.parts)} tell other emotions apart; expected the"
            " same ones in the same order; copy or export the model again"
        )
    return Whole(fused.model, parts)


def read(folder: Path) -> Kept:
    """Read the folder of one model.

    Raises
    ------
    DataError
        It is none of a kept model, of another format, lacks a part, or a part is damaged.
    """
    facts = _read_facts(folder)
    settings, name = facts["settings"], facts["model"]
    system = _systems()[name]
    try:
        for file in sorted(folder.rglob("*.npz")):
            _check_size(file)
        model = system.model_class().load(folder / MODEL)
        source = system.source(name, model.arguments())
        read = system.described(model.arguments())
        described = tuple(m for m in model.modalities if m in read)
        _check_digests(folder, facts)
        network = folder / FACE_NETWORK
        weights = {"weights": network.absolute(), "sha256": facts["face_network"]}
        descriptors = {
            modality: registry.views(
                modality,
                settings[modality]
                | facts["encoder_digests"].get(modality, {})
                | (weights if modality == "video" and network.is_file() else {}),
            )
            for modality in described
        }
        encoders = {
            modality: load_encoders(
                folder / ENCODERS / f"{modality}.npz", settings["fisher"]["backend"]
            )
            for modality in (described if isinstance(source, FisherVectors) else ())
        }
    except FileNotFoundError as error:
        missing = Path(error.filename).relative_to(folder)
        raise DataError(f"{folder}: {missing} is missing; copy or export the model again") from None
    except DataError:
        raise
    except (AttributeError, EOFError, KeyError, MemoryError, OSError, RuntimeError,
            SafetensorError, TypeError, ValueError, zipfile.BadZipFile) as error:  # fmt: skip
        raise DataError(
            f"{folder}: the model cannot be read back ({type(error).__name__}: {error}); copy or"
            " export it again"
        ) from error
    if model.n_classes != len(facts["emotions"]):
        raise DataError(
            f"{folder}: the model tells {model.n_classes} emotions apart and {FACTS} names"
            f" {len(facts['emotions'])}; copy or export the model again"
        )
    for modality, encoded in encoders.items():
        expected = [f"{modality}.{view}" for view in descriptors[modality]]
        if list(encoded) != expected:
            raise DataError(
                f"{folder}: {modality} is described by {', '.join(expected)}, but encoded as"
                f" {', '.join(encoded)}; copy or export the model again"
            )
    return Kept(
        name,
        facts["corpus"],
        model,
        facts["emotions"],
        settings,
        source,
        descriptors,
        encoders,
        facts["versions"],
    )


class _Facts(BaseModel, extra="ignore", strict=True):
    """What ``final.json`` must hold."""

    format: int
    model: str
    corpus: str
    emotions: list[str]
    settings: dict[str, Any]
    encoder_digests: dict[str, dict[str, str]]
    face_network: str
    versions: dict[str, str]


def _json(folder: Path) -> dict[str, Any]:
    """Read ``final.json``, as far as it is of this format."""
    file = folder / FACTS
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{folder}: {FACTS} is missing; expected the folder of a model that was kept, such as"
            " data/final/merml, or a file of `python -m avlib export`"
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: cannot be read ({error}); copy or export it again") from None
    if not isinstance(values, dict):
        raise DataError(f"{file}: holds no object; copy or export it again")
    if values.get("format", FORMAT) != FORMAT:
        raise DataError(
            f"{file}: is of format {values['format']}; expected {FORMAT}: keep the model again with"
            " this version, `dvc repro final`"
        )
    return values


def _misfit(file: Path, error: ValidationError) -> DataError:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "settings"
    return DataError(f"{file}: {where}: {first['msg']}; copy or export the model again")


def _read_facts(folder: Path) -> dict[str, Any]:
    """Read and check ``final.json`` of one model."""
    values, file = _json(folder), folder / FACTS
    try:
        facts = _Facts.model_validate(values).model_dump()
        for name, section in SETTINGS.items():
            checked = TypeAdapter(section).validate_python(facts["settings"].get(name))
            facts["settings"][name] = checked if name == "modalities" else checked.model_dump()
    except ValidationError as error:
        raise _misfit(file, error) from None
    if facts["model"] not in _systems():
        raise DataError(
            f"{file}: model {facts['model']!r} is unknown here; expected one of"
            f" {', '.join(_systems())}"
        )
    return facts


def _systems() -> dict[str, System]:
    """Return the system of every model that can be read back, by the model's name."""
    return registry.models() | {"expression": ExpressionSystem()}


def _check_size(file: Path) -> None:
    """Raise DataError where a file of arrays would take absurdly much memory."""
    with zipfile.ZipFile(file) as arrays:
        size = sum(entry.file_size for entry in arrays.infolist())
    if size > LARGEST:
        raise DataError(f"{file}: holds {size:,} bytes of arrays; expected at most {LARGEST:,}")


def _check_digests(folder: Path, facts: Mapping[str, Any]) -> None:
    """Raise DataError where a network that describes recordings is not the one of the training."""
    network = folder / FACE_NETWORK
    if facts["face_network"] and file_digest(network) != facts["face_network"]:
        raise DataError(
            f"{network}: is not the network that the model was trained with; copy or export it"
            " again"
        )
    for modality, known in facts["encoder_digests"].items():
        try:
            here = encoder_digest(modality, facts["settings"][modality]) if known else {}
        except AvlibError as error:
            raise DataError(f"{folder}: needs the encoder of its {modality}: {error}") from None
        if here != known:
            raise DataError(
                f"{facts['settings'][modality]['model']}: is not the encoder of {modality} that"
                " the model was trained with; put that one there"
            )
