"""The section of the report that compares robustness curves."""

from collections.abc import Mapping
from typing import Any

from avlib.report.formats import score
from avlib.report.page import Picture, Section, Table
from avlib.robustness.curves import CLEAN
from avlib.robustness.plot import draw

TITLES = {
    "white": "white noise",
    "babble": "babble",
    "occlusion": "covered face",
    "audio_missing": "sound missing",
    "video_missing": "face missing",
    "either_missing": "one of the two missing",
}


def robustness_section(by_model: Mapping[str, Mapping[str, Any]]) -> Section | None:
    """Compare the models' curves; None where there are none.

    Parameters
    ----------
    by_model
        `curves` by model, as read back from JSON.
    """
    if not by_model:
        return None
    present = [c for c in TITLES if any(c in m["corruptions"] for m in by_model.values())]
    text = [
        "Accuracy in percent on corrupted test clips, mean ± standard deviation over folds; the"
        " band of the picture is the standard deviation. Models, encoders and settings are those"
        " that were trained on clean clips.",
        "The signal-to-noise ratio is that of the intervals with voice; babble is the sum of"
        " voices of training clips of other subjects. One grey block covers a share of the aligned"
        " face, at one place throughout a clip. Voice and face were detected before the"
        " corruption: a real detector could lose them.",
        "Clips that lose a modality are drawn at random and scored by what is left: between its"
        " ends such a curve is a straight line, except for which clips are drawn.",
    ]
    text = text if any("missing" in corruption for corruption in present) else text[:2]
    tables = [_table(corruption, by_model) for corruption in present]
    picture = Picture("robustness", draw(by_model, present, TITLES), "Robustness of each model")
    return Section("Robustness", text, tables, [picture])


def _table(corruption: str, by_model: Mapping[str, Mapping[str, Any]]) -> Table:
    shown = {m: c for m, c in by_model.items() if corruption in c["corruptions"]}
    levels = sorted({p["level"] for c in shown.values() for p in c["corruptions"][corruption]})
    in_db = corruption in ("white", "babble")
    if in_db:  # the less noise, the more decibels: from mild to strong
        levels.reverse()
    rows = []
    for model, found in shown.items():
        points = {p["level"]: p for p in found["corruptions"][corruption]}
        cells = [score(points.get(level)) for level in levels]
        rows.append([model, score(found["clean"]), *cells])
    heads = [f"{level:g} dB" if in_db else f"{100 * level:g} %" for level in levels]
    columns = [TITLES[corruption], CLEAN, *heads]
    return Table(columns, "lr", rows)
