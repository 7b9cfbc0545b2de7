"""The section of the report that shows test clips in the spaces that models learned."""

from collections.abc import Mapping

from avlib.report.embeddings import NEIGHBOURS
from avlib.report.formats import DASH, percent_over_folds
from avlib.report.page import Picture, Section, Table
from avlib.report.training_choices import FoldFacts, over_folds
from avlib.report.words import words_beside

_WORDS = words_beside(__file__)
_SPACES = ("raw", "audio", "video", "joint")


def embeddings_section(facts: FoldFacts, pictures: Mapping[str, str]) -> Section | None:
    """Show test clips in the learned spaces, and how well their neighbourhoods fit the emotions.

    Parameters
    ----------
    facts
        As for `training_choices`; ``neighbours`` and ``embedded`` are shown.
    pictures
        Drawn t-SNE planes by model, SVG.
    """
    rows = []
    for model, by_fold in facts.items():
        if found := over_folds(by_fold, "neighbours"):
            cells = [percent_over_folds(near.get(space) for near in found) for space in _SPACES]
            rows.append([model, *cells, f"{sum(over_folds(by_fold, 'embedded')):,}"])
    if not rows:
        return None
    table = Table(["neighbours (%)", *_SPACES, "clips"], "lr", rows)
    shown = [
        Picture(f"tsne_{row[0]}", pictures[row[0]], _alt(*row), row[0])
        for row in rows
        if row[0] in pictures
    ]
    return Section("Embeddings", _WORDS("embeddings", neighbours=NEIGHBOURS), [table], shown)


def _alt(model: str, *cells: str) -> str:
    """Say how good the neighbourhoods are in each space that a picture shows."""
    known = zip(_SPACES, cells[:-1], strict=True)
    said = ", ".join(f"{space} {value} %" for space, value in known if value != DASH)
    return f"Test clips of one fold in the spaces of {model}, by t-SNE; neighbours right: {said}"
