"""Which models are compared, on which clips, and how the report shows it.

Two models are compared on the clips that both scored in the same fold under condition `default`.
The family of comparisons, over which p-values are corrected, follows from the list of models
alone: every pair while that stays readable, otherwise every model against `svm_concat`. Choosing
the best baseline after looking at the scores would be selection, which no correction undoes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from avlib.errors import DataError
from avlib.evaluation import plots
from avlib.evaluation.page import Picture, Section, Table
from avlib.evaluation.run import Run
from avlib.evaluation.scores import DEFAULT, fold_scores
from avlib.evaluation.significance import (
    LEVEL,
    RESAMPLES,
    CorrectedT,
    Interval,
    McNemar,
    bootstrap_interval,
    corrected_t,
    holm,
    mcnemar,
)

REFERENCE = "svm_concat"  # both modalities and nothing learned about them
MOST_MODELS = 8  # of which every pair is shown: 28 comparisons
_DASH = "–"


@dataclass(frozen=True)
class Comparison:
    """Model `a` against model `b`.

    Attributes
    ----------
    clips, subjects : int
        Test clips that both scored, and whose they are.
    difference : float or None
        Accuracy of `a` minus that of `b` over these clips, in [-1, 1].
    interval, mcnemar, t_test
        See `significance`; None where there is nothing to compute.
    mcnemar_holm, t_holm : float or None
        p-values after Holm's correction over the family.
    missing : tuple of str
        Why something is None.
    """

    a: str
    b: str
    clips: int
    subjects: int
    difference: float | None = None
    interval: Interval | None = None
    mcnemar: McNemar | None = None
    t_test: CorrectedT | None = None
    mcnemar_holm: float | None = None
    t_holm: float | None = None
    missing: tuple[str, ...] = ()


def pairs(models: Sequence[str]) -> list[tuple[str, str]]:
    """Return the family: pairs of models in their order, the later model of each pair first.

    All pairs of up to `MOST_MODELS` models; of more, each model against `REFERENCE`, or against
    the first one where that was not trained.
    """
    if len(models) <= MOST_MODELS:
        return [(later, earlier) for earlier, later in combinations(models, 2)]
    reference = REFERENCE if REFERENCE in models else models[0]
    return [(model, reference) for model in models if model != reference]


def compare(
    a: pd.DataFrame, b: pd.DataFrame, folds: pd.DataFrame, clips: pd.DataFrame
) -> Comparison:
    """Run every test between two models; p-values are not corrected yet.

    Parameters
    ----------
    a, b
        Tables ``predictions``, of one model each.
    folds, clips
        The tables of these names.

    Raises
    ------
    DataError, LeakError
        A table cannot be scored (see `scores.fold_scores`), a clip is not in `clips`, or the two
        tables disagree on a clip's emotion.
    """
    both = _scored(a, folds).merge(_scored(b, folds), on=["clip_id", "fold"], suffixes=("_a", "_b"))
    names = str(a["model"].iloc[0]), str(b["model"].iloc[0])
    _check_same_truth(both, *names)
    subjects = both["clip_id"].map(clips.set_index("clip_id")["subject"])
    if subjects.isna().any():
        clip = both.loc[subjects.isna(), "clip_id"].iloc[0]
        raise DataError(
            f"models {names[0]} and {names[1]} scored clip {clip}, which the table of clips lacks; "
            "run `dvc repro`"
        )
    result = Comparison(*names, len(both), subjects.nunique())
    if both.empty:
        return replace(result, missing=("no clip was scored by both",))
    right_a, right_b = (both[f"right_{x}"].to_numpy(dtype=bool) for x in "ab")
    interval = bootstrap_interval(right_a, right_b, subjects.to_numpy(dtype=str))
    t_test, why_not = _over_folds(both.assign(gained=right_a * 1.0 - right_b), folds)
    missing = [] if interval else ["no interval: the clips are of one subject"]
    return replace(
        result,
        difference=float(right_a.mean() - right_b.mean()),
        interval=interval,
        mcnemar=mcnemar(right_a, right_b),
        t_test=t_test,
        missing=(*missing, *why_not),
    )


def compare_all(
    predictions: Mapping[str, pd.DataFrame], folds: pd.DataFrame, clips: pd.DataFrame
) -> list[Comparison]:
    """Compare the family of `pairs`, and correct the p-values of each test over it.

    Parameters and errors are those of `compare`; `predictions` by model, in the report's order.
    """
    found = [
        compare(predictions[a], predictions[b], folds, clips) for a, b in pairs([*predictions])
    ]
    for test, adjusted in (("mcnemar", "mcnemar_holm"), ("t_test", "t_holm")):
        tested = [i for i, c in enumerate(found) if getattr(c, test) is not None]
        p_values = holm(np.array([getattr(found[i], test).p for i in tested]))
        for i, p in zip(tested, p_values, strict=True):
            found[i] = replace(found[i], **{adjusted: float(p)})
    return found


def as_json(found: Sequence[Comparison]) -> dict[str, dict[str, Any]]:
    """Lay out comparisons for a JSON file: by ``a - b``, fractions, null where there is none."""
    return {
        f"{c.a} - {c.b}": {
            "clips": c.clips,
            "subjects": c.subjects,
            "difference": c.difference,
            "interval": c.interval and list(c.interval),
            "mcnemar": c.mcnemar and {**c.mcnemar._asdict(), "p_holm": c.mcnemar_holm},
            "t_test": c.t_test and {**c.t_test._asdict(), "p_holm": c.t_holm},
            "missing": list(c.missing),
        }
        for c in found
    }


def paired_comparisons(run: Run) -> Section | None:
    """Say which differences between models are more than chance, and who is asked to believe it."""
    found = compare_all(run.predictions, run.folds, run.clips)
    if not found:
        return None
    tables = [_table(found)]
    reasons = [[c.a, c.b, "; ".join(c.missing)] for c in found if c.missing]
    if reasons:
        tables.append(Table(["A", "B", "what could not be computed, and why"], "lll", reasons))
    drawn = {
        f"{c.a} − {c.b}": (c.difference, c.interval) for c in found if c.difference is not None
    }
    pictures = []
    if drawn:
        alt = (
            "Difference in accuracy of each pair of models, with its interval; line: no difference"
        )
        pictures = [Picture("differences", plots.differences(drawn), alt)]
    return Section(
        "Paired comparisons", _explanation(found, len(run.predictions)), tables, pictures
    )


def summary_lines(comparison: Comparison) -> list[str]:
    """Say in plain lines what `compare` found, for the terminal."""
    c = comparison
    lines = [f"{c.a} (A) against {c.b} (B): {c.clips:,} clips of {c.subjects:,} subjects"]
    if c.difference is not None:
        lines.append(f"accuracy A - B: {_points(c.difference)} points")
    if c.interval:
        lines.append(f"{100 * LEVEL:g} % interval: {_bounds(c.interval)} (subjects resampled)")
    if c.mcnemar:
        lines.append(
            f"McNemar, exact: only A right {c.mcnemar.only_a:,}, only B right "
            f"{c.mcnemar.only_b:,}, p = {p_text(c.mcnemar.p)} (takes clips for independent)"
        )
    if c.t_test:
        lines.append(
            f"corrected t-test over {c.t_test.df + 1} folds: t = {c.t_test.t:.2f}, "
            f"p = {p_text(c.t_test.p)}"
        )
    return [*lines, *c.missing]


def p_text(p: float | None) -> str:
    """Write a p-value with three decimals; none is a dash, a tiny one is never written as 0."""
    if p is None:
        return _DASH
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _scored(predictions: pd.DataFrame, folds: pd.DataFrame) -> pd.DataFrame:
    """Clips that a model scored, after all checks: clip_id, fold, emotion, right."""
    fold_scores(predictions, folds)
    rows = predictions[predictions["condition"] == DEFAULT]
    right = rows["predicted"] == rows["emotion"]
    return rows[["clip_id", "fold", "emotion"]].assign(right=right)


def _check_same_truth(both: pd.DataFrame, a: str, b: str) -> None:
    wrong = both[both["emotion_a"] != both["emotion_b"]]
    if len(wrong):
        row = wrong.iloc[0]
        raise DataError(
            f"clip {row['clip_id']} is {row['emotion_a']} to model {a} and {row['emotion_b']} to "
            f"model {b}; expected predictions of one run: run `dvc repro`"
        )


def _over_folds(
    both: pd.DataFrame, folds: pd.DataFrame
) -> tuple[CorrectedT | None, tuple[str, ...]]:
    """Corrected t-test over the folds in which both models scored clips, or why there is none."""
    differences = both.groupby("fold")["gained"].mean()
    if len(differences) < 2:
        return None, ("no t-test: it needs two folds, and there is one",)
    learned = folds[(folds["part"] != "test") & folds["fold"].isin(differences.index)]
    n_train, n_test = (len(rows) / len(differences) for rows in (learned, both))
    if not n_train:
        return None, ("no t-test: the folds learn from no clip",)
    t_test = corrected_t(differences.to_numpy(), n_train, n_test)
    return t_test, () if t_test else ("no t-test: the difference is the same in every fold",)


def _table(found: Sequence[Comparison]) -> Table:
    rows = [
        [
            c.a,
            c.b,
            f"{c.clips:,}",
            _DASH if c.difference is None else _points(c.difference),
            _bounds(c.interval) if c.interval else _DASH,
            f"{c.mcnemar.only_a:,} / {c.mcnemar.only_b:,}" if c.mcnemar else _DASH,
            p_text(c.mcnemar and c.mcnemar.p),
            p_text(c.mcnemar_holm),
            f"{c.t_test.t:.2f}" if c.t_test else _DASH,
            p_text(c.t_test and c.t_test.p),
            p_text(c.t_holm),
        ]
        for c in found
    ]
    columns = ["A", "B", "clips", "A − B (points)", f"{100 * LEVEL:g} % interval"]
    columns += ["only A / only B right", "McNemar p", "after Holm", "t", "t-test p", "after Holm"]
    return Table(columns, "ll" + "r" * 9, rows)


def _explanation(found: Sequence[Comparison], n_models: int) -> list[str]:
    if n_models <= MOST_MODELS:
        family = "every pair of models"
    else:
        family = f"every model against {found[0].b}, which was fixed before any score was known"
    return [
        f"Two models on the clips that both scored. The family is {family} ({len(found)} in all); "
        "Holm's correction holds over it, for each test by itself. Intervals are not corrected.",
        f"The interval comes from {RESAMPLES:,} bootstrap resamples of whole subjects, because "
        "clips of one subject are not independent; with few subjects it is too narrow, and it "
        "does not hold the chance in training. McNemar's exact test takes clips for independent, "
        "so its p is too small where a model fails on some subjects rather than on some clips. "
        "The t-test over folds (Nadeau and Bengio 2003) allows for the training clips that folds "
        "share; it assumes normal differences and, with few folds, misses all but large ones.",
    ]


def _points(difference: float) -> str:
    points = round(100 * difference, 1)
    return f"{points:+.1f}" if points else "0.0"


def _bounds(interval: Interval) -> str:
    return f"{_points(interval.low)} to {_points(interval.high)}"
