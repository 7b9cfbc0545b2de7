"""``params.yaml`` as checked types.

The whole file is validated whenever a stage starts, so that a typing slip anywhere is an error
before anything is computed; a stage is then handed only the sections that it names, which are the
ones that its entry in ``dvc.yaml`` lists (a test compares the two).
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from avlib.runtime.errors import ParamsError

# What `demo:` may change: these are the demo.* keys that dvc.yaml tracks.
OVERLAID = ("protocol", "visual", "gating", "temporal_aggregation", "avef", "emobed", "traces")

Modality = Literal["audio", "video"]
Positive = Annotated[float, Field(gt=0)]


def _all_or_some_of(*systems: str) -> BeforeValidator:
    """Accept true, false, or a list of some systems."""

    def check(value: Any) -> Any:
        if isinstance(value, bool):
            return value
        if not isinstance(value, list) or not all(name in systems for name in value):
            raise ValueError(f"expected true, false or a list of some of {', '.join(systems)}")
        return _without_repeats(value)

    return BeforeValidator(check)


class Section(BaseModel):
    """A part of ``params.yaml``: unknown keys are errors, values cannot be changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DemoCorpus(Section):
    """What the generated demo corpus consists of."""

    subjects: int = Field(ge=2)
    takes: int = Field(ge=1)
    seconds: list[float] = Field(min_length=2, max_length=2)
    seed: int = Field(ge=0)


class Protocol(Section):
    """How clips are divided into training, validation and test parts."""

    name: Literal["subject_kfold", "stratified_kfold", "loso", "logso", "official"]
    k: int = Field(ge=2)
    validation: float = Field(gt=0, lt=1)
    seed: int = Field(ge=0)


class Faces(Section):
    """How faces are found and followed; see `avlib.faces.tracking.track_faces`."""

    detect_every: int = Field(ge=1)
    max_gap: float = Field(ge=0)
    min_score: float = Field(ge=0)
    jpeg_quality: int = Field(ge=1, le=95)


class Visual(Section):
    """How face chips are described."""

    backbone: Literal["dlib_resnet", "vgg_face"]
    layer: Literal["fc6", "fc7"]
    fps: float | None = Field(gt=0)


class FaceModel(Section):
    """How VGG-Face is fine-tuned on FER2013."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    patience: int = Field(ge=1)
    trainable: Literal["head", "fc6", "all"]
    seed: int = Field(ge=0)


class Speech(Section):
    """Voice activity."""

    vad_mode: int = Field(ge=0, le=3)
    hangover: float = Field(ge=0)
    min_speech: float = Field(ge=0)


class Audio(Section):
    """How the voice is described."""

    feature_set: Literal["is10", "egemaps"]
    level: Literal["frames", "windows", "clip"]
    window: float = Field(ge=0.1)
    hop: float = Field(gt=0)


class Fisher(Section):
    """How a clip's descriptors become one vector; see `avlib.fisher.FisherEncoder`."""

    components: int = Field(ge=1)
    pca_audio: int | None = Field(ge=1)
    pca_video: int | None = Field(ge=1)
    max_descriptors: int = Field(ge=1)
    backend: Literal["auto", "torch", "vlfeat"]
    seed: int = Field(ge=0)


class SVM(Section):
    """The RBF-SVM of every vector model; see `avlib.systems.common.kernel_svm.KernelSVM`."""

    c: list[Positive] = Field(min_length=1)
    sigma: list[Positive] = Field(min_length=1)
    class_weight: Literal["balanced"] | None


class Merml(Section):
    """MERML's metric; see `avlib.metric_learning.MERML`."""

    dim: int = Field(ge=1)
    init: Literal["pca", "random"]
    learning_rate: float = Field(gt=0)
    epochs: int = Field(ge=0)
    pairs_per_epoch: int = Field(ge=2)
    batch_size: int = Field(ge=1)
    hard_fraction: float = Field(ge=0, le=1)
    candidates: int = Field(ge=1)
    seed: int = Field(ge=0)


Share = Annotated[float, Field(gt=0, le=1)]


class Robustness(Section):
    """Corruptions of test clips, and the models that are tried on them."""

    models: list[Literal["svm_audio", "svm_video", "svm_concat", "lmnn", "itml", "gmml", "merml"]]
    snr: list[float] = Field(min_length=1)
    occlusion: list[Share] = Field(min_length=1)
    missing: list[Share] = Field(min_length=1)
    seed: int = Field(ge=0)

    @field_validator("models", "snr", "occlusion", "missing")
    @classmethod
    def _each_once(cls, values: list[Any]) -> list[Any]:
        return _without_repeats(values)


class Lmnn(Section):
    """LMNN's metric; see `avlib.metric_learning.lmnn.LMNN`. Lists are candidates."""

    pca: int = Field(ge=1)
    neighbours: int = Field(ge=1)
    mu: float = Field(ge=0, le=1)
    max_iter: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    seed: int = Field(ge=0)


