"""The section of the report that tells what EmoBed gains, as in its paper (section 5.2)."""

from avlib.report.formats import DASH, p_text, percent
from avlib.report.page import Section, Table
from avlib.report.report_data import ReportData
from avlib.report.scores import MODALITIES, scores_with
from avlib.report.significance_regression import proportions_z
from avlib.report.words import words_beside
from avlib.systems.emobed.traces import SYSTEMS
from avlib.systems.emobed.traces.scores import CLASSIC

_WORDS = words_beside(__file__)
_COLUMNS = ("tested with", "system", "clips", "macro-F1 (%)", "z", "p")


def emobed_section(data: ReportData) -> Section | None:
    """Set the four systems side by side, for audio, video and both, and test their gains.

    None where fewer than two of the systems were trained.
    """
    systems = [system for system in SYSTEMS if system in data.predictions]
    if len(systems) < 2:
        return None
    text = _WORDS("systems")
    if CLASSIC in systems:
        text += _WORDS("gains", classic=CLASSIC, other=systems[-1])
    rows = []
    for name, modalities in MODALITIES.items():
        counted = {}  # macro-F1 and clips
        for system in systems:
            if scores := scores_with(data.predictions[system], data.folds, modalities):
                counted[system] = scores["pooled"]["f1_macro"], scores["clips"]
        for system, (f1, clips) in counted.items():
            z, p = DASH, DASH
            tested = system != CLASSIC and CLASSIC in counted
            if tested and (test := proportions_z(f1, clips, *counted[CLASSIC])):
                z, p = f"{test.z:z.2f}", p_text(test.p)  # z: no -0.00
            rows.append([name, system, f"{clips:,}", percent(f1), z, p])
    return Section("EmoBed, as in its paper", text, [Table(_COLUMNS, "llr", rows)])
