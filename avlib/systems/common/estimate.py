"""What training a deep system will take on this machine: hours, memory and disk, before it starts.

Nothing here imports torch; the few clips of noise on which it rests are computed by a worker, as
the folds are (`avlib.systems.common.rehearsal`). No result depends on that, so it is found by name:
imports make what DVC and the memory watch.
"""

import logging
import math
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import pandas as pd

from avlib.runtime import paths
from avlib.runtime.attempt import Failure
from avlib.runtime.errors import DataError
from avlib.runtime.parallel import local_workers, map_clips
from avlib.systems.common.recipe import Recipe

if TYPE_CHECKING:
    from avlib.systems.common.rehearsal import FoldCost

UNKNOWN = 3.0  # s, of clips of which nobody knows how long they are


@dataclass(frozen=True)
class Corpus:
    """What costs depend on of a corpus.

    Attributes
    ----------
    clips : int
    seconds : float
        Of a clip, in the mean.
    folds : int
    train, validation : float
        Clips in these parts of a fold, in the mean.
    emotions : int
    modalities : tuple of str
        Those that some clip has.
    """

    clips: int
    seconds: float
    folds: int
    train: float
    validation: float
    emotions: int
    modalities: tuple[str, ...]

    @classmethod
    def of_tables(
        cls, clips: pd.DataFrame, folds: pd.DataFrame, modalities: Sequence[str]
    ) -> "Corpus":
        """Return what tables `clips` and `folds` say, of the clips that stand in both."""
        used = clips[clips["clip_id"].isin(folds["clip_id"])]
        n_folds = folds["fold"].nunique()
        parts = folds["part"].value_counts() / n_folds
        return cls(
            clips=len(used),
            seconds=float(used["duration"].astype(float).fillna(UNKNOWN).mean()),
            folds=n_folds,
            train=float(parts.get("train", 0)),
            validation=float(parts.get("validation", 0)),
            emotions=used["emotion"].nunique(),
            modalities=tuple(m for m in modalities if used[f"{m}_path"].notna().any()),
        )


@dataclass(frozen=True)
class Cost:
    """What a stage's folds take on this machine.

    Attributes
    ----------
    fold : FoldCost
        Of one fold of the costliest model; the others count as it does.
    folds : int
        Of all models.
    at_once : int
        How many are trained side by side.
    where : str
        On what, such as "cpu" or "cuda, bf16-mixed".
    sound : float
        Bytes of decoded sound that are not there yet.
    """

    fold: "FoldCost"
    folds: int
    at_once: int
    where: str
    sound: float

    @property
    def seconds(self) -> float:
        """How long all folds take."""
        return math.ceil(self.folds / self.at_once) * self.fold.seconds

    @property
    def disk(self) -> float:
        """Bytes that are written at most."""
        return self.sound + self.folds * self.fold.disk + self.at_once * self.fold.scratch

    def __str__(self) -> str:
        fold = self.fold
        speed = fold.operations / fold.seconds / 1e9
        return (
            f"{self.folds} folds on {self.where}, {self.at_once} at once, each"
            f" {spell(fold.seconds)} of training ({fold.operations:.1e} operations at {speed:.3g} G"
            f" a second) and {_bytes(fold.memory)} of memory beside the libraries' own; in all"
            f" {spell(self.seconds)}, {_bytes(self.disk)} of disk"
        )


def sound_bytes(rate: int, corpus: Corpus) -> float:
    """Return the bytes of a corpus's decoded sound; chips stay as the stage faces stored them."""
    return 2 * rate * corpus.clips * corpus.seconds * ("audio" in corpus.modalities)


def missing_sound(recipe: Recipe, corpus: Corpus) -> float:
    """Return the bytes of the decoded sound that a model reads and that are not there yet."""
    folder: Path = resolve_name("avlib.systems.common.stream_cache:FOLDER")
    stream_format = getattr(recipe.source, "format", None)
    if stream_format is None:
        return 0.0
    rate = stream_format.rate
    there = [path.stat().st_size for path in (folder / f"{rate}Hz").glob("*.sound")]
    return max(0.0, sound_bytes(rate, corpus) - sum(there))


def require_room(name: str, needed: float, folder: Path = paths.MEMO) -> None:
    """Raise DataError where the disk that holds a folder has not as many bytes free."""
    existing = next(
        place for place in (folder.absolute(), *folder.absolute().parents) if place.exists()
    )
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise DataError(
            f"{name}: training writes {_bytes(needed)} into {folder}, where {_bytes(free)} are"
            " free; make room, for example with `dvc gc --workspace`, or lower the system's"
            " width in params.yaml"
        )


def stage_cost(
    system: Any,
    recipe: Recipe,
    corpus: Corpus,
    folds: int,
    rehearse: Callable[..., "FoldCost"] | None = None,
) -> Cost | None:
    """Try a model's training on a few clips; return what a number of folds of it take.

    None where trying fails in a way that nobody foresaw, which is said.

    Parameters
    ----------
    system : System
    recipe
        Of one of its models.
    corpus
    folds
        How many are to be trained.
    rehearse
        In place of `avlib.systems.common.rehearsal.rehearse_fold`.

    Raises
    ------
    DataError
        It cannot be trained: weights are missing, or do not fit.
    """
    from avlib.runtime.device import gpus, numerics  # loads torch: seconds

    rehearse_fold = resolve_name("avlib.systems.common.rehearsal:rehearse_fold")
    devices = gpus()
    task = system.rehearsal(recipe, corpus)
    [(_, found)] = map_clips(
        rehearse or rehearse_fold,
        [task],
        label=f"train_{system.name}: trying a few clips",
        name=lambda task: task.recipe.name,
        unit="models",
        devices=devices,
        code=[rehearse_fold, type(task), recipe.make, type(recipe.source)],
    )
    if isinstance(found, Failure):
        if found.details:  # a defect of ours need not stop anybody
            logging.getLogger(__name__).warning(f"{recipe.name}: costs not known: {found.reason}")
            return None
        raise DataError(f"{recipe.name} cannot be trained: {found.reason}")
    workers = 1 if os.environ.get("AVLIB_SCHEDULER") else max(1, local_workers(devices))
    return Cost(found, folds, min(workers, folds), numerics(), missing_sound(recipe, corpus))


def spell(seconds: float) -> str:
    """Return a time in words, to two digits."""
    for unit, size in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * size:
            return f"{_digits(seconds / size)} {unit}"
    return f"{_digits(seconds)} s"


def _bytes(count: float) -> str:
    return f"{_digits(count / 1e9)} GB" if count >= 1e9 else f"{_digits(count / 1e6)} MB"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"
