"""The folder of an encoder, as Hugging Face lays it out: what it must hold before it is loaded.

Nothing here loads torch or transformers.
"""

import json
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from numbers import Real
from pathlib import Path
from typing import Any

from avlib.runtime.digests import file_digest
from avlib.runtime.errors import ParamsError, WeightsError

NAME = "huggingface"  # as a descriptor
TYPES = {  # model_type of config.json
    "audio": ("wav2vec2", "hubert", "wavlm", "whisper", "audio-spectrogram-transformer"),
    "video": ("vit", "clip", "clip_vision_model", "dinov2"),
}
CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
# Of preprocessor_config.json: what encoders compute with.
NUMBERS = (
    *("sampling_rate", "feature_size", "hop_length", "n_fft", "chunk_length", "nb_max_frames"),
    *("num_mel_bins", "max_length", "mean", "std", "padding_value"),
    *("size", "crop_size", "image_mean", "image_std", "rescale_factor"),
)
_SHOWN = 5  # files that an error names


def encoder_digest(modality: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the digest of the encoder that a modality uses; nothing where it uses none.

    Parameters
    ----------
    modality
        "audio" or "video".
    settings
        The section of that name in params.yaml.

    Raises
    ------
    ParamsError
        transformers is not installed.
    WeightsError
        The folder cannot be used, see `check_folder`.
    """
    named = [settings["descriptor"], *(view.partition(".")[0] for view in settings["views"])]
    if NAME not in named:
        return {}
    if find_spec("transformers") is None:
        raise ParamsError(
            f"{modality}.descriptor or views name {NAME}, and the library transformers is not"
            " installed; install it with `pip install -e '.[encoders]'`, or choose another"
            " descriptor"
        )
    folder = Path(settings["model"])
    check_folder(folder, modality)
    read = [folder / CONFIG, folder / PREPROCESSOR, *_weights(folder)]
    return {"model_sha256": file_digest(*read)}


def check_folder(folder: Path, modality: str) -> str:
    """Return which of `TYPES` an encoder is.

    Raises
    ------
    WeightsError
        A file is missing or no JSON, the preprocessor's numbers are none, the encoder is of no
        known type, its weights are pickles only, or it asks for code of its own.
    """
    config, preprocessor = (_read(folder, name, modality) for name in (CONFIG, PREPROCESSOR))
    _check_numbers(folder / PREPROCESSOR, preprocessor)
    for name, content in ((CONFIG, config), (PREPROCESSOR, preprocessor)):
        if "auto_map" in content:
            raise WeightsError(
                f"{folder / name} asks for code of its own (auto_map), and nothing of it was run;"
                f" expected an encoder that transformers itself has: {', '.join(TYPES[modality])};"
                f" set {modality}.model to one"
            )
    if (kind := config.get("model_type")) not in TYPES[modality]:
        raise WeightsError(
            f"{folder / CONFIG}: model_type is {kind!r}; expected one of"
            f" {', '.join(TYPES[modality])}: set {modality}.model to such an encoder"
        )
    if not any(file.suffix == ".safetensors" for file in _weights(folder)):
        raise WeightsError(
            f"{folder} has no weights in safetensors ({_listed(folder)}), and pickles (.bin, .pt)"
            " are not read; expected model.safetensors: get the revision that has it, or make it"
            f" with `python -m avlib weights convert {folder}/pytorch_model.bin`"
        )
    return kind


def _read(folder: Path, name: str, modality: str) -> dict[str, Any]:
    """Read one of the two JSON files that say how an encoder is used."""
    file = folder / name
    if not file.is_file():
        raise WeightsError(
            f"{file} is missing ({_listed(folder)}); expected {CONFIG}, {PREPROCESSOR} and"
            " model.safetensors in one folder: bring them there with `hf download` as"
            f" docs/features.md says, or set {modality}.model to where they are"
        )
    try:
        content = json.loads(file.read_bytes())
    except ValueError as error:  # of JSON, or of its characters
        raise WeightsError(f"{file} is no JSON ({error}); get it again") from None
    if not isinstance(content, dict):
        raise WeightsError(f"{file} holds {type(content).__name__}; expected names and values")
    return content


def _check_numbers(file: Path, preprocessor: dict[str, Any]) -> None:
    """Refuse values that would stop transformers in the middle of a clip, wherever it sees them."""
    for name in NUMBERS:
        for number in _numbers(preprocessor.get(name, 0)):
            if isinstance(number, bool) or not isinstance(number, Real | None):
                raise WeightsError(
                    f"{file}: {name} is {json.dumps(preprocessor[name])}; expected numbers:"
                    " get the file again"
                )


def _numbers(value: Any) -> Iterable[Any]:
    """Return one number, those of a list (a color), or those of a mapping (height and width)."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else [value]


def _weights(folder: Path) -> list[Path]:
    """Return the files of tensors, and the index that names them where there are several."""
    return sorted([*folder.glob("*.safetensors"), *folder.glob("*.safetensors.index.json")])


def _listed(folder: Path) -> str:
    """Say what is in a folder."""
    if not folder.is_dir():
        return "there is no such folder"
    names = sorted(path.name for path in folder.iterdir())
    more = ", ..." if len(names) > _SHOWN else ""
    return f"found {', '.join(names[:_SHOWN]) or 'nothing'}{more}"
