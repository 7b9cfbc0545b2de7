"""The section of the report on recognition over time (gating paradigm, figs. 4-5, table II)."""

from collections.abc import Mapping, Sequence

import pandas as pd

from avlib.report.formats import DASH, percent, score
from avlib.report.page import Picture, Section, Table
from avlib.report.report_data import ReportData
from avlib.report.scores import DEFAULT, conditions_of, emotions_of
from avlib.report.words import words_beside
from avlib.systems.gating import gate_plots, gates
from avlib.systems.gating.tables import GATES

_WORDS = words_beside(__file__)
_NAMES = {"audio": "audio", "video": "video", "audio+video": "audio-visual"}
_UNFOLDED = 12  # gates that a table shows without being opened


def report_part(data: ReportData) -> Section | None:
    """Return `gates_section` of one run, the paper's own system first."""
    gate_tables = {model: data.table(GATES, model) for model in reversed(gates.TABLE_II)}
    return gates_section(gate_tables, data.predictions, data.folds)


def gates_section(
    gate_tables: Mapping[str, pd.DataFrame],
    predictions: Mapping[str, pd.DataFrame],
    folds: pd.DataFrame,
) -> Section | None:
    """Tell how recognition grows over a clip, and what each modality gives at its end.

    Parameters
    ----------
    gate_tables
        Table ``gates`` by model; those without rows count as absent.
    predictions
        Table ``predictions`` by model, made at each clip's last gate.
    folds
        Table ``folds``.

    Returns
    -------
    Section or None
        None where there is no table of gates.

    Raises
    ------
    DataError, LeakError
        See `gates.gate_scores`.
    """
    trained = {model: table for model, table in gate_tables.items() if len(table)}
    if not trained:
        return None
    text = _WORDS("gates")
    tables: list[Table] = []
    kinds, pictures = [], []
    for model, table in trained.items():
        scores, groups = gates.gate_scores(table, folds), gates.group_scores(table, folds)
        names = _names(table, predictions.get(model))
        gain = _gain(model, scores, names)
        text.append(gain)
        tables += _by_gate(model, scores, names)
        curves = {"all": scores[scores["condition"] == DEFAULT], **groups}
        kinds += [[model, *_kind(name, curve)] for name, curve in curves.items()]
        legend = names | {group: f"{group} emotions" for group in groups}
        alt = f"Over time, by modality and for positive and negative emotions. {gain}"
        chance = 1 / len(emotions_of(table))
        svg = gate_plots.over_time(scores, groups, legend, chance, model, alt)
        pictures.append(Picture(f"gates_{model}", svg, alt, model))
    named = "; ".join(f"{group} are {_and(emotions)}" for group, emotions in gates.GROUPS.items())
    text += _WORDS("kinds", named=named, rise=100 * gates.RISE)
    columns = ["", "emotions", "clips", "first gate (%)", "last gate (%)", "plateau from"]
    tables.append(Table(columns, "llr", kinds))
    if at_the_end := _table_two(predictions, folds):
        text += _WORDS("table_two")
        tables.append(at_the_end)
    return Section("Recognition over time", text, tables, pictures)


def _names(table: pd.DataFrame, predictions: pd.DataFrame | None) -> dict[str, str]:
    """Name the modalities that a model used under each condition."""
    conditions = conditions_of(table)
    used = "audio+video"
    if conditions == [DEFAULT] and predictions is not None:  # it may have but one modality
        used = predictions.loc[predictions["condition"] == DEFAULT, "modalities"].mode().iloc[0]
    return {c: _NAMES[used if c == DEFAULT else c] for c in conditions}


def _gain(model: str, scores: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Say how accuracy goes from the first gate to the last."""
    first, last = scores["time"].min(), scores["time"].max()
    if first == last:
        return f"{model} has one gate only ({first:.3g} s): nothing changes over time."
    parts = []
    for condition, curve in scores.groupby("condition", sort=False):
        start, end = curve["accuracy"].iloc[[0, -1]]
        clips = int(curve["clips"].iloc[0])
        of_clips = f", {clips:,} clips" if clips < scores["clips"].max() else ""
        gain = f"({100 * (end - start):+.1f} points{of_clips})"
        parts.append(f"{names[str(condition)]} {percent(start)} to {percent(end)} % {gain}")
    span = f"from its first gate ({first:.3g} s) to its last ({last:.3g} s)"
    return f"Accuracy of {model} {span}: {'; '.join(parts)}."


def _by_gate(model: str, scores: pd.DataFrame, names: Mapping[str, str]) -> list[Table]:
    """Lay the scores out by gate: over folds, and, to be opened, over all test clips together."""
    default = scores[scores["condition"] == DEFAULT].set_index("gate")
    opened = [
        [str(gate), f"{row['time']:.2f}", f"{row['open']:,} / {row['clips']:,}"]
        for gate, row in default.iterrows()
    ]
    titles = {"accuracy": "accuracy", "uar": "UAR"}
    columns, over_folds, pooled = [], [], []
    for condition, curve in scores.groupby("condition", sort=False):
        for metric, title in titles.items():
            columns.append(f"{title}, {names[str(condition)]} (%)")
            spread = curve[f"{metric}_std"]
            over_folds.append([percent(*pair) for pair in zip(curve[metric], spread, strict=True)])
            pooled.append([percent(value) for value in curve[f"pooled_{metric}"]])
    heads = [f"{model}, gate", "until (s)", "clips open", *columns]
    folded = f"{model}, {len(opened)} gates" if len(opened) > _UNFOLDED else ""
    together = f"{model}, all test clips of all folds together"
    return [
        Table(heads, "r", [[*g, *c] for g, *c in zip(opened, *cells, strict=True)], line)
        for cells, line in ((over_folds, folded), (pooled, together))
    ]


def _kind(name: str, curve: pd.DataFrame) -> list[str]:
    """Cells about the curve of one kind of emotions."""
    gate = gates.plateau(curve["accuracy"])
    ends = [percent(*curve[["accuracy", "accuracy_std"]].iloc[i]) for i in (0, -1)]
    if gate is not None:
        start = f"{curve['time'].iloc[gate - 1]:.2f} s (gate {gate})"
    else:
        start = "still rising" if len(curve) > 1 else DASH
    return [name, f"{curve['clips'].iloc[0]:,}", *ends, start]


def _table_two(predictions: Mapping[str, pd.DataFrame], folds: pd.DataFrame) -> Table | None:
    """Lay out the nine cells of table II; a dash where something was not tested."""
    found = gates.table_two(predictions, folds)
    if not found:
        return None
    rows = [
        [title, *(score(found.get(model, {}).get(m)) for m in gates.MODALITIES)]
        for model, title in gates.TABLE_II.items()
    ]
    return Table(["at the last gate", *(_NAMES[m] for m in gates.MODALITIES)], "lr", rows)


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]])
