"""What each system scored where it chose its settings, beside the same scores of its test clips.

Settings are compared by the first; whoever compares them by the second selects on the test set.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from avlib.report.scores import mean_and_std
from avlib.runtime import paths

MEASURES = ("accuracy", "uar", "f1_macro")
_HELD_OUT = "held_out_"


def chosen_and_held_out(model: str, fold: int) -> dict[str, dict[str, Any]]:
    """Return what training chose in a fold, and what that scores on the clips it was chosen by.

    Systems of vectors say in one place what they chose and how the clips held out of the inner
    divisions were recognised; a network's scores on its validation clips are a file beside it.

    Returns
    -------
    dict
        ``chosen``; ``held_out``: accuracy, uar and clips, of networks also f1_macro and
        ``conditions``, the same by modality; absent where a system learned from all clips and so
        chose nothing.
    """
    folder = paths.MODELS / model / f"fold-{fold}"
    chosen = json.loads((folder / "settings.json").read_text()).get("chosen", {})
    file = folder.with_suffix(".json")
    said = chosen | (json.loads(file.read_text()) if file.is_file() else {})
    scores = {k.removeprefix(_HELD_OUT): said[k] for k in said if k.startswith(_HELD_OUT)}
    settings = {k: value for k, value in chosen.items() if not k.startswith(_HELD_OUT)}
    return {"chosen": settings} | ({"held_out": scores} if scores else {})


def selection(facts: Mapping[int, Mapping[str, Any]], *, deep: bool) -> dict[str, Any]:
    """Return a model's scores where it chose, and where it was tested.

    Parameters
    ----------
    facts
        By fold: the content of ``metrics/folds/<model>/fold-<k>.json``.
    deep
        Whether it is made of networks.

    Returns
    -------
    dict
        ``chosen_by``: what the system itself compared; ``validation``, absent where nothing was
        held out, and ``test``: of each measure the mean over the folds, its standard deviation
        (``_std``) and the folds' values (``_folds``, in their order); ``clips``: over all folds;
        ``conditions``, of networks of two modalities: the same with one alone, without ``_folds``.
    """
    by_fold = [of_fold for _, of_fold in sorted(facts.items())]
    judged = [of_fold["held_out"] for of_fold in by_fold if "held_out" in of_fold]
    where = "loss on the validation part" if deep else "likelihood in inner divisions"
    # Systems of vectors are not chosen by one modality: the file stays short.
    over_folds = _with_conditions if deep else partial(means_over_folds, measures=MEASURES)
    found: dict[str, Any] = {"test": over_folds(by_fold)}
    if len(judged) < len(by_fold):
        where = "nothing: learned from the validation part too (patience is null)"
        return {"chosen_by": where, **found}
    return {"chosen_by": where, "validation": over_folds(judged), **found}


def short(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Return the measures of some scores, and how many clips they are over."""
    return {name: scores[name] for name in (*MEASURES, "clips")}


def _with_conditions(by_fold: list[Any]) -> dict[str, Any]:
    scores = means_over_folds(by_fold, MEASURES)
    of_each = [of_fold.get("conditions", {}) for of_fold in by_fold]
    if everywhere := [c for c in of_each[0] if all(c in found for found in of_each)]:
        scores["conditions"] = {
            condition: without_folds(
                means_over_folds([found[condition] for found in of_each], MEASURES)
            )
            for condition in everywhere
        }
    return scores


def without_folds(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Return scores of `means_over_folds` without the folds' values."""
    return {name: value for name, value in scores.items() if not name.endswith("_folds")}


def means_over_folds(
    by_fold: Sequence[Mapping[str, Any]], measures: Sequence[str]
) -> dict[str, Any]:
    """Return ``clips`` over all folds, and of each measure that all folds have mean and spread."""
    scores: dict[str, Any] = {"clips": sum(of_fold["clips"] for of_fold in by_fold)}
    for measure in measures:
        if all(measure in of_fold for of_fold in by_fold):
            values = [of_fold[measure] for of_fold in by_fold]
            scores[measure], scores[f"{measure}_std"] = mean_and_std(values)
            scores[f"{measure}_folds"] = values
    return scores
