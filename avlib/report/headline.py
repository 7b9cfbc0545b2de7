"""The top of the report: who does best, how sure that is, and what keeps it from being more."""

from collections.abc import Sequence
from dataclasses import dataclass

from avlib.protocols import SUBJECT_INDEPENDENT
from avlib.report.chart import Row, Scale, rows_chart
from avlib.report.formats import percent
from avlib.report.normalisation import NONE, in_words
from avlib.report.page import Drawing
from avlib.report.report_data import ReportData
from avlib.report.significance import LEVEL
from avlib.report.standings import Standing
from avlib.report.words import words_beside

GENERATED = ("demo", "demo_crossmodal")  # corpora of nobody
_WORDS = words_beside(__file__)
_WIDE = {"width": 720, "names": 175}
_NARROW = {"width": 350, "names": 150}


@dataclass(frozen=True)
class Headline:
    """A sentence for each speaker normalisation, what limits them, and their chart if any."""

    sentences: Sequence[str]
    caveats: Sequence[str] = ()
    drawing: Drawing | None = None


def headline(data: ReportData, found: Sequence[Standing]) -> Headline | None:
    """Say in a sentence which model does best; None where no model has a score.

    Parameters
    ----------
    found
        Of `standings`.
    """
    if not found:
        return None
    kinds = list(dict.fromkeys(standing.speakers for standing in found))
    of_kind = {k: [s for s in found if s.speakers == k and s.comparable] for k in kinds}
    sentences = [_sentence(data, ranked) for ranked in of_kind.values() if ranked]
    caveats = _WORDS("headline_demo") if data.corpus in GENERATED else []
    for kind, ranked in of_kind.items():
        shared = kind == NONE and not SUBJECT_INDEPENDENT[data.protocol.name]
        caveats += _WORDS("headline_shared" if shared else f"headline_{kind}")
        caveats += _order(ranked) if ranked else []
    apart: dict[str, list[str]] = {}
    for standing in found:
        if not standing.comparable:
            apart.setdefault(standing.starts_from, []).append(standing.model)
    for starts, models in apart.items():
        caveats += _WORDS("headline_apart", models=", ".join(models), starts=starts)
    lost = [s.model for s in found if s.clips < s.clips_total]
    if lost:
        caveats += _WORDS("headline_unscored", models=", ".join(lost))
    if not sentences:
        sentences = _WORDS("headline_nobody")
    return Headline(sentences, caveats, accuracy_chart(data, found))


def accuracy_chart(data: ReportData, found: Sequence[Standing]) -> Drawing:
    """Draw each model's accuracy with its interval, sorted, by group; the best is bold."""
    blocks: dict[str, list[Row]] = {}
    for standing in found:
        head = standing.group if standing.comparable else f"not comparable: {standing.starts_from}"
        first = _best(found, standing.speakers)
        row = Row(
            standing.model,
            data.look(standing.model),
            100 * standing.accuracy,
            None if standing.accuracy_low is None else 100 * standing.accuracy_low,
            None if standing.accuracy_high is None else 100 * standing.accuracy_high,
            filled=standing.comparable,
            best=first is standing,
            said=percent(standing.accuracy),
        )
        blocks.setdefault(head + in_words(standing.speakers), []).append(row)
    chance = 100 * data.chance
    axis = f"accuracy (%) and its {100 * LEVEL:g} % interval over people"
    scale = Scale(0, 100, range(0, 101, 20), chance, "chance", axis)
    said = "; ".join(_with_interval(standing) for standing in found)
    alt = f"Accuracy of each model, best first: {said}; chance {percent(data.chance)} %"
    wide = rows_chart(blocks, scale, alt, **_WIDE)
    short = {head.partition(":")[0]: rows for head, rows in blocks.items()}
    narrow = rows_chart(short, scale._replace(title="accuracy (%), interval"), alt, **_NARROW)
    return Drawing("results", wide, narrow, alt)


def _best(found: Sequence[Standing], speakers: str) -> Standing | None:
    return next((s for s in found if s.comparable and s.speakers == speakers), None)


def _sentence(data: ReportData, ranked: Sequence[Standing]) -> str:
    best = ranked[0]
    tied = [s.model for s in ranked if s.right == best.right]
    (said,) = _WORDS(
        "headline",
        models=" and ".join(tied),
        s="s" if len(tied) == 1 else "",
        accuracy=percent(best.accuracy),
        interval=_interval(best),
        clips=f"{best.clips:,}",
        people=f"{best.subjects:,} {'generated people' if data.corpus in GENERATED else 'people'}",
        emotions=len(data.emotions),
        chance=percent(data.chance),
    )
    return said if best.speakers == NONE else f"With{in_words(best.speakers)[1:]}: {said}"


def _order(ranked: Sequence[Standing]) -> list[str]:
    """Say how many others the best one cannot be told from by its interval."""
    best, *others = ranked
    if best.accuracy_low is None:
        return _WORDS("headline_one_person")
    near = [s for s in others if s.accuracy_high and s.accuracy_high >= best.accuracy_low]
    if not others:
        return []
    return _WORDS("headline_order", n=len(ranked), near=len(near), best=best.model)


def _interval(standing: Standing) -> str:
    if standing.accuracy_low is None or standing.accuracy_high is None:
        return ""
    bounds = f"{percent(standing.accuracy_low)} to {percent(standing.accuracy_high)}"
    return f" ({100 * LEVEL:g} % interval over people {bounds})"


def _with_interval(standing: Standing) -> str:
    bounds = ""
    if standing.accuracy_low is not None:
        bounds = f" ({percent(standing.accuracy_low)} to {percent(standing.accuracy_high)})"
    return f"{standing.model} {percent(standing.accuracy)} %{bounds}"
