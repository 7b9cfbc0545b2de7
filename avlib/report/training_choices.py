"""Sections of the report on what training found: chosen settings, learned weights, embeddings."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from avlib.report import modality_plots
from avlib.report.embeddings import NEIGHBOURS
from avlib.report.page import Picture, Section, Table
from avlib.report.sections import percent

WEIGHT = "omega"
_LISTED = 12  # folds whose values stand one by one; of more, their range
_SPACES = ("raw", "audio", "video", "joint")

FoldFacts = Mapping[str, Mapping[int, Mapping[str, Any]]]


def chosen(facts: FoldFacts) -> Section | None:
    """Show what was chosen or learned in each fold.

    Parameters
    ----------
    facts
        By model and fold: the content of ``metrics/folds/<model>/fold-<k>.json``, of which
        ``chosen`` is shown.
    """
    rows, pictures = [], []
    for model, by_fold in facts.items():
        settings = [values["chosen"] for _, values in sorted(by_fold.items()) if "chosen" in values]
        for name in sorted({name for found in settings for name in found}):
            values = [found[name] for found in settings if name in found]
            rows.append([model, name, _listed(values)])
        weights = [found[WEIGHT] for found in settings if WEIGHT in found]
        if weights:
            png = modality_plots.weight_dots(weights)
            alt = f"Weight omega of the video part in each fold of {model}; dashed: equal weights"
            pictures.append(Picture(f"omega_{model}", png, alt))
    if not rows:
        return None
    text = [
        "In the order of the folds; chosen on the validation clips, or learned. sigma is in "
        "multiples of the median training distance. omega is the weight of video in the learned "
        "distance and 1 - omega that of audio, b the squared distance that divides similar from "
        "dissimilar pairs (MERML eqs. 4-6). epochs counts those that were trained; with patience "
        "the one that counts is earlier."
    ]
    return Section(
        "Chosen and learned",
        text,
        [Table(["model", "what", "in each fold"], "lll", rows)],
        pictures,
    )


def embeddings(facts: FoldFacts, pictures: Mapping[str, bytes]) -> Section | None:
    """Show test clips in the learned spaces, and how well their neighbourhoods fit the emotions.

    Parameters
    ----------
    facts
        As for `chosen`; ``neighbours`` and ``embedded`` are shown.
    pictures
        Drawn t-SNE planes by model.
    """
    rows = []
    for model, by_fold in facts.items():
        found = [values for _, values in sorted(by_fold.items()) if "neighbours" in values]
        if found:
            cells = [_over_folds([f["neighbours"].get(space) for f in found]) for space in _SPACES]
            rows.append([model, *cells, f"{sum(f['embedded'] for f in found):,}"])
    if not rows:
        return None
    table = Table(["neighbours (%)", *_SPACES, "clips"], "lrrrrr", rows)
    text = [
        "Test clips as Fisher vectors side by side (raw), and in the spaces that a model learned "
        f"for each modality and for both. The table says how often the {NEIGHBOURS} nearest test "
        "clips of other subjects vote for a clip's own emotion: mean over folds and standard "
        "deviation. It does not rest on t-SNE.",
        "The pictures lay out the test clips of one fold, as in figure 2 of the paper; spaces of "
        "different folds are learned apart and cannot share a picture. t-SNE keeps neighbours "
        "together; distances between groups and their sizes mean nothing.",
    ]
    shown = [
        Picture(f"tsne_{model}", png, f"Test clips of one fold in the spaces of {model}, by t-SNE")
        for model, png in pictures.items()
    ]
    return Section("Embeddings", text, [table], shown)


def _listed(values: list[Any]) -> str:
    texts = [f"{value:g}" if isinstance(value, int | float) else str(value) for value in values]
    if len(values) <= _LISTED or len(set(texts)) == 1:
        return ", ".join(texts if len(set(texts)) > 1 else [f"{texts[0]} in all"])
    if all(isinstance(value, int | float) for value in values):
        return f"{min(values):g} to {max(values):g}, median {np.median(values):g}"
    return ", ".join(f"{text} ({texts.count(text)})" for text in sorted(set(texts)))


def _over_folds(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    return percent(float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else None)