class Itml(Section):
    """ITML's metric; see `avlib.metric_learning.itml.ITML`. `gamma` are candidates."""

    pca: int = Field(ge=1)
    gamma: list[Positive] = Field(min_length=1)
    pairs: int = Field(ge=2)
    bounds: list[Annotated[float, Field(ge=0, le=100)]] = Field(min_length=2, max_length=2)
    max_iter: int = Field(ge=0)
    tol: float = Field(gt=0)
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def _bounds_ascend(self) -> Self:
        if self.bounds[0] > self.bounds[1]:
            raise ValueError("bounds must ascend")
        return self


class Gmml(Section):
    """GMML's metric; see `avlib.metric_learning.gmml.GMML`. Lists are candidates."""

    pca: int = Field(ge=1)
    t: list[Annotated[float, Field(ge=0, le=1)]] = Field(min_length=1)
    regularisation: list[Annotated[float, Field(ge=0)]] = Field(min_length=1)
    seed: int = Field(ge=0)


class Gating(Section):
    """The gating paradigm; see `avlib.systems.gating.model`."""

    train: Annotated[bool | list[str], _all_or_some_of("gating", "gating_lstm", "gating_global")]
    weights: Literal["none", "published", "demo"]
    windows: int = Field(ge=1)
    length: float = Field(gt=0)
    overlap: float = Field(ge=0)
    fps: float = Field(gt=0)
    size: int = Field(ge=32, le=224)
    crop: int = Field(ge=32)
    width: float = Field(gt=0, le=1)
    shared: int = Field(ge=1)
    embedding: int = Field(ge=1)
    margin: float = Field(gt=0)
    cross_modal: bool
    per_class: int = Field(ge=2)
    learning_rate: Positive
    weight_decay: float = Field(ge=0)
    softmax_epochs: int = Field(ge=0)
    epochs: int = Field(ge=0)
    patience: int | None = Field(ge=1)
    neighbours: int = Field(ge=1)
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.overlap >= self.length:
            raise ValueError("overlap must be smaller than length")
        if self.crop > self.size:
            raise ValueError("crop must not be larger than size")
        if self.length < 0.21:
            raise ValueError(
                "length must be 0.21 s at least, the shortest sound that SoundNet takes"
            )
        if round(self.length * self.fps) < 1:
            raise ValueError("fps must give one chip a window at least")
        if self.softmax_epochs + self.epochs < 1 or (self.patience and self.epochs < 1):
            raise ValueError("epochs must be 1 at least; 0 only after softmax_epochs, no patience")
        return self


class TemporalAggregation(Section):
    """Temporal aggregation; see `avlib.systems.temporal_aggregation.model`."""

    train: bool
    segments: int = Field(ge=1)
    offset: float = Field(ge=0)
    window: float = Field(ge=0.1)
    shared: bool
    fps: float = Field(gt=0)
    size: int = Field(ge=32, le=224)
    width: float = Field(gt=0, le=1)
    modality_dropout: float = Field(ge=0, le=1)
    batch_size: int = Field(ge=1)
    learning_rate: Positive
    decay_every: int = Field(ge=1)
    epochs: int = Field(ge=1)
    patience: int | None = Field(ge=1)
    seed: int = Field(ge=0)


class Avef(Section):
    """AVEF with and without denoising; see `avlib.systems.avef.model`."""

    train: Annotated[bool | list[str], _all_or_some_of("avef", "avef_raw")]
    weights: Literal["none", "published", "transfer", "demo"]
    fps: float = Field(gt=0)
    side: int = Field(ge=32, le=224)
    mel_side: int = Field(ge=63, le=512)
    width: float = Field(gt=0, le=1)
    dropout: float = Field(ge=0, lt=1)
    learning_rate: Positive
    momentum: float = Field(ge=0, lt=1)
    batch: int = Field(ge=1)
    epochs: int = Field(ge=1)
    dbn_epochs: int = Field(ge=0)
    dbn_rates: list[Positive] = Field(min_length=2, max_length=2)
    dbn_steps: int = Field(ge=1)
    dbn_weight_decay: float = Field(ge=0)
    joint_batch: int = Field(ge=1)
    joint_epochs: int = Field(ge=1)
    patience: int | None = Field(ge=1)
    svm_c: list[Positive] = Field(min_length=1)
    svm_degree: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)
    binary: list[Literal["arousal", "valence"]]
    seed: int = Field(ge=0)

    @field_validator("svm_c", "svm_degree", "binary")
    @classmethod
    def _each_once(cls, values: list[Any]) -> list[Any]:
        return _without_repeats(values)


