"""What a report is about: the tables of one run, and the scores that several sections share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from avlib.protocol_params import Protocol
from avlib.protocols import AUXILIARY, ENROLMENT, PARTS
from avlib.report.comparisons import Comparison, compare_all, scored
from avlib.report.current import current_rows
from avlib.report.looks import Look
from avlib.report.normalisation import NONE
from avlib.report.published import Beside, beside, partial
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
    normalise : mapping of str to {"none", "enrolled", "transductive"}
        Speaker normalisation by model; "none" of those that it lacks.
    drawn : mapping
        By model and name: the SVG of the pictures in ``metrics/plots/<model>``, shown as they are.
    looks : mapping of str to Look
        Group, colour and mark by model.
    starts_from : mapping of str to str
        What each model's training started from, as of `starting.starts_from`.
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
    drawn: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    normalise: Mapping[str, str] = field(default_factory=dict)
    looks: Mapping[str, Look] = field(default_factory=dict)
    starts_from: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def parts(self) -> dict[str, "ReportData"]:
        """By normalisation, "none" first: this run with the models of that one alone.

        Sections that set models side by side take one part at a time.
        """
        found = {model: self.normalise.get(model, NONE) for model in self.predictions}
        kinds = sorted(set(found.values()), key=lambda kind: kind != NONE)
        if len(kinds) < 2:
            return {kinds[0] if kinds else NONE: self}

        def of(kind: str, by_model: Mapping[str, Any]) -> dict[str, Any]:
            return {model: value for model, value in by_model.items() if found[model] == kind}

        return {
            kind: replace(
                self,
                predictions=of(kind, self.predictions),
                fold_facts=of(kind, self.fold_facts),
                drawn=of(kind, self.drawn),
            )
            for kind in kinds
        }

    @property
    def normalised(self) -> str:
        """The one normalisation of all models; a run of several has it only in its `parts`."""
        (kind,) = self.parts
        return kind

    @cached_property
    def enrolled(self) -> pd.DataFrame:
        """Clips that give a tested speaker's mean away and are not scored: rows of `clips`."""
        rows = self.folds.loc[self.folds["part"] == ENROLMENT, ["clip_id", "fold"]]
        return rows.merge(self.clips, on="clip_id")

    @property
    def enrolled_each(self) -> int:
        """How many clips of each tested speaker are enrolled."""
        if self.enrolled.empty:
            return 0
        return int(self.enrolled.groupby(["fold", "subject"]).size().max())

    @property
    def fold_parts(self) -> list[str]:
        """Parts that the folds may have: enrolment only where they have it."""
        return [*PARTS, ENROLMENT] if len(self.enrolled) else [*PARTS]

    def table(self, schema: Schema, model: str) -> pd.DataFrame:
        """Return what a model wrote into a table; no rows where it has none of these folds."""
        found = current_rows(paths.DATA / schema.name / f"{model}.parquet", self.folds, self.clips)
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
    def scored(self) -> dict[str, pd.DataFrame]:
        """`comparisons.scored` of each model."""
        return {m: scored(table, self.folds) for m, table in self.predictions.items()}

    @cached_property
    def subject_accuracies(self) -> dict[str, dict[str, float]]:
        """By model, its accuracy on each person, in [0, 1], by the person's name."""
        whose = self.clips.set_index("clip_id")["subject"]
        found = {}
        for model, rows in self.scored.items():
            shares = rows.groupby(rows["clip_id"].map(whose))["right"].mean()
            found[model] = {str(who): float(share) for who, share in shares.items()}
        return found

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Paired comparisons of the models, those of each normalisation among themselves."""
        return compare_all(self.predictions, self.folds, self.clips, self.normalise)

    def look(self, model: str) -> Look:
        """Return how a model looks; the one look of all where nobody said."""
        return self.looks.get(model, Look())

    def pictures(self, name: str) -> dict[str, str]:
        """Return by model the picture of this name, of those that have one."""
        return {model: found[name] for model, found in self.drawn.items() if name in found}

    def recalls(self, model: str) -> dict[str, float]:
        """Recall of each emotion over a model's test clips of all folds; NaN without clips."""
        found = self.scores[model]["pooled"]["recall"]
        return {emotion: found.get(emotion, math.nan) for emotion in self.emotions}

    @cached_property
    def used_clips(self) -> pd.DataFrame:
        """Rows of `clips` that the folds divide, that is the labelled ones."""
        divided = self.folds.loc[self.folds["part"] != AUXILIARY, "clip_id"]
        return self.clips[self.clips["clip_id"].isin(divided)]

    @cached_property
    def helping_clips(self) -> pd.DataFrame:
        """Rows of `clips` that only help to train."""
        helping = self.folds.loc[self.folds["part"] == AUXILIARY, "clip_id"]
        return self.clips[self.clips["clip_id"].isin(helping)]

    @cached_property
    def emotions(self) -> list[str]:
        """Emotions of the clips in the folds, in alphabetical order."""
        return sorted(self.used_clips["emotion"].dropna().unique())

    @cached_property
    def tested_part(self) -> str | None:
        """The authors' part that is tested, where they divide the corpus; None of several."""
        tested = self.folds.loc[self.folds["part"] == "test", "clip_id"]
        rows = self.clips["clip_id"].isin(tested)
        parts = set(self.clips.loc[rows, "partition"]) if "partition" in self.clips else set()
        return str(next(iter(parts))) if len(parts) == 1 else None

    @property
    def chance(self) -> float:
        """Accuracy of a guess among equally likely emotions."""
        return 1 / max(len(self.emotions), 1)

    @cached_property
    def partial(self) -> str:
        """What the run lacks of the corpus; "" where it is whole and all of it is scored."""
        if n := self.enrolled["clip_id"].nunique():
            return (
                f"This run does not score {n:,} enrolled clips, the published figures are over all"
            )
        return partial(self.corpus, len(self.used_clips), self.used_clips["subject"].nunique())

    @cached_property
    def published(self) -> Beside:
        """What was published on the corpus, by whether it may stand beside these models."""
        protocol = self.protocol
        known = beside(
            self.corpus,
            protocol.name,
            self.n_folds,
            protocol.folds,
            part=self.tested_part,
            normalise=self.normalised,
        )
        if protocol.folds is None or not self.partial:
            return known
        # Folds of some of the subjects are not the published ones, even if all of them are here.
        others = known.same_protocol + known.other_protocol
        return known._replace(same_protocol=(), other_protocol=others)

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return self.folds["fold"].nunique()
