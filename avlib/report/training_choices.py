"""The section of the report on what training chose or learned in each fold."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from avlib.report import modality_plots
from avlib.report.page import Picture, Section, Table, filled
from avlib.report.words import words_beside

_WORDS = words_beside(__file__)
WEIGHT = "omega"
_LISTED = 12  # folds whose values stand one by one; of more, their range

FoldFacts = Mapping[str, Mapping[int, Mapping[str, Any]]]


def training_choices(
    facts: FoldFacts, poolings: Mapping[int, Mapping[str, str]] | None = None
) -> Section | None:
    """Show what was chosen or learned in each fold.

    Parameters
    ----------
    facts
        By model and fold: the content of ``metrics/folds/<model>/fold-<k>.json``, of which
        ``chosen`` is shown.
    poolings
        By fold and view: the way of pooling that was chosen, such as "fisher K=32 D=all".
    """
    rows, pictures = [], []
    for model, by_fold in facts.items():
        settings = over_folds(by_fold, "chosen")
        for name in sorted({name for found in settings for name in found}):
            values = [found[name] for found in settings if name in found]
            rows.append([model, name, _listed(values)])
        if weights := [found[WEIGHT] for found in settings if WEIGHT in found]:
            alt = f"Weight omega of the video part in each fold of {model}: {_listed(weights)}"
            svg = modality_plots.weight_dots(weights, alt)
            pictures.append(Picture(f"omega_{model}", svg, alt, model))
    pooled = _pooled(poolings or {})
    tables = filled(
        Table(["model", "what", "in each fold"], "l", rows),
        Table(["view", "pooled, in each fold, by"], "l", pooled),
    )
    if not tables:
        return None
    text = _WORDS("training_choices") + (_WORDS("pooling_choices") if pooled else [])
    return Section("Chosen and learned", text, tables, pictures)


def over_folds(facts: Mapping[int, Mapping[str, Any]], name: str) -> list[Any]:
    """Return one of a model's facts in the order of the folds, from those that have it."""
    return [of_fold[name] for _, of_fold in sorted(facts.items()) if name in of_fold]


def _pooled(poolings: Mapping[int, Mapping[str, str]]) -> list[list[str]]:
    """List each view with what it was pooled by in each fold."""
    ways: dict[str, list[str]] = {}
    for _, of_fold in sorted(poolings.items()):
        for view, way in of_fold.items():
            ways.setdefault(view, []).append(way)
    return [[view, _listed(chosen)] for view, chosen in ways.items()]


def _listed(values: list[Any]) -> str:
    texts = [f"{value:g}" if isinstance(value, int | float) else str(value) for value in values]
    if len(set(texts)) == 1:
        return f"{texts[0]} in all"
    if len(values) <= _LISTED:
        return ", ".join(texts)
    if all(isinstance(value, int | float) for value in values):
        return f"{min(values):g} to {max(values):g}, median {np.median(values):g}"
    return ", ".join(f"{text} ({texts.count(text)})" for text in sorted(set(texts)))
