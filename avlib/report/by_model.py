"""What a report says of one model alone, taken out of the sections and put together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from avlib.report.formats import DASH, percent
from avlib.report.page import ModelPart, Section
from avlib.report.standings import Standing


def by_model(
    sections: Sequence[Section], found: Sequence[Standing], descriptions: Mapping[str, str]
) -> tuple[list[Section], list[ModelPart]]:
    """Move tables and pictures that name one model into a part for each model.

    Parameters
    ----------
    sections
        As the analyses made them.
    found
        Of `standings.standings`, whose order the parts have.
    descriptions
        One line on each model.

    Returns
    -------
    sections : list of Section
        Those that are left with more than words.
    parts : list of ModelPart
        Where only words are left of a section, they go along with its pieces.
    """
    rest = [_without(section) for section in sections]
    emptied = {section.title for section in rest if not _shows(section)}
    parts = [
        ModelPart(
            standing.model,
            descriptions.get(standing.model, DASH),
            f"{percent(standing.accuracy)} %",
            [
                piece if piece.title in emptied else replace(piece, text=())
                for section in sections
                if _shows(piece := _of(section, standing.model))
            ],
        )
        for standing in found
    ]
    moved = {piece.title for part in parts for piece in part.pieces}
    return [s for s in rest if _shows(s) or s.title not in moved], parts


def _of(section: Section, model: str) -> Section:
    """Return what a section has of one model alone."""
    return replace(
        section,
        tables=[table for table in section.tables if table.model == model],
        pictures=[picture for picture in section.pictures if picture.model == model],
        code="",
        html="",
    )


def _without(section: Section) -> Section:
    """Return what a section has of no model alone."""
    return replace(
        section,
        tables=[table for table in section.tables if not table.model],
        pictures=[picture for picture in section.pictures if not picture.model],
    )


def _shows(section: Section) -> bool:
    return bool(section.tables or section.pictures or section.code or section.html)
