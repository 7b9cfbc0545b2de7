"""What every system receives and offers: clips as vectors, probabilities, files."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from avlib.errors import DataError

BOTH = ("audio", "video")


@dataclass(frozen=True)
class VectorClips:
    """Clips with one vector per modality.

    Attributes
    ----------
    clip_id, subject : str arrays of shape (n,)
    emotion : int array of shape (n,)
        Codes from 0 in the corpus's order of emotions.
    features : dict of str to float32 array of shape (n, d_modality)
        "audio", "video"; the rows of clips without the modality hold anything.
    present : dict of str to bool array of shape (n,)
    """

    clip_id: np.ndarray
    subject: np.ndarray
    emotion: np.ndarray
    features: dict[str, np.ndarray]
    present: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.clip_id)

    def select(self, rows: np.ndarray) -> "VectorClips":
        """Return the clips of a mask or of indices."""
        return VectorClips(
            self.clip_id[rows],
            self.subject[rows],
            self.emotion[rows],
            {m: values[rows] for m, values in self.features.items()},
            {m: there[rows] for m, there in self.present.items()},
        )

    def has(self, modalities: tuple[str, ...]) -> np.ndarray:
        """Return which clips have all of these modalities, bool of shape (n,)."""
        there = np.ones(len(self), bool)
        for modality in modalities:
            there &= self.present.get(modality, np.zeros(len(self), bool))
        return there


def concatenate(first: VectorClips, second: VectorClips) -> VectorClips:
    """Return the clips of both, first then second."""

    def both(name: str) -> Any:
        a, b = getattr(first, name), getattr(second, name)
        if isinstance(a, dict):
            return {m: np.concatenate([a[m], b[m]]) for m in a if m in b}
        return np.concatenate([a, b])

    return VectorClips(
        *(both(name) for name in ("clip_id", "subject", "emotion", "features", "present"))
    )


def complete(clips: VectorClips, modalities: tuple[str, ...], part: str) -> VectorClips:
    """Keep the clips that have all modalities, which are the ones a system learns from.

    Two clips without a common modality have no distance, so a training set needs one pattern.

    Raises
    ------
    DataError
        None is left, or a vector is not finite (the clip is named).
    """
    kept = clips.select(clips.has(modalities))
    if len(kept) == 0:
        raise DataError(
            f"none of the {len(clips)} {part} clips has {' and '.join(modalities)}: look into"
            " data/status, or set `modalities` in params.yaml to what the corpus has"
        )
    require_finite({m: kept.features[m] for m in modalities}, kept.clip_id)
    return kept


def require_finite(features: Mapping[str, np.ndarray], clip_id: np.ndarray) -> None:
    """Raise DataError naming the first clip with a vector that is not finite."""
    for modality, values in features.items():
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(bad):
            raise DataError(
                f"the {modality} vector of clip {clip_id[bad[0]]} is not finite ({len(bad)} such"
                " clips): mark it as missing"
            )


class Model(ABC):
    """A system: learns from a fold's training and validation clips, scores any clip."""

    n_classes: int

    @abstractmethod
    def fit(self, train: VectorClips, validation: VectorClips) -> Self:
        """Learn from the training clips, choosing settings on the validation clips."""

    @abstractmethod
    def scorable(self, clips: VectorClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return which clips have one of these modalities that the system uses, bool (n,)."""

    @abstractmethod
    def predict_proba(self, clips: VectorClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return probabilities of shape (n_clips, n_classes), rows summing to one."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fitted system into a folder."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read a fitted system back."""


def save_state(folder: Path, arrays: Mapping[str, np.ndarray], settings: Mapping) -> None:
    """Write arrays (``state.npz``) and settings (``settings.json``); equal state, equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "state.npz", allow_pickle=False, **dict(sorted(arrays.items())))
    text = json.dumps(settings, indent=2, sort_keys=True)
    (folder / "settings.json").write_text(text + "\n")


def load_state(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `save_state` wrote.

    Raises
    ------
    DataError
        The folder lacks one of the files.
    """
    try:
        settings = json.loads((folder / "settings.json").read_text())
        with np.load(folder / "state.npz", allow_pickle=False) as file:
            return dict(file), settings
    except FileNotFoundError as error:
        raise DataError(
            f"no trained system in {folder}: {Path(error.filename).name} is missing; train it again"
        ) from None
