"""The section of the report that shows test clips in the spaces that models learned."""

from collections.abc import Mapping

from avlib.report.embeddings import NEIGHBOURS
from avlib.report.formats import percent_over_folds
from avlib.report.page import Picture, Section, Table
from avlib.report.training_choices import FoldFacts

_SPACES = ("raw", "audio", "video", "joint")


def embeddings_section(facts: FoldFacts, pictures: Mapping[str, bytes]) -> Section | None:
    """Show test clips in the learned spaces, and how well their neighbourhoods fit the emotions.

    Parameters
    ----------
    facts
        As for `training_choices`; ``neighbours`` and ``embedded`` are shown.
    pictures
        Drawn t-SNE planes by model.
    """
    rows = []
    for model, by_fold in facts.items():
        found = [values for _, values in sorted(by_fold.items()) if "neighbours" in values]
        if found:
            by_space = ([values["neighbours"].get(space) for values in found] for space in _SPACES)
            clips = sum(values["embedded"] for values in found)
            rows.append([model, *map(percent_over_folds, by_space), f"{clips:,}"])
    if not rows:
        return None
    table = Table(["neighbours (%)", *_SPACES, "clips"], "lr", rows)
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
