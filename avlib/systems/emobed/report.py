"""The section of the report that tells what EmoBed gains, as in its paper and paired."""

from avlib.report.embeddings import NEIGHBOURS
from avlib.report.formats import DASH, p_text, percent
from avlib.report.page import Section, Table
from avlib.report.report_data import ReportData
from avlib.report.scores import MODALITIES, scores_with
from avlib.report.significance import holm
from avlib.report.significance_regression import proportions_z
from avlib.report.words import words_beside
from avlib.runtime import paths
from avlib.systems.common.model import BOTH
from avlib.systems.emobed.gains import Compared, paired_gains
from avlib.systems.emobed.shared_space import clip_spaces
from avlib.systems.emobed.traces import CLASSIC, SYSTEMS
from avlib.systems.emobed.weights_report import read_tried, tried_pictures

_WORDS = words_beside(__file__)
_COLUMNS = ("tested with", "system", "clips", "macro-F1 (%)", "z of the paper", "p of the paper")
_GAINS = ("tested with", "system", "measure", "gain (points)", "95 % interval", "p", "p (Holm)",
          "clips", "subjects")  # fmt: skip


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
    tables = [Table(_COLUMNS, "llr", rows)]
    if found := paired_gains(data):
        text += _WORDS("paired", other=systems[-1], classic=CLASSIC)
        seeds = min(compared.seeds for compared in found)
        text += _WORDS("seeds", seeds=seeds) if seeds > 1 else _WORDS("one_seed")
        tables.append(Table(_GAINS, "lllr", _laid_out(found)))
    pictures = [
        picture
        for system in systems
        for picture in tried_pictures(
            f"weights_{system}",
            system,
            {m: read_tried(paths.MODELS / system, f"weights_{m}.csv") for m in BOTH},
        )
    ]
    if pictures:
        text += _WORDS("weights")
    spaces, planes = clip_spaces(data)
    if spaces:
        text += _WORDS("shared_space", neighbours=NEIGHBOURS)
        tables, pictures = tables + spaces, pictures + planes
    return Section("EmoBed, as in its paper", text, tables, pictures)


def _laid_out(found: list[Compared]) -> list[list[str]]:
    adjusted = iter(holm([c.gain.p for c in found if c.gain.p is not None]))
    rows = []
    for modalities, system, measure, (gain, interval, p, subjects), clips, _ in found:
        points = DASH if gain is None else f"{100 * gain:+.1f}"
        bounds = DASH if interval is None else " to ".join(f"{100 * b:+.1f}" for b in interval)
        tests = [p_text(p), DASH if p is None else p_text(next(adjusted))]
        counts = [f"{clips:,}", f"{subjects:,}"]
        rows.append([modalities, system, measure, points, bounds, *tests, *counts])
    return rows
