"""Sections of the report. Each function turns a run into one `Section`, or None if it has none."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import yaml

from avlib.corpora.published_folds import published_folds, remarks
from avlib.protocol_params import Protocol
from avlib.protocols import SUBJECT_INDEPENDENT, has_label
from avlib.report.formats import DASH, number, percent, score
from avlib.report.normalisation import NONE
from avlib.report.page import Picture, Section, Table, filled
from avlib.report.published import Published, PublishedProtocol, cite
from avlib.report.report_data import ReportData
from avlib.report.score_plots import stage_status
from avlib.report.scores import DEFAULT, fold_scores, model_scores, scores_with
from avlib.report.standings import used
from avlib.report.words import words_beside

_WORDS = words_beside(__file__)
_TITLES = {"accuracy": "accuracy (%)", "uar": "UAR (%)", "f1_macro": "macro-F1 (%)"}
LISTED = 100  # reasons of one status that the report lists
NAMED = 10  # clips that it names for each


def data_and_protocol(data: ReportData, identity: Mapping[str, str]) -> Section:
    """Say what was divided how, what a guess would score, and what made the run."""
    clips, protocol = data.used_clips, data.protocol
    emotions = clips["emotion"].value_counts().sort_index()
    awaited = int((~has_label(clips)).sum())
    corpus = (
        f"{data.corpus}: {len(clips) - awaited:,} labelled clips of"
        f" {clips['subject'].nunique()} subjects, {len(emotions)} emotions"
    )
    if awaited:
        corpus += f"; {awaited:,} clips without labels are predicted too"
    if unlabelled := len(data.clips) - len(clips) - len(data.helping_clips):
        corpus += f"; {unlabelled:,} further clips are in no fold, unlabelled or left out"
    apart = SUBJECT_INDEPENDENT[protocol.name]
    independent = "subject-independent" if apart else "subjects are shared"
    sizes = data.folds.groupby(["part", "fold"]).size().groupby("part").mean()
    per_fold = ", ".join(f"{part} {sizes.get(part, 0):,.0f}" for part in data.fold_parts)
    several = data.n_folds > 1
    folds = f"{data.n_folds} folds" if several else "1 fold"
    facts = {
        "Corpus": corpus,
        "Only helps to train": _helping(data),
        "Emotions": ", ".join(f"{emotion} {n:,}" for emotion, n in emotions.items()),
        "Protocol": f"{_named(protocol)}, {folds}, {independent}, seed {protocol.seed}",
        "Selection": _selection(data),
        "Clips per fold": f"{per_fold} (mean)" if several else per_fold,
        "Speakers": _speakers(data),
        "Enrolled clips": _enrolled(data),
    }
    if len(emotions):
        facts["Chance"] = (
            f"{percent(data.chance)} % by guessing among the emotions; "
            f"{percent(emotions.max() / len(clips))} % accuracy by always saying "
            f"{emotions.idxmax()}"
        )
    rows = [(name, fact) for name, fact in facts.items() if fact]  # continuous labels: no emotions
    rows += [("Found", note) for note in data.notes]
    if protocol.folds is not None:
        listed = published_folds(data.corpus, protocol.folds)
        said = remarks(protocol.folds, listed, data.clips["subject"].dropna())
        rows += [("Folds", remark) for remark in said]
    rows += identity.items()
    return Section("Data and protocol", tables=[Table(["", ""], "l", rows)], opened=True)


def models(
    data: ReportData, descriptions: Mapping[str, str], untrained: Mapping[str, str]
) -> Section | None:
    """Say in one line what each model is, and why some have no scores."""
    known = [(m, descriptions[m]) for m in data.predictions if m in descriptions]
    absent = [(m, descriptions.get(m, DASH), why) for m, why in untrained.items()]
    tables = filled(
        Table(["model", "what it is"], "l", known),
        Table(["without scores", "what it is", "why"], "l", absent),
    )
    return Section("Models", tables=tables) if tables else None


def raters_votes(data: ReportData) -> Section | None:
    """Score against what the corpus' raters perceived, where it tells."""
    named = {"vote_voice": "voice", "vote_face": "face", "vote_multimodal": "both"}
    votes = data.used_clips.set_index("clip_id").reindex(columns=list(named)).rename(columns=named)
    # No ties, and no emotion that is not tested.
    votes = votes.where(votes.isin(data.emotions)).dropna(axis="columns", how="all")
    if votes.empty or not data.predictions:
        return None
    rows = []
    for model, table in data.predictions.items():
        cells = [_against(vote.dropna(), table, data.folds) for _, vote in votes.items()]
        rows.append([model, percent(data.scores[model]["accuracy"]), *cells])
    columns = ["model", "intended (%)", *(f"perceived, {heard} (%)" for heard in votes)]
    return Section(
        "Against what raters perceived", _WORDS("raters_votes"), [Table(columns, "lr", rows)]
    )


