"""The clips of a fold, from whatever a system learns from."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from avlib.runtime import paths, tables
from avlib.systems.common.model import BOTH, AnyClips, Clips, VectorClips
from avlib.systems.common.pieces import Piece


class Source(Protocol):
    """What systems learn from; its `repr` tells it from others of its kind."""

    def inputs(self) -> list[Path]:
        """Make whatever is not made yet; return the files that clips are read from."""

    @property
    def read(self) -> Callable[..., Any]:
        """What the system's ``fold_trainer`` calls; for `train_fold` see `ClipSource`."""


class ClipSource(Source, Protocol):
    """What systems that name the emotion of a clip learn from."""

    def read(
        self, labelled: pd.DataFrame, emotions: list[str], inputs: Sequence[Path]
    ) -> dict[str, Any]:
        """Read the clips of a fold.

        Parameters
        ----------
        labelled
            See `labelled_clips`.
        emotions
            Of the corpus, in the order of their codes.
        inputs
            See `inputs`.

        Returns
        -------
        dict of str to Clips
            Training, validation and test clips, each in the order of `labelled`; and, if the model
            learns from them, "auxiliary": those that only help to train.
        """


class PieceReader(Protocol):
    """What makes clips of pieces of recordings that are in no corpus."""

    def of_pieces(self, pieces: Sequence[Piece]) -> Clips:
        """Return them as clips without labels."""


class PieceSource(ClipSource, PieceReader, Protocol):
    """A source that reads such pieces, too."""


@dataclass(frozen=True)
class FisherVectors:
    """The Fisher vectors of each fold.

    Attributes
    ----------
    folder : Path
        Of table ``fisher``, a file a fold.
    """

    folder: Path = paths.FISHER

    def inputs(self) -> list[Path]:
        """Return the files of all folds."""
        return sorted(self.folder.glob("*.parquet"))

    def read(
        self, labelled: pd.DataFrame, emotions: list[str], inputs: Sequence[Path]
    ) -> dict[str, VectorClips]:
        """Read the vectors of a fold; see `Source`."""
        [fold] = labelled["fold"].unique()
        file = self.folder / f"fold-{fold}.parquet"
        rows = labelled.merge(tables.read_table(file), on=["clip_id", "fold"])
        every = VectorClips(
            **label_columns(rows, emotions),
            present={m: rows[m].notna().to_numpy() for m in BOTH},
            features={m: tables.vectors(rows[m]) for m in BOTH},
            views=tuple(
                (view, width)
                for view, width in json.loads(tables.read_facts(file).get(tables.VIEWS, "[]"))
            ),
        )
        return in_parts(every, rows["part"])


def read_fold(
    source: Source, fold: int, inputs: Sequence[Path]
) -> tuple[list[str], dict[str, Any]]:
    """Return the corpus's emotions, and a fold's clips by part; see `ClipSource`."""
    emotions, labelled = labelled_clips(fold)
    return emotions, source.read(labelled, emotions, inputs)


def labelled_clips(fold: int) -> tuple[list[str], pd.DataFrame]:
    """Return the corpus's emotions, and who shows which in a fold's clips.

    Returns
    -------
    emotions : list of str
        Alphabetically; codes count from 0 in this order.
    labelled : DataFrame
        Columns clip_id, fold, subject, emotion and part, in the order of clip_id.
    """
    clips = tables.read_table(paths.CLIPS, ["clip_id", "subject", "emotion"])
    folds = tables.read_table(paths.FOLDS)
    labelled = clips[clips["clip_id"].isin(folds["clip_id"])]
    emotions = sorted(labelled["emotion"].unique())
    rows = labelled.merge(folds[folds["fold"] == fold], on="clip_id")
    return emotions, rows.sort_values("clip_id", ignore_index=True)


def label_columns(rows: pd.DataFrame, emotions: list[str]) -> dict[str, np.ndarray]:
    """Return the fields of `Clips` that tell who shows what."""
    return {
        "clip_id": rows["clip_id"].to_numpy(dtype=str),
        "subject": rows["subject"].to_numpy(dtype=str),
        "emotion": np.searchsorted(emotions, rows["emotion"].to_numpy(dtype=str)),
    }


def in_parts(every: AnyClips, part: pd.Series) -> dict[str, AnyClips]:
    """Divide clips into those of "train", "validation" and "test"."""
    names = part.to_numpy(dtype=str)
    return {name: every.select(names == name) for name in ("train", "validation", "test")}
