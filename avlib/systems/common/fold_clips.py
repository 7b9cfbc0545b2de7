"""The clips of a fold, from whatever a system learns from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from avlib.runtime import paths, tables
from avlib.systems.common.model import BOTH, AnyClips, VectorClips


class Source(Protocol):
    """What systems learn from; its `repr` tells it from others of its kind."""

    def inputs(self) -> list[Path]:
        """Make whatever is not made yet; return the files that clips are read from."""

    def read(self, fold: int, inputs: Sequence[Path]) -> tuple[Any, dict[str, Any]]:
        """Read the clips of a fold.

        Returns
        -------
        emotions : list of str
            Of the corpus, alphabetically; codes count from 0 in this order.
        parts : dict of str to Clips
            Training, validation and test clips, each in the order of their clip_id.
        """


@dataclass(frozen=True)
class FisherVectors:
    """The Fisher vectors of each fold."""

    def inputs(self) -> list[Path]:
        """Return the files of all folds."""
        return sorted(paths.FISHER.glob("*.parquet"))

    def read(self, fold: int, inputs: Sequence[Path]) -> tuple[list[str], dict[str, VectorClips]]:
        """Read the vectors of a fold; see `Source`."""
        emotions, labelled = labelled_clips(fold)
        file = paths.FISHER / f"fold-{fold}.parquet"
        return emotions, vector_clips(file, labelled, emotions)


def vector_clips(file: Path, labelled: pd.DataFrame, emotions: list[str]) -> dict[str, VectorClips]:
    """Read the Fisher vectors of some clips, by the parts that they are in.

    Parameters
    ----------
    file
        Table ``fisher`` of one fold.
    labelled
        Columns clip_id, fold, subject, emotion and part.
    emotions
        Of the corpus, in the order of their codes.
    """
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


def labelled_clips(fold: int) -> tuple[list[str], pd.DataFrame]:
    """Return the corpus's emotions, and clip_id, subject, emotion and part of a fold's clips."""
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