def recalls(data: ReportData) -> Section | None:
    """Compare how well the models recognise each emotion."""
    if not data.scores:
        return None
    by_model = {model: data.recalls(model) for model in data.scores}
    rows = [[model, *map(percent, recall.values())] for model, recall in by_model.items()]
    table = Table(["model", *data.emotions], "lr", rows, shaded=True)
    text = _WORDS("recalls", chance=percent(data.chance))
    return Section("Recall of each emotion", text, [table])


def confusions(data: ReportData) -> Section | None:
    """Show which emotions each model confuses."""
    tables = [_confusion(model, scores) for model, scores in data.scores.items()]
    return Section("Confusions", _WORDS("confusions"), tables) if tables else None


def _confusion(model: str, scores: Mapping[str, Any]) -> Table:
    """Lay out what clips of each emotion were taken for: percent of them, and how many."""
    emotions, counts = scores["pooled"]["confusion"].values()
    rows = []
    for emotion, row in zip(emotions, counts, strict=True):
        total = max(sum(row), 1)
        cells = [f"{100 * n / total:.0f} ({n:,})" if n else "0" for n in row]
        rows.append([emotion, *(cells if sum(row) else [DASH for _ in row])])
    return Table(["true, taken for", *emotions], "lr", rows, model=model, shaded=True)


def published_results(data: ReportData) -> Section | None:
    """List what others reported on the corpus, apart by protocol."""
    same, other, raters, _ = data.published
    rates = [[r.modalities, f"{r.accuracy:.1f}", r.counted or DASH, cite(r.source)] for r in raters]
    listed = data.protocol.name == "published"
    tables = filled(
        _on_the_same_folds(data, same)
        if listed
        else _published("same protocol", same, "ours (%)", [_ours(data, r) for r in same]),
        _published("another protocol", other, "protocol", list(map(_protocol, other))),
        Table(["human raters", "recognised (%)", "counted", "source"], "lrl", rates),
    )
    if not tables:
        return None
    text = _WORDS("published_results")
    text += _WORDS("published_same_folds" if listed and same else "published_other_draws")
    if data.partial:
        text.append(f"{data.partial}; its scores cannot be compared with these.")
    if data.normalised != NONE:
        text += _WORDS("published_normalised", normalise=data.normalised)
    return Section("Published results", text, tables)


def clip_status(data: ReportData) -> Section:
    """Account for every clip in every stage, and name those that did not come through whole."""
    stages = list(data.status["stage"].unique())
    if not stages:
        return Section("Clips by stage", ["No stage has reported on its clips."])
    counts = pd.crosstab(data.status["stage"], data.status["status"])
    counts = counts.reindex(index=stages, columns=["ok", "degraded", "failed"], fill_value=0)
    counts["not reached"] = (len(data.clips) - counts.sum(axis="columns")).clip(lower=0)
    rows = [[stage, *(f"{n:,}" for n in counts.loc[stage])] for stage in stages]
    text = ["Clips on which a stage has not reported are counted as not reached."]
    tables = filled(
        Table(["stage", *counts.columns], "lr", rows),
        _by_reason(data.status, "failed", stages),
        _by_reason(data.status, "degraded", stages),
        Table(["model", "clips not scored", "which"], "lrl", _unscored(data)),
    )
    said = "; ".join(f"{row[0]} {row[1]}, {row[2]}, {row[3]}" for row in rows)
    alt = f"Clips ok, degraded and failed in each stage: {said}"
    picture = Picture("status", stage_status(counts, alt), alt)
    return Section("Clips by stage", text, tables, [picture])


def parameters(params: Mapping[str, Any]) -> Section:
    """Show the parameters of the run."""
    text = yaml.safe_dump(dict(params), sort_keys=False, allow_unicode=True).strip()
    return Section("Parameters", code=text)


def _speakers(data: ReportData) -> str:
    """Say which models normalise speakers, and how; "" where none does."""
    return "; ".join(
        f"normalised ({kind}) by {', '.join(part.predictions)}"
        for kind, part in data.parts.items()
        if kind != NONE
    )


def _enrolled(data: ReportData) -> str:
    """Count the clips that are enrolled; "" where none is."""
    if data.enrolled.empty:
        return ""
    clips, subjects = data.enrolled["clip_id"].nunique(), data.enrolled["subject"].nunique()
    return (
        f"{clips:,} of {subjects:,} tested speakers, the first {data.enrolled_each} of each; "
        "no model is scored on them"
    )


def _against(emotions: pd.Series, predictions: pd.DataFrame, folds: pd.DataFrame) -> str:
    """Score against other emotions, by clip_id; clips without one are left out of every count."""
    rows = predictions[predictions["condition"] == DEFAULT]
    rows = rows.assign(emotion=rows["clip_id"].map(emotions)).dropna(subset="emotion")
    if rows.empty:
        return f"{DASH}  (0)"
    known = folds[folds["clip_id"].isin(emotions.index)]
    return f"{score(model_scores(fold_scores(rows, known)))}  ({len(rows):,})"


