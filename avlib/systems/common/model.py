"""What every system receives and offers: clips as vectors, probabilities, files."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import numpy as np
import pandas as pd

from avlib.runtime.arrays import save_arrays
from avlib.runtime.errors import DataError

BOTH = ("audio", "video")
Record = TypeVar("Record")


@dataclass(frozen=True)
class Clips:
    """Labelled clips, of which each may lack a modality.

    Attributes
    ----------
    clip_id, subject : str arrays of shape (n,)
    emotion : int array of shape (n,)
        Codes from 0 in the corpus's order of emotions.
    present : dict of str to bool array of shape (n,)
        By modality: "audio", "video".
    """

    clip_id: np.ndarray
    subject: np.ndarray
    emotion: np.ndarray
    present: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.clip_id)

    def select(self, rows: np.ndarray) -> Self:
        """Return the clips of a mask or of indices."""
        return map_arrays(lambda values: values[rows], self)

    def has(self, modalities: tuple[str, ...]) -> np.ndarray:
        """Return which clips have all of these modalities, bool of shape (n,)."""
        there = np.ones(len(self), bool)
        for modality in modalities:
            there &= self.present.get(modality, np.zeros(len(self), bool))
        return there


@dataclass(frozen=True)
class VectorClips(Clips):
    """Clips with one vector per modality.

    Attributes
    ----------
    features : dict of str to float32 array of shape (n, d_modality)
        "audio", "video"; the rows of clips without the modality hold anything.
    views : tuple of (str, int)
        Of what parts the vectors are made, such as ("audio.egemaps", 88), and how many columns each
        has, in their order; none where a vector is of one piece.
    """

    features: dict[str, np.ndarray]
    views: tuple[tuple[str, int], ...] = ()


AnyClips = TypeVar("AnyClips", bound=Clips)


def concatenate(first: AnyClips, second: AnyClips) -> AnyClips:
    """Return the clips of both, first then second."""
    return map_arrays(lambda *parts: np.concatenate(parts), first, second)


def showing(clips: AnyClips, modality: str) -> AnyClips:
    """Return clips as one modality alone shows them."""
    hidden = {m: there & (m == modality) for m, there in clips.present.items()}
    return replace(clips, present=hidden)


def map_arrays(function: Callable[..., Any], first: Record, *others: Record) -> Record:
    """Return a record of what a function makes of the same arrays of some records.

    Parameters
    ----------
    function
        Of an array, or tensor, of each record.
    first, *others
        Dataclasses of one kind, whose fields are arrays or dicts of arrays; of dicts those count
        that all records have. Tuples are what all have in common and stay as they are.
    """

    def made(*values: Any) -> Any:
        if isinstance(values[0], tuple):
            return values[0]
        if isinstance(values[0], dict):
            common = [name for name in values[0] if all(name in found for found in values)]
            return {name: function(*(found[name] for found in values)) for name in common}
        return function(*values)

    columns = zip(*(vars(record).values() for record in (first, *others)), strict=True)
    return type(first)(*(made(*column) for column in columns))


def complete(clips: VectorClips, modalities: tuple[str, ...], part: str) -> VectorClips:
    """Keep the clips that have all modalities, which are the ones a system learns from.

    Two clips without a common modality have no distance, so a training set needs one pattern.

    Raises
    ------
    DataError
        None is left, or a vector is not finite (the clip is named).
    """
    there = clips.has(modalities)
    kept = clips if there.all() else clips.select(there)  # the vectors may be most of the memory
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


class Saved(ABC):
    """What is trained, and its files.

    Attributes
    ----------
    checkpoints : Path, optional
        Where a long training keeps how far it is, and goes on after an interruption.
    chosen_ : dict
        What was chosen on clips held out, as JSON knows it; the report shows it.
    """

    checkpoints: Path | None = None
    chosen_: dict[str, Any]

    @abstractmethod
    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what it learned, as arrays; nothing here."""
        return {}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:  # noqa: B027 - a hook, empty by default
        """Take back what `arrays` returned; `chosen_` is there already."""

    def save(self, folder: Path) -> None:
        """Write ``state.npz`` and ``settings.json`` into a folder."""
        settings = {"arguments": self.arguments(), "chosen": self.chosen_}
        save_state(Path(folder), self.arrays(), settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        arrays, settings = load_state(Path(folder))
        model = cls(**settings["arguments"])
        model.chosen_ = settings["chosen"]
        model.restore(arrays)
        return model


class Model(Saved, Generic[AnyClips]):
    """A system: learns from a fold's training and validation clips, scores any clip.

    Attributes
    ----------
    n_classes : int
        Emotions of the corpus.
    modalities : tuple of str
        What the system uses.
    """

    n_classes: int
    modalities: tuple[str, ...]

    @abstractmethod
    def fit(self, train: AnyClips, validation: AnyClips) -> Self:
        """Learn from the training clips, and from the validation clips as the class says.

        Raises
        ------
        DataError
            No training clip has all modalities, a vector is not finite (`complete` says both), or
            the clips show fewer than two emotions.
        """

    def scorable(self, clips: AnyClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return which clips have a modality that is used and allowed, bool of shape (n,)."""
        used = [m for m in self.modalities if m in modalities]
        return np.any([clips.has((m,)) for m in used] or [np.zeros(len(clips), bool)], axis=0)

    def require_scorable(self, clips: AnyClips, modalities: tuple[str, ...]) -> None:
        """Raise DataError naming the first clip that is not `scorable`."""
        scorable = self.scorable(clips, modalities)
        if not scorable.all():
            raise DataError(
                f"clip {clips.clip_id[~scorable][0]} has none of {', '.join(modalities)} that"
                f" this system uses ({', '.join(self.modalities)}): leave it out"
            )

    def by_available_modalities(
        self, clips: AnyClips, modalities: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
        """Yield each set of usable modalities with the rows of the clips that have just it.

        Raises
        ------
        DataError
            A clip has none of the modalities (ask `scorable` first).
        """
        self.require_scorable(clips, modalities)
        used = [m for m in self.modalities if m in modalities]
        yield from same_modalities({m: clips.has((m,)) for m in used})

    @abstractmethod
    def predict_proba(self, clips: AnyClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return probabilities of shape (n_clips, n_classes), rows summing to one."""

    def rows(
        self, clips: AnyClips, emotions: list[str], allowed: tuple[str, ...]
    ) -> dict[str, pd.DataFrame]:
        """Return what the model says of clips, by table, without condition, fold and model.

        Parameters
        ----------
        clips
            Each with one of the allowed modalities (ask `scorable`).
        emotions
            Of the corpus, in the order of their codes.
        allowed
            Modalities.
        """
        return {
            "predictions": prediction_rows(
                clips, emotions, allowed, self.predict_proba(clips, allowed)
            )
        }

    def diagnose(self, test: AnyClips) -> dict[str, Any]:
        """Return what test clips show beyond probabilities, as JSON knows it; nothing here."""
        return {}

    def embeddings(self, clips: AnyClips) -> dict[str, np.ndarray]:
        """Return scorable clips in the spaces that the system learned; none by default.

        Returns
        -------
        dict of str to float32 array of shape (n_clips, p)
            "audio", "video", "joint"; rows of NaN for the clips that have no place in a space.
        """
        return {}

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""
        return {"n_classes": self.n_classes, "modalities": list(self.modalities)}


def same_modalities(
    present: Mapping[str, np.ndarray],
) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    """Yield each set of modalities that some clips have just, with the rows of these clips.

    Parameters
    ----------
    present : mapping of str to bool array of shape (n,)
        By modality.
    """
    if not present:
        return
    available = np.stack(list(present.values()), axis=1)  # (n, n_modalities)
    for combination in np.unique(available, axis=0):
        rows = np.flatnonzero((available == combination).all(axis=1))
        yield tuple(m for m, there in zip(present, combination, strict=True) if there), rows


def prediction_rows(
    clips: Clips, emotions: list[str], allowed: tuple[str, ...], probabilities: np.ndarray
) -> pd.DataFrame:
    """Return who shows what, what is predicted, and from which modalities.

    Parameters
    ----------
    probabilities : array of shape (n_clips, n_classes)
    """
    present = np.array([clips.has((m,)) for m in allowed])  # (n_allowed, n_clips)
    return pd.DataFrame(
        {
            "clip_id": clips.clip_id,
            "modalities": ["+".join(np.array(allowed)[there]) for there in present.T],
            "emotion": np.array(emotions)[clips.emotion],
            "predicted": np.array(emotions)[probabilities.argmax(axis=1)],
            **{f"prob_{emotion}": probabilities[:, i] for i, emotion in enumerate(emotions)},
        }
    )


def without_prefix(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values whose names start so, by the rest of their names."""
    return {n.removeprefix(prefix): v for n, v in values.items() if n.startswith(prefix)}


def save_state(folder: Path, arrays: Mapping[str, np.ndarray], settings: Mapping) -> None:
    """Write arrays (``state.npz``) and settings (``settings.json``); equal state, equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    save_arrays(folder / "state.npz", dict(sorted(arrays.items())))
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
