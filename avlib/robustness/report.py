"""The section of the report that compares robustness curves."""

from collections.abc import Mapping
from typing import Any

from avlib.report.formats import score
from avlib.report.looks import Look
from avlib.report.page import Picture, Section, Table
from avlib.report.words import words_beside
from avlib.robustness.curves import CLEAN, NOISE, TITLES, mild_to_strong
from avlib.robustness.plot import draw

_WORDS = words_beside(__file__)


def robustness_section(
    by_model: Mapping[str, Mapping[str, Any]], looks: Mapping[str, Look]
) -> Section | None:
    """Compare the models' curves; None where there are none.

    Parameters
    ----------
    by_model
        `curves` by model, as read back from JSON.
    looks
        Of the models.
    """
    if not by_model:
        return None
    present = [c for c in TITLES if any(c in m["corruptions"] for m in by_model.values())]
    text = _WORDS("robustness")
    if any("missing" in corruption for corruption in present):
        text += _WORDS("missing")
    tables = [_table(corruption, by_model) for corruption in present]
    clean = "; ".join(f"{m} {score(found['clean'])} %" for m, found in by_model.items())
    alt = f"Accuracy by strength of corruption; on clean clips: {clean}"
    picture = Picture("robustness", draw(by_model, present, looks, alt), alt)
    return Section("Robustness", text, tables, [picture])


def _table(corruption: str, by_model: Mapping[str, Mapping[str, Any]]) -> Table:
    shown = {m: c for m, c in by_model.items() if corruption in c["corruptions"]}
    levels = mild_to_strong(shown, corruption)
    heads = [f"{v:g} dB" if corruption in NOISE else f"{100 * v:g} %" for v in levels]
    rows = []
    for model, found in shown.items():
        points = {p["level"]: p for p in found["corruptions"][corruption]}
        cells = [score(points.get(level)) for level in levels]
        rows.append([model, score(found["clean"]), *cells])
    return Table([TITLES[corruption], CLEAN, *heads], "lr", rows)