def _by_reason(clips: pd.DataFrame, status: str, stages: list[str]) -> Table:
    """Table of the clips of one status, by stage and reason, the commonest reason first."""
    troubled = clips[clips["status"] == status].sort_values("clip_id")
    by_reason = troubled.groupby(["stage", "reason"])["clip_id"]
    groups: dict[Any, list[str]] = by_reason.agg(list).to_dict()
    order = sorted(groups, key=lambda key: (stages.index(key[0]), -len(groups[key]), key[1]))
    rows = [[*key, f"{len(groups[key]):,}", _names(groups[key])] for key in order[:LISTED]]
    if len(groups) > LISTED:
        more = f"and {len(groups) - LISTED:,} more reasons"
        rows.append(["", more, "", "see the tables of data/status"])
    folded = f"{len(troubled):,} {status}, {len(groups):,} reasons" if len(rows) > 15 else ""
    return Table([f"{status} in", "reason", "clips", "which"], "llrl", rows, folded)


def _unscored(data: ReportData) -> list[list[str]]:
    tested = data.folds.loc[data.folds["part"] == "test", "clip_id"]
    rows = []
    for model, table in data.predictions.items():
        scored = table.loc[table["condition"] == DEFAULT, "clip_id"]
        if missing := sorted(set(tested) - set(scored)):
            rows.append([model, f"{len(missing):,}", _names(missing)])
    return rows


def _names(clip_ids: Sequence[str]) -> str:
    rest = len(clip_ids) - NAMED
    return ", ".join(clip_ids[:NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def _ours(data: ReportData, result: Published) -> str:
    """Write our score beside a published one: of that system, with the same modalities.

    It is the accuracy, or else the first measure that was published.
    """
    predictions = data.predictions.get(result.system)
    given = [metric for metric in _TITLES if getattr(result, metric) is not None]
    if data.partial or predictions is None or not given:
        return DASH
    scores = scores_with(predictions, data.folds, result.modalities)
    return percent(scores[given[0]] if scores else None)


def _published(title: str, results: Sequence[Published], name: str, extra: list[str]) -> Table:
    """Table of published results, with the metrics that any of them has and one more column."""
    columns = {title: [result.label for result in results]}
    for metric, header in _TITLES.items():
        values = [getattr(result, metric) for result in results]
        if any(values):
            columns[header] = [number(value, ".1f") for value in values]
    columns[name] = extra
    if any(result.pretrained for result in results):
        columns["pre-trained on"] = [result.pretrained or DASH for result in results]
    columns["source"] = [cite(result.source) for result in results]
    align = ["r" if column.endswith("(%)") else "l" for column in columns]
    return Table(list(columns), "".join(align), list(zip(*columns.values(), strict=True)))


def _on_the_same_folds(data: ReportData, results: Sequence[Published]) -> Table:
    """Table of published results on the folds of this run, and of our models below them."""
    rows = [
        [
            result.system,
            result.modalities,
            *(number(value, ".1f") for value in (result.accuracy, result.uar)),
            result.pretrained or DASH,
            cite(result.source),
        ]
        for result in results
    ]
    if results and not data.partial:
        for model, scores in data.scores.items():
            figures = [percent(scores[metric]) for metric in ("accuracy", "uar")]
            rows.append([model, used(data, model), *figures, "see Parameters", "this run"])
    columns = ["same folds", "modalities", *list(_TITLES.values())[:2], "pre-trained on", "source"]
    return Table(columns, "llrrll", rows)


def _protocol(result: Published) -> str:
    protocol = result.protocol
    folds = f", {protocol.k} folds" if protocol.k else ""
    independent = "subject-independent" if SUBJECT_INDEPENDENT[protocol.name] else "subjects shared"
    return f"{_named(protocol)}{folds}, {independent}"


def _helping(data: ReportData) -> str:
    """Say which corpus only helps to train; "" where there is none."""
    clips = data.helping_clips
    if clips.empty:
        return ""
    subjects = clips["subject"].nunique()
    return f"{clips['corpus'].iloc[0]}: {len(clips):,} clips of {subjects} subjects, in every fold"


def _selection(data: ReportData) -> str:
    protocol = data.protocol
    held_out = data.folds.loc[data.folds["part"] == "validation", "clip_id"]
    rows = data.clips["clip_id"].isin(held_out)
    if protocol.name == "official" and set(data.clips.loc[rows, "partition"]) == {"validation"}:
        return "on the validation part of the corpus' authors"
    share = f"{100 * protocol.validation:g} %"
    if protocol.validation_by == "clips":
        return f"on {share} of each emotion's training clips, of subjects who train too"
    return f"on whole subjects held out of the training clips ({share} of the training subjects)"


def _named(protocol: Protocol | PublishedProtocol) -> str:
    """Name a protocol, and the list that its folds are of, or the part that is tested."""
    part = getattr(protocol, "part", None)
    further = protocol.folds or (part and f"{part} part tested")
    return f"{protocol.name} ({further})" if further else protocol.name