class Traces(Section):
    """EmoBed for continuous emotion; see `avlib.systems.emobed.traces`."""

    train: bool
    video: Literal["geometry", "descriptors"]
    avec: bool
    loss: Literal["mse", "ccc"]
    window: Positive
    delay: float = Field(ge=0)
    alpha: float = Field(ge=0)
    beta: float = Field(ge=0)
    margin: Positive | None
    hidden: int = Field(ge=1)
    layers: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: Positive
    weight_decay: float = Field(ge=0)
    epochs: int = Field(ge=1)
    patience: int | None = Field(ge=1)
    seed: int = Field(ge=0)


class Emobed(Section):
    """EmoBed and what it is compared with; see `avlib.systems.emobed.model`."""

    train: Annotated[
        bool | list[str],
        _all_or_some_of("emobed", "emobed_classic", "emobed_joint", "emobed_triplet"),
    ]
    window: Positive
    step: Positive
    hidden: int = Field(ge=1)
    layers: int = Field(ge=1)
    alpha: float = Field(ge=0)
    beta_audio: float = Field(ge=0)
    beta_video: float = Field(ge=0)
    margin: float | None = Field(ge=0)
    batch_size: int = Field(ge=1)
    learning_rate: Positive
    weight_decay: float = Field(ge=0)
    epochs: int = Field(ge=1)
    patience: int | None = Field(ge=1)
    seed: int = Field(ge=0)


class Params(Section):
    """All of ``params.yaml``; a stage sees only the sections that it names."""

    corpus: str = Field(min_length=1, pattern=r"^[a-z0-9_]+$")
    subset: str | None
    modalities: list[Modality] = Field(min_length=1)
    max_failed_fraction: float = Field(ge=0, le=1)
    demo_corpus: DemoCorpus
    protocol: Protocol
    faces: Faces
    visual: Visual
    face_model: FaceModel
    speech: Speech
    audio: Audio
    fisher: Fisher
    svm: SVM
    merml: Merml
    robustness: Robustness
    lmnn: Lmnn
    itml: Itml
    gmml: Gmml
    gating: Gating
    temporal_aggregation: TemporalAggregation
    avef: Avef
    traces: Traces
    emobed: Emobed

    @field_validator("modalities")
    @classmethod
    def _once_each(cls, modalities: list[Modality]) -> list[Modality]:
        if len(set(modalities)) < len(modalities):
            raise ValueError("names a modality twice")
        return sorted(modalities)


def _without_repeats(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("names a value twice")
    return values


def load(names: tuple[str, ...], path: Path | str = "params.yaml") -> Params:
    """Read ``params.yaml`` and return the named sections.

    While ``corpus`` is ``demo`` the values under ``demo:`` are laid over the sections of the same
    name. Reading a section that was not named raises AttributeError.

    Raises
    ------
    ParamsError
        The file is missing or not YAML, a key is unknown or missing, or a value is impossible.
    """
    values = _read(Path(path))
    overlay = values.pop("demo", None) or {}
    if not isinstance(overlay, dict):
        raise ParamsError(f"{path}: demo: is {overlay!r}; expected sections to lay over the rest")
    base = _validate(values, path)
    merged = _validate(_lay_over(values, overlay, path), path, prefix="demo: ")
    params = merged if base.corpus == "demo" else base
    return Params.model_construct(**{name: getattr(params, name) for name in names})


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise ParamsError(
            f"{path} is missing; run from the project's root, where params.yaml stands"
        ) from None
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise ParamsError(f"{path} is not valid YAML: {where}; mend that line") from None
    if not isinstance(values, dict):
        raise ParamsError(f"{path} holds {type(values).__name__}; expected sections of keys")
    return values


def _lay_over(values: dict[str, Any], overlay: dict[str, Any], path: Path | str) -> dict[str, Any]:
    merged = dict(values)
    for section, changes in overlay.items():
        if section in values and section not in OVERLAID:
            raise ParamsError(
                f"{path}: demo.{section} is not tracked by dvc.yaml, so a change of it would rerun"
                f" nothing; expected {' or '.join(OVERLAID)}; change {section} itself"
            )
        if not isinstance(changes, dict) or not isinstance(values.get(section), dict):
            raise ParamsError(
                f"{path}: demo.{section} has no section {section}: to lay over; "
                "demo: repeats the names of other sections and the keys to change in them"
            )
        merged[section] = {**values[section], **changes}
    return merged


def _validate(values: dict[str, Any], path: Path | str, prefix: str = "") -> Params:
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            section = key.rpartition(".")[0]
            raise ParamsError(
                f"{path}: {prefix}unknown key {key}; known here: {', '.join(_known(section))}"
            ) from None
        if first["type"] == "missing":
            raise ParamsError(f"{path}: {prefix}key {key} is missing; add it back") from None
        found = first["input"]
        problem = first["msg"].removeprefix("Value error, ")
        raise ParamsError(f"{path}: {prefix}{key} is {found!r}: {problem}") from None


def _known(section: str) -> list[str]:
    model: Any = Params
    for part in section.split(".") if section else []:
        model = model.model_fields[part].annotation
    return sorted(model.model_fields)
