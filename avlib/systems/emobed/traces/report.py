"""The section of the report on continuous emotion (EmoBed, tables of section 5.1)."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avlib.report.concordance import is_constant
from avlib.report.embeddings import NEIGHBOURS
from avlib.report.formats import DASH, p_text
from avlib.report.page import Picture, Section, Table
from avlib.report.published import Published, cite, over_time
from avlib.report.report_data import ReportData
from avlib.report.scores import write_json
from avlib.report.words import words_beside
from avlib.runtime import paths
from avlib.runtime.tables import read_table
from avlib.systems.emobed.traces import CLASSIC, DIMENSIONS, EMOBED, EVERY, SYSTEMS
from avlib.systems.emobed.traces.plot import ccc_bars, drawn_over_time
from avlib.systems.emobed.traces.scenarios import MODALITY, scenario_of, target_of
from avlib.systems.emobed.traces.scores import trace_scores, with_labels
from avlib.systems.emobed.traces.shared_space import moment_spaces
from avlib.systems.emobed.traces.summary import trace_summary
from avlib.systems.emobed.traces.system import TracesSystem
from avlib.systems.emobed.traces.tables import PREDICTED_TRACES
from avlib.systems.emobed.weights_report import read_tried, tried_pictures

_WORDS = words_beside(__file__)
_SHOWN = (0.1, 0.5, 0.9)  # quantiles of the error among recordings that are drawn
_TITLES = {
    "ccc_concatenated": "CCC, recordings joined",
    "ccc_per_recording": "CCC, mean of each recording's",
    "rmse": "RMSE",
}


def report_part(data: ReportData) -> Section | None:
    """Return `traces_section` of one run; write ``traces`` and ``continuous.json`` in ``metrics``.

    The second is the short one, for `dvc metrics diff` and sweeps.
    """
    predicted = pd.concat([data.table(PREDICTED_TRACES, model) for model in TracesSystem.models])
    colour = data.look(EMOBED).colour
    people = data.clips.dropna(subset="subject")
    subjects = dict(zip(people["clip_id"], people["subject"], strict=True))
    file = paths.METRICS / "traces.json"
    known = {}
    if not data.partial:
        known = over_time(data.corpus, data.protocol.name, "test")
    section = traces_section(predicted, read_table(paths.TRACES), subjects, file, colour, known)
    if section and (pictures := _tried()):
        text = [*section.text, *_WORDS("weights")]
        section = replace(section, text=text, pictures=[*section.pictures, *pictures])
    spaces, planes = moment_spaces(TracesSystem.folders["model"], subjects)
    if section and spaces:
        text = [*section.text, *_WORDS("shared_space", neighbours=NEIGHBOURS)]
        more = [*section.tables, *spaces], [*section.pictures, *planes]
        section = replace(section, text=text, tables=more[0], pictures=more[1])
    of_models = trace_summary(json.loads(file.read_text()))
    write_json(paths.METRICS / "continuous.json", {data.corpus: of_models} if of_models else {})
    return section


def _tried() -> list[Picture]:
    """Draw which weights each system tried."""
    folder = TracesSystem.folders["model"]
    found = []
    for system in SYSTEMS:
        scenarios = [scenario_of(m) for m in TracesSystem.models if m.startswith(f"{system}-")]
        tried = {
            f"{s}, {own}".rstrip(", "): read_tried(
                folder / f"{system}-{s}", f"{own}/weights.csv".lstrip("/")
            )
            for s, own in product(scenarios, ("", *DIMENSIONS))
        }
        found += tried_pictures(f"weights_traces_{system}", f"{system}, over time", tried)
    return found


def traces_section(
    predicted: pd.DataFrame,
    traces: pd.DataFrame,
    subjects: Mapping[str, str],
    metrics: Path | str,
    colour: int = 0,
    published: Mapping[tuple[str, str], Published] | None = None,
) -> Section | None:
    """Tell how well arousal and valence are followed; write the scores as JSON beside it.

    Parameters
    ----------
    predicted, traces
        Tables ``predicted_traces`` and ``traces``.
    subjects
        By clip_id: whose recording it is; those of nobody known are left out.
    metrics
        File for `trace_scores`; it is written in any case.
    colour
        Of the systems' family, as of `Look`.
    published
        By system and scenario, results on the test part that may stand beside these.

    Returns
    -------
    Section or None
        None where nothing is predicted.
    """
    joined = with_labels(predicted, traces)
    scores = trace_scores(joined, subjects)
    joined = joined[(joined["part"] == scores["part"]) & (joined["seed"] == 0)]
    write_json(metrics, scores)
    systems = scores["systems"]
    if not systems:
        return None
    named = "; ".join(f"{name}: {words}" for name, words in EVERY.items() if name in systems)
    text = _WORDS("systems", systems=named)
    tables = [_overview(scores, published or {})]
    if scores["seeds"] > 1:
        text += _WORDS("seeds", seeds=scores["seeds"])
    if scores["part"] != "test":
        text += _WORDS("no_test_labels")
    if any(column.endswith("(published)") for column in tables[0].columns):
        sources = dict.fromkeys(cite(found.source) for found in (published or {}).values())
        text += _WORDS("published", sources="; ".join(sources))
    text += _undefined(joined, scores)
    tables += [_table(metric, systems) for metric in _TITLES]
    if scores["gains"]:
        text += _WORDS("gains")
        tables += _gains(scores["gains"])
    alt = _alt(systems)
    pictures = [Picture("traces_ccc", ccc_bars(systems, colour, alt), alt)]
    model = EMOBED if EMOBED in systems else CLASSIC
    if clip_ids := _typical(joined[joined["model"] == model]):
        alt = f"Labels and predictions of {model} over time, with little, median and large error"
        svg = drawn_over_time(joined, clip_ids, model, alt)
        pictures.append(Picture("traces_over_time", svg, alt))
    return Section("Continuous emotion", text, tables, pictures)


def _table(metric: str, systems: Mapping[str, Any]) -> Table:
    shown = list(product(DIMENSIONS, ("before", "after")))
    columns = [_TITLES[metric], "from", *map(", ".join, shown)]
    rows = [
        [name, scenario, *(_cell(scores[dimension][when], metric) for dimension, when in shown)]
        for name, scenario, scores in _each(systems)
    ]
    return Table(columns, "llr", rows)


def _overview(scores: Mapping[str, Any], published: Mapping[tuple[str, str], Published]) -> Table:
    """Set both parts of all scenarios side by side, and what was published on the test part."""
    parts = {"validation": scores["validation"]}
    if scores["part"] == "test":
        parts["test"] = scores["systems"]
    columns = ["CCC of all", "from"]
    known = published.keys() & {(name, scenario) for name, scenario, _ in _each(scores["systems"])}
    for dimension in DIMENSIONS:
        columns += [f"{dimension}, {part}" for part in parts]
        columns += [f"{dimension}, test (published)"] if known else []
    rows = []
    for name, scenario, _ in _each(scores["systems"]):
        row = [name, scenario]
        for dimension in DIMENSIONS:
            for systems in parts.values():
                found = systems.get(name, {}).get(scenario, {}).get(dimension)
                row.append(_cell(found["after"], "ccc_concatenated") if found else DASH)
            if known:
                beside = published.get((name, scenario))
                row.append(_number(getattr(beside, f"ccc_{dimension}") if beside else None))
        rows.append(row)
    return Table(columns, "llr", rows)


def _each(systems: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """List name, scenario and scores of all, those of one target together, alone before helped."""
    order, targets = [*EVERY], [*MODALITY]
    found = [
        (name, scenario, scores)
        for name, by_scenario in systems.items()
        for scenario, scores in by_scenario.items()
    ]
    return sorted(
        found,
        key=lambda one: (targets.index(target_of(one[1])), one[1], order.index(one[0])),
    )


def _alt(systems: Mapping[str, Any]) -> str:
    """Say the concatenated CCC after post-processing of every system."""
    said = [
        f"{name} from {scenario}, {dimension} "
        f"{_number(scores[dimension]['after']['ccc_concatenated'])}"
        for name, scenario, scores in _each(systems)
        for dimension in DIMENSIONS
    ]
    return f"CCC of each system: {'; '.join(said)}"


def _gains(gains: Mapping[str, Any]) -> list[Table]:
    """Lay out the paired tests, and beside them those of the paper."""
    paired, papers = [], []
    for system, by_scenario in gains.items():
        for (scenario, by_dimension), dimension in product(by_scenario.items(), DIMENSIONS):
            found, named = by_dimension[dimension], [system, scenario, dimension]
            low, high = found["interval"] or (None, None)
            paired.append(
                [
                    *named,
                    _number(found["classic"]),
                    _number(found["enhanced"]),
                    _number(found["gain"], "+"),
                    f"{_number(low, '+')} to {_number(high, '+')}" if low is not None else DASH,
                    *(p_text(found[p]) for p in ("p", "p_holm")),
                    f"{found['clusters']:,}",
                ]
            )
            tests = found["paper"]["by_frames"], found["paper"]["by_recordings"]
            papers.append([*named, *(p_text(test and test["p"]) for test in tests)])
    gained = ["CCC alone", "with help", "gain", "95 % interval", "p", "p (Holm)", "subjects"]
    of_paper = ["r-to-z of the paper: p (frames)", "p (recordings)"]
    first = ["system", "from", "dimension"]
    return [Table([*first, *gained], "lllr", paired), Table([*first, *of_paper], "lllr", papers)]


def _undefined(joined: pd.DataFrame, scores: Mapping[str, Any]) -> list[str]:
    """Say of every figure that is not defined which one it is and why, those of one reason once."""
    named = defaultdict(list)
    # The labels alone decide on the scores: they are the same for every system.
    systems = {s: found for by_s in scores["systems"].values() for s, found in by_s.items()}
    for scenario, dimension in product(systems, DIMENSIONS):
        after = systems[scenario][dimension]["after"]
        labels = joined[joined["scenario"] == scenario].groupby("fold")[f"{dimension}_label"]
        flat = sum(is_constant(values.dropna().to_numpy()) for _, values in labels)
        reasons = ["No score, gain or p at all, as no frame has a label"]
        if after["pooled"]["frames"]:
            reasons = _unscored(after, flat)
            for by_scenario in scores["gains"].values():
                if scenario in by_scenario:
                    reasons += _untested(by_scenario[scenario][dimension], after["pooled"])
        for reason in dict.fromkeys(reasons):
            named[reason].append(f"{dimension} from {scenario}")
    return [f"{reason}: {', '.join(names)}." for reason, names in named.items()]


def _unscored(scores: Mapping[str, Any], flat_folds: int) -> list[str]:
    pooled, folds, reasons = scores["pooled"], scores["folds"], []
    if scores["ccc_concatenated"] is None:
        reasons.append("No CCC of recordings joined, as in no fold labels vary")
    elif flat_folds:
        reasons.append(
            f"The labels of {flat_folds} of {folds} folds do not vary, or there are none: no CCC of"
            " these folds, and the mean is that of the others"
        )
    flat, total = pooled["recordings_total"] - pooled["recordings"], pooled["recordings_total"]
    if scores["ccc_per_recording"] is None:
        reasons.append("No mean of the recordings' own CCC, as in no recording labels vary")
    elif flat:
        reasons.append(
            f"The labels of {flat:,} of {total:,} recordings do not vary, or there are none: no CCC"
            " of their own, and the mean is that of the others (joined with others they count)"
        )
    alone = [t for m, t in _TITLES.items() if scores[m] is not None and scores[f"{m}_std"] is None]
    if alone:
        reasons.append(f"No standard deviation, as one fold alone counts ({'; '.join(alone)})")
    return reasons


def _untested(gain: Mapping[str, Any], pooled: Mapping[str, Any]) -> list[str]:
    if gain["gain"] is None:
        return ["No CCC, gain or p over all folds joined, as their labels do not vary"]
    counts = {"frames": pooled["frames"], "recordings": pooled["recordings_total"]}
    alone = (
        [] if gain["interval"] else ["No interval and no p, as all recordings are one subject's"]
    )
    return alone + [
        f"No p ({name}), as Fisher's test "
        + (f"needs four and there are {n}" if n < 4 else "is not defined for a CCC of 1 or -1")
        for name, n in counts.items()
        if gain["paper"][f"by_{name}"] is None
    ]


def _typical(rows: pd.DataFrame) -> list[str]:
    """Name the recordings at quantiles of the error in both dimensions."""
    labels = rows[[f"{dimension}_label" for dimension in DIMENSIONS]].to_numpy()
    error = ((rows[list(DIMENSIONS)] - labels) ** 2).sum(axis=1, skipna=False)
    by_clip = error.groupby(rows["clip_id"]).mean().dropna().sort_values(kind="stable")
    places = (np.array(_SHOWN) * (len(by_clip) - 1)).round().astype(int)
    return list(dict.fromkeys(by_clip.index[places])) if len(by_clip) else []


def _cell(scores: Mapping[str, Any], metric: str) -> str:
    spread = scores[f"{metric}_std"]
    return _number(scores[metric]) + ("" if spread is None else f" ± {spread:.3f}")


def _number(value: float | None, sign: str = "") -> str:
    return DASH if value is None else f"{value:{sign}.3f}"
