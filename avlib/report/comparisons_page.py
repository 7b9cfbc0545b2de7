"""How comparisons of models are shown: a section of the report, and lines for the terminal."""

import math
from collections.abc import Sequence

from avlib.report.chart import Row, Scale, rows_chart
from avlib.report.comparisons import MERML, MOST_MODELS, RIVALS, Comparison
from avlib.report.formats import DASH, p_text
from avlib.report.normalisation import in_words
from avlib.report.page import Drawing, Section, Table, filled
from avlib.report.report_data import ReportData
from avlib.report.significance import LEVEL, RESAMPLES, Interval
from avlib.report.starting import APART
from avlib.report.words import words_beside

_WORDS = words_beside(__file__)


def paired_comparisons(data: ReportData, family: Sequence[Comparison]) -> Section | None:
    """Say which differences between models are more than chance, and what each test assumes.

    Parameters
    ----------
    data
        Models of one speaker normalisation.
    family
        All comparisons of the run, over which p-values are corrected; those of these models are
        shown.
    """
    found = [comparison for comparison in family if comparison.normalise == data.normalised]
    if not found:
        return None
    reasons = [[c.a, c.b, "; ".join(c.missing)] for c in found if c.missing]
    why = Table(["A", "B", "what could not be computed, and why"], "l", reasons)
    pictures = [drawing] if (drawing := _drawn(data, found)) else []
    text = _explanation(found, [*data.predictions], len(family))
    if apart := [m for m in data.predictions if data.starts_from.get(m) in APART]:
        text += _WORDS("comparisons_apart", models=", ".join(apart))
    return Section("Paired comparisons", text, filled(comparison_table(found), why), pictures)


def _drawn(data: ReportData, found: Sequence[Comparison]) -> Drawing | None:
    """Draw the differences with their intervals, and the line of no difference."""
    rows, said = [], []
    for c in found:
        if c.difference is None:
            continue
        low, high = (100 * end for end in c.interval) if c.interval else (None, None)
        apart = low is not None and high is not None and not low <= 0 <= high
        name, points = f"{c.a} − {c.b}", _points(c.difference)
        look = data.look(c.a)
        rows.append(Row(name, look, 100 * c.difference, low, high, filled=apart, said=points))
        said.append(
            f"{name} {points} ({_bounds(c.interval)})" if c.interval else f"{name} {points}"
        )
    if not rows:
        return None
    ends = [v for row in rows for v in (row.value, row.low, row.high) if v is not None]
    reach = 10 * math.ceil(max(map(abs, ends)) / 10) or 10
    step = 10 if reach <= 40 else 20
    ticks = range(-(reach // step) * step, reach + 1, step)
    axis = "difference in accuracy (points) and its interval; filled: without zero"
    scale = Scale(-reach, reach, ticks, 0, "no difference", axis)
    alt = f"Difference in accuracy of each pair of models, in points: {'; '.join(said)}"
    names = round(6.8 * max(len(row.name) for row in rows)) + 24
    wide = rows_chart({"": rows}, scale, alt, width=names + 460, names=names)
    narrow_scale = scale._replace(title="points; filled: interval without zero")
    narrow = rows_chart({"": rows}, narrow_scale, alt, width=names + 200, names=names)
    return Drawing("differences", wide, narrow, alt)


def summary_lines(comparison: Comparison) -> list[str]:
    """Say in plain lines what `compare` found, for the terminal."""
    c = comparison
    of = f"{c.clips:,} clips of {c.subjects:,} subjects{in_words(c.normalise)}"
    lines = [f"{c.a} (A) against {c.b} (B): {of}"]
    if c.difference is not None:
        lines.append(f"accuracy A - B: {_points(c.difference)} points")
    if c.interval:
        lines.append(f"{100 * LEVEL:g} % interval: {_bounds(c.interval)} (subjects resampled)")
    if c.mcnemar:
        lines.append(
            f"McNemar, exact: only A right {c.mcnemar.only_a:,}, only B right "
            f"{c.mcnemar.only_b:,}, {_p_is(c.mcnemar.p)} (takes clips for independent)"
        )
    if c.t_test:
        lines.append(
            f"corrected t-test over {c.t_test.df + 1} folds: t = {c.t_test.t:.2f}, "
            f"{_p_is(c.t_test.p)}"
        )
    return [*lines, *c.missing]


def _p_is(p: float) -> str:
    text = p_text(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def comparison_table(found: Sequence[Comparison]) -> Table:
    """Lay out all tests of each comparison in a row."""
    rows = [
        [
            c.a,
            c.b,
            f"{c.clips:,}",
            DASH if c.difference is None else _points(c.difference),
            _bounds(c.interval) if c.interval else DASH,
            f"{c.mcnemar.only_a:,} / {c.mcnemar.only_b:,}" if c.mcnemar else DASH,
            p_text(c.mcnemar and c.mcnemar.p),
            p_text(c.mcnemar_holm),
            f"{c.t_test.t:.2f}" if c.t_test else DASH,
            p_text(c.t_test and c.t_test.p),
            p_text(c.t_holm),
        ]
        for c in found
    ]
    columns = ["A", "B", "clips", "A − B (points)", f"{100 * LEVEL:g} % interval"]
    columns += ["only A / only B right", "McNemar p", "after Holm", "t", "t-test p", "after Holm"]
    return Table(columns, "llr", rows)


def _explanation(found: Sequence[Comparison], models: Sequence[str], n: int) -> list[str]:
    if len(models) <= MOST_MODELS:
        family = "every pair of models"
    else:
        family = f"every model against {found[0].b}"
        if MERML in models and (rivals := [m for m in RIVALS if m in models and m != found[0].b]):
            family += f", and {MERML} against {', '.join(rivals)}"
        family += ", fixed before any score was known"
    if n > len(found):
        family += "; and so among the models of the other speaker normalisation, in their section"
    return _WORDS("comparisons", family=family, n=n, resamples=RESAMPLES)


def _points(difference: float) -> str:
    points = round(100 * difference, 1)
    return f"{points:+.1f}" if points else "0.0"


def _bounds(interval: Interval) -> str:
    return f"{_points(interval.low)} to {_points(interval.high)}"
