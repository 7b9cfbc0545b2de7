"""What a report is about: the tables of one run, and the scores that several sections share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from avlib.protocol_params import Protocol
from avlib.report.comparisons import Comparison, compare_all
from avlib.report.current import current_rows
from avlib.report.published import partial
from avlib.report.scores import fold_scores, model_scores
from avlib.runtime import paths, tables
from avlib.runtime.tables import Schema


@dataclass(frozen=True)
class ReportData:
    """Tables of one run, and what training found.

    Attributes
    ----------
    corpus : str
    protocol : Protocol
        How the folds were made: section ``protocol`` of params.yaml.
    clips, folds, status : DataFrame
        The tables of these names; stages of `status` are shown in the order of their first rows.
    predictions : dict of str to DataFrame
        By model, in the order of the report.
    notes : sequence of str
        What the corpus' reader found worth saying.
    votes : DataFrame, optional
        What the corpus' raters answered.
    fold_facts : mapping
        By model and fold: the content of ``metrics/folds/<model>/fold-<k>.json``.
    drawn : mapping
        By model and name: the pictures in ``metrics/plots/<model>``, which are shown as they are.
    """

    corpus: str
    protocol: Protocol
    clips: pd.DataFrame
    folds: pd.DataFrame
    status: pd.DataFrame
    predictions: dict[str, pd.DataFrame]
    notes: Sequence[str] = ()
    votes: pd.DataFrame | None = None
    fold_facts: Mapping[str, Mapping[int, Mapping[str, Any]]] = field(default_factory=dict)
    drawn: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)

    def table(self, schema: Schema, model: str) -> pd.DataFrame:
        """Return what a model wrote into a table; no rows where it has none of these folds."""
        found = current_rows(paths.DATA / schema.name / f"{model}.parquet", self.folds)
        return tables.no_rows(schema).to_pandas() if isinstance(found, str) else found

    @cached_property
    def scores(self) -> dict[str, dict[str, Any]]:
        """`model_scores` of each model."""
        return {m: model_scores(by_fold) for m, by_fold in self.fold_scores.items()}

    @cached_property
    def fold_scores(self) -> dict[str, dict[int, dict[str, Any]]]:
        """`fold_scores` of each model."""
        return {m: fold_scores(table, self.folds) for m, table in self.predictions.items()}

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Paired comparisons of the models."""
        return compare_all(self.predictions, self.folds, self.clips)

    def pictures(self, name: str) -> dict[str, bytes]:
        """Return by model the picture of this name, of those that have one."""
        return {model: found[name] for model, found in self.drawn.items() if name in found}

    def recalls(self, model: str) -> dict[str, float]:
        """Recall of each emotion over a model's test clips of all folds; NaN without clips."""
        found = self.scores[model]["pooled"]["recall"]
        return {emotion: found.get(emotion, math.nan) for emotion in self.emotions}

    @cached_property
    def used_clips(self) -> pd.DataFrame:
        """Rows of `clips` that the folds hold, that is the labelled ones."""
        return self.clips[self.clips["clip_id"].isin(self.folds["clip_id"])]

    @cached_property
    def emotions(self) -> list[str]:
        """Emotions of the clips in the folds, in alphabetical order."""
        return sorted(self.used_clips["emotion"].dropna().unique())

    @property
    def chance(self) -> float:
        """Accuracy of a guess among equally likely emotions."""
        return 1 / max(len(self.emotions), 1)

    @cached_property
    def partial(self) -> str:
        """What the run lacks of the corpus; "" where it is whole."""
        return partial(self.corpus, len(self.used_clips), self.used_clips["subject"].nunique())

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return self.folds["fold"].nunique()
