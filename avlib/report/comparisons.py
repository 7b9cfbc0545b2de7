"""Which models are compared, and on which clips.

Two models are compared on the clips that both scored in the same fold under condition `default`.
The family of comparisons, over which p-values are corrected, follows from the list of models
alone: every pair while that stays readable, otherwise every model against `svm_concat`, and MERML
against each other model of the same vectors too, since whether its metric beats theirs is what its
paper asks. Choosing the best baseline after looking at the scores would be selection, which no
correction undoes. Models of different speaker normalisation are never compared: the family is made
of those of each normalisation among themselves, and corrected as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import pandas as pd

from avlib.report import significance
from avlib.report.normalisation import NONE, named
from avlib.report.scores import checked_rows
from avlib.report.significance import CorrectedT, Interval, McNemar
from avlib.runtime.errors import DataError

REFERENCE = "svm_concat"  # both modalities and nothing learned about them
MOST_MODELS = 8  # of which every pair is shown: 28 comparisons
MERML = "merml"
RIVALS = ("svm_audio", "svm_video", "svm_concat", "late_fusion", "lmnn", "itml", "gmml")


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
    normalise : {"none", "enrolled", "transductive"}
        Speaker normalisation of both.
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
    normalise: str = NONE


def pairs(models: Sequence[str]) -> list[tuple[str, str]]:
    """Return the family: pairs of models in their order, the later model of each pair first.

    All pairs of up to `MOST_MODELS` models; of more, each model against `REFERENCE`, or against
    the first one where that was not trained, and `MERML` against those of `RIVALS` that were. No
    pair comes twice.
    """
    if len(models) <= MOST_MODELS:
        return [(later, earlier) for earlier, later in combinations(models, 2)]
    reference = REFERENCE if REFERENCE in models else models[0]
    family = [(model, reference) for model in models if model != reference]
    if MERML in models:
        own = [(MERML, rival) for rival in RIVALS if rival in models]
        family += [pair for pair in own if pair not in family and pair[::-1] not in family]
    return family


def compare(
    a: pd.DataFrame, b: pd.DataFrame, folds: pd.DataFrame, clips: pd.DataFrame
) -> Comparison:
    """Run every test between two models; p-values are not corrected yet.

    Parameters
    ----------
    a, b
        `scored` clips, of one model each.
    folds, clips
        The tables of these names.

    Raises
    ------
    DataError
        A clip is not in `clips`, or the two tables disagree on a clip's emotion.
    """
    names = str(a["model"].iloc[0]), str(b["model"].iloc[0])
    both = a.merge(b, on=["clip_id", "fold"], suffixes=("_a", "_b"))
    wrong = both[both["emotion_a"] != both["emotion_b"]]
    if len(wrong):
        row = wrong.iloc[0]
        raise DataError(
            f"clip {row['clip_id']} is {row['emotion_a']} to model {names[0]} and "
            f"{row['emotion_b']} to model {names[1]}; expected predictions of one run: "
            "run `dvc repro`"
        )
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
    interval = significance.bootstrap_interval(right_a, right_b, subjects.to_numpy(dtype=str))
    t_test, why_not = _over_folds(both.assign(gained=right_a * 1.0 - right_b), folds)
    missing = [] if interval else ["no interval: the clips are of one subject"]
    return replace(
        result,
        difference=float(right_a.mean() - right_b.mean()),
        interval=interval,
        mcnemar=significance.mcnemar(right_a, right_b),
        t_test=t_test,
        missing=(*missing, *why_not),
    )


def compare_all(
    predictions: Mapping[str, pd.DataFrame],
    folds: pd.DataFrame,
    clips: pd.DataFrame,
    normalise: Mapping[str, str] | None = None,
    family: Sequence[tuple[str, str]] | None = None,
) -> list[Comparison]:
    """Compare the `pairs` of each speaker normalisation; correct each test's p-values over all.

    Parameters and errors are those of `scored` and `compare`; `predictions` by model, in the
    report's order; `normalise` by model, "none" of those that it lacks; `family`
    takes other pairs than `pairs`.
    """
    by_model = {model: scored(table, folds) for model, table in predictions.items()}
    alike: dict[str, list[str]] = {}
    for model in predictions:
        alike.setdefault((normalise or {}).get(model, NONE), []).append(model)
    found = [
        replace(compare(by_model[a], by_model[b], folds, clips), normalise=kind)
        for kind, models in alike.items()
        for a, b in family or pairs(models)
        if {a, b} <= set(models)
    ]
    mcnemar_holm = _corrected([c.mcnemar for c in found])
    t_holm = _corrected([c.t_test for c in found])
    each = zip(found, mcnemar_holm, t_holm, strict=True)
    return [replace(c, mcnemar_holm=mcnemar_p, t_holm=t_p) for c, mcnemar_p, t_p in each]


def as_json(found: Sequence[Comparison]) -> dict[str, dict[str, Any]]:
    """Lay out comparisons for a JSON file: by ``a - b``, fractions, null where there is none.

    A speaker normalisation follows the pair: ``a - b, speakers transductive``.
    """
    return {
        named(f"{c.a} - {c.b}", c.normalise): {
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


def scored(predictions: pd.DataFrame, folds: pd.DataFrame) -> pd.DataFrame:
    """Return the clips that a model scored: clip_id, fold, model, emotion, right.

    Raises
    ------
    DataError, LeakError
        The table ``predictions`` cannot be scored; see `scores.fold_scores`.
    """
    rows = checked_rows(predictions, folds)
    right = rows["predicted"] == rows["emotion"]
    return rows[["clip_id", "fold", "model", "emotion"]].assign(right=right)


def _over_folds(
    both: pd.DataFrame, folds: pd.DataFrame
) -> tuple[CorrectedT | None, tuple[str, ...]]:
    """Corrected t-test over the folds in which both models scored clips, or why there is none."""
    differences = both.groupby("fold")["gained"].mean()
    if len(differences) < 2:
        return None, ("no t-test: it needs two folds, and there is one",)
    learned = folds[
        folds["part"].isin(("train", "validation")) & folds["fold"].isin(differences.index)
    ]
    n_train, n_test = (len(rows) / len(differences) for rows in (learned, both))
    if not n_train:
        return None, ("no t-test: the folds learn from no clip",)
    t_test = significance.corrected_t(differences.to_numpy(), n_train, n_test)
    return t_test, () if t_test else ("no t-test: the difference is the same in every fold",)


def _corrected(tests: Sequence[McNemar | CorrectedT | None]) -> list[float | None]:
    """Return p-values after Holm's correction, over the tests that there are."""
    adjusted = iter(significance.holm([test.p for test in tests if test is not None]))
    return [None if test is None else next(adjusted) for test in tests]
