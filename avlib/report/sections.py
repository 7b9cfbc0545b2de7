"""Sections of the report. Each function turns a run into one `Section`, or None if it has none."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import yaml

from avlib.protocols import PARTS
from avlib.report import plots
from avlib.report.formats import DASH, percent, score
from avlib.report.page import Picture, Section, Table
from avlib.report.published import Published, beside, cite
from avlib.report.report_data import ReportData
from avlib.report.scores import DEFAULT, METRICS, condition_with, model_scores, scores_with
from avlib.report.words import words_beside

_WORDS = words_beside(__file__)
LISTED = 100  # reasons of one status that the report lists
NAMED = 10  # clips that it names for each
_STATUSES = ["ok", "degraded", "failed"]


def data_and_protocol(data: ReportData) -> Section:
    """Say what was divided how, and what a guess would score."""
    clips, protocol = data.used_clips, data.protocol
    emotions = clips["emotion"].value_counts().sort_index()
    corpus = (
        f"{data.corpus}: {len(clips):,} labelled clips of {clips['subject'].nunique()} subjects, "
        f"{len(emotions)} emotions"
    )
    if unlabelled := len(data.clips) - len(clips):
        corpus += f"; {unlabelled:,} further clips are in no fold, unlabelled or left out"
    independent = "subject-independent" if data.subject_independent else "subjects are shared"
    sizes = data.folds.groupby(["part", "fold"]).size().groupby("part").mean()
    per_fold = ", ".join(f"{part} {sizes.get(part, 0):,.0f}" for part in PARTS)
    several = data.n_folds > 1
    folds = f"{data.n_folds} folds" if several else "1 fold"
    facts = {
        "Corpus": corpus,
        "Emotions": ", ".join(f"{emotion} {n:,}" for emotion, n in emotions.items()),
        "Protocol": f"{protocol.name}, {folds}, {independent}, seed {protocol.seed}",
        "Selection": f"on whole subjects held out of the training clips "
        f"({100 * protocol.validation:g} % of the training subjects)",
        "Clips per fold": f"{per_fold} (mean)" if several else per_fold,
    }
    if len(emotions):
        facts["Chance"] = (
            f"{percent(data.chance)} % by guessing among the emotions; "
            f"{percent(emotions.max() / len(clips))} % accuracy by always saying "
            f"{emotions.idxmax()}"
        )
    else:  # labels are continuous
        del facts["Emotions"]
    rows = [*facts.items(), *(("Found", note) for note in data.notes)]
    return Section("Data and protocol", tables=[Table(["", ""], "l", rows)])


def results(data: ReportData) -> Section:
    """Compare the models, beside published figures where they are comparable."""
    if not data.scores:
        return Section("Results", ["No model has predictions yet."])
    columns = ["accuracy (%)", "UAR (%)", "macro-F1 (%)", "clips scored"]
    published = {model: _beside(data, model) for model in data.scores}
    rows = []
    for model, scores in data.scores.items():
        cells = [score(scores, metric) for metric in METRICS]
        clips = f"{scores['clips']:,} / {scores['clips_total']:,}"
        rows.append([model, _used(data.predictions[model]), *cells, clips])
    text = _WORDS("results")
    if any(published.values()):
        columns.append("published (%)")
        for row, figure in zip(rows, published.values(), strict=True):
            row.append(_figure(figure.accuracy if figure else None))
        text += _WORDS("results_published")
    if any(scores["clips"] < scores["clips_total"] for scores in data.scores.values()):
        text += _WORDS("results_unscored")
    lost = (data.status["stage"] == "clips") & (data.status["status"] == "failed")
    if lost.any():
        text += _WORDS("results_lost", lost=lost.sum())
    png = plots.comparison_bars(data.scores, data.chance)
    picture = Picture("comparison", png, "Mean accuracy of each model over folds")
    table = Table(["model", "modalities used", *columns], "llr", rows)
    return Section("Results", text, [table], [picture])


def models(
    data: ReportData, descriptions: Mapping[str, str], untrained: Mapping[str, str]
) -> Section | None:
    """Say in one line what each model is, and why some have no scores."""
    known = [(m, descriptions[m]) for m in data.scores if m in descriptions]
    absent = [(m, descriptions.get(m, DASH), why) for m, why in untrained.items()]
    tables = []
    if known:
        tables.append(Table(["model", "what it is"], "l", known))
    if absent:
        tables.append(Table(["without scores", "what it is", "why"], "l", absent))
    return Section("Models", tables=tables) if tables else None


def raters_votes(data: ReportData) -> Section | None:
    """Score against what the corpus' raters perceived, where it tells."""
    named = {"voice": "vote_voice", "face": "vote_face", "both": "vote_multimodal"}
    votes = {}
    for heard, column in named.items():
        if column in data.used_clips:
            vote = data.used_clips.set_index("clip_id")[column]
            vote = vote.where(vote.isin(data.emotions))  # no ties, no emotion that is not tested
            if vote.notna().any():
                votes[heard] = vote
    if not votes or not data.predictions:
        return None
    rows = []
    for model, table in data.predictions.items():
        scores = [model_scores(table, data.folds, truth=vote) for vote in votes.values()]
        cells = [f"{score(s)}  ({s['clips']:,})" for s in scores]
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
    table = Table(["model", *data.emotions], "lr", rows)
    png = plots.recall_bars(by_model, data.chance)
    picture = Picture("recall", png, "Recall of each emotion by each model; dashed line: chance")
    text = ["Recall in percent, over the test clips of all folds. The dashed line is chance."]
    return Section("Recall of each emotion", text, [table], [picture])


def confusions(data: ReportData) -> Section | None:
    """Show which emotions each model confuses."""
    if not data.scores:
        return None
    pictures = []
    for model, scores in data.scores.items():
        matrix = scores["pooled"]["confusion"]
        png = plots.confusion(matrix["counts"], matrix["emotions"], model)
        pictures.append(Picture(f"confusion_{model}", png, f"Confusion matrix of {model}"))
    text = ["Test clips of all folds. Large figures are percent of the true emotion, small clips."]
    return Section("Confusions", text, (), pictures)


def folds(data: ReportData) -> Section | None:
    """Show how much the scores vary over folds."""
    if not data.scores:
        return None
    parts = data.folds.groupby(["fold", "part"]).size().unstack(fill_value=0)
    parts = parts.reindex(columns=list(PARTS), fill_value=0)
    tested = data.folds[data.folds["part"] == "test"].merge(data.clips[["clip_id", "subject"]])
    subjects = tested.groupby("fold")["subject"].nunique()
    rows = []
    for fold in parts.index:
        counts = [f"{n:,}" for n in (subjects.get(fold, 0), *parts.loc[fold])]
        scores = [percent(by_fold[fold]["accuracy"]) for by_fold in data.fold_scores.values()]
        rows.append([str(fold), *counts, *scores])
    columns = ["fold", "subjects tested", *PARTS, *data.fold_scores]
    folded = f"Clips and accuracy in each of {len(rows)} folds" if len(rows) > 12 else ""
    table = Table(columns, "r", rows, folded)
    dots = {m: [s["accuracy"] for s in f.values()] for m, f in data.fold_scores.items()}
    png = plots.fold_dots(dots, data.chance)
    picture = Picture("folds", png, "Accuracy of each model in each fold")
    text = ["Clips of each part, and each model's accuracy in percent."]
    return Section("Folds", text, [table], [picture])


def published_results(data: ReportData) -> Section | None:
    """List what others reported on the corpus, apart by protocol."""
    known = beside(data.corpus, data.protocol.name, data.n_folds)
    tables = []
    if known.same_protocol:
        ours = [_ours(data, result) for result in known.same_protocol]
        tables.append(_published("same protocol", known.same_protocol, "ours (%)", ours))
    if known.other_protocol:
        protocols = [_protocol(result) for result in known.other_protocol]
        tables.append(_published("another protocol", known.other_protocol, "protocol", protocols))
    if known.human_raters:
        rows = [[r.modalities, f"{r.accuracy:.1f}", r.source] for r in known.human_raters]
        tables.append(Table(["human raters", "recognised (%)", "source"], "lrl", rows))
    if not tables:
        return None
    text = _WORDS("published_results")
    if data.partial:
        text.append(f"{data.partial}; its scores cannot be compared with these.")
    return Section("Published results", text, tables)


def clip_status(data: ReportData) -> Section:
    """Account for every clip in every stage, and name those that did not come through whole."""
    stages = list(data.status["stage"].unique())
    if not stages:
        return Section("Clips by stage", ["No stage has reported on its clips."])
    counts = data.status.groupby(["stage", "status"]).size().unstack(fill_value=0)
    counts = counts.reindex(index=stages, columns=_STATUSES, fill_value=0)
    counts["not reached"] = (len(data.clips) - counts.sum(axis="columns")).clip(lower=0)
    rows = [[stage, *(f"{n:,}" for n in counts.loc[stage])] for stage in stages]
    tables = [Table(["stage", *counts.columns], "lr", rows)]
    text = ["Clips on which a stage has not reported are counted as not reached."]
    for status in ("failed", "degraded"):
        troubled = data.status[data.status["status"] == status]
        if len(troubled):
            tables.append(_by_reason(troubled, status, stages))
    if unscored := _unscored(data):
        tables.append(Table(["model", "clips not scored", "which"], "lrl", unscored))
    png = plots.stage_status(counts)
    picture = Picture("status", png, "Clips ok, degraded and failed in each stage")
    return Section("Clips by stage", text, tables, [picture])


def parameters(params: Mapping[str, Any]) -> Section:
    """Show the parameters of the run."""
    text = yaml.safe_dump(dict(params), sort_keys=False, allow_unicode=True).strip()
    return Section("Parameters", code=text)


def _used(predictions: pd.DataFrame) -> str:
    """Modalities that a model used, with the number of clips where it did not always use all."""
    rows = predictions[predictions["condition"] == DEFAULT]
    counts = rows["modalities"].value_counts()
    if len(counts) == 1:
        return str(counts.index[0])
    return ", ".join(f"{modalities} ({n:,})" for modalities, n in counts.items())


def _by_reason(troubled: pd.DataFrame, status: str, stages: list[str]) -> Table:
    """Table of the clips of one status, by stage and reason, the commonest reason first."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in troubled.sort_values("clip_id").to_dict("records"):
        groups.setdefault((row["stage"], row["reason"]), []).append(row["clip_id"])
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


def _beside(data: ReportData, model: str) -> Published | None:
    """Return the published figure that a model's accuracy may stand beside, if there is one."""
    if data.partial:
        return None
    for result in beside(data.corpus, data.protocol.name, data.n_folds).same_protocol:
        same = result.system == model and result.accuracy is not None
        if same and condition_with(data.predictions[model], result.modalities) == DEFAULT:
            return result
    return None


def _ours(data: ReportData, result: Published) -> str:
    """Write our accuracy beside a published one: of that system, with the same modalities."""
    predictions = data.predictions.get(result.system)
    if data.partial or predictions is None or result.accuracy is None:
        return DASH
    scores = scores_with(predictions, data.folds, result.modalities)
    return percent(scores["accuracy"] if scores else None)


def _published(title: str, results: Sequence[Published], name: str, extra: list[str]) -> Table:
    """Table of published results, with the metrics that any of them has and one more column."""
    metrics = {"accuracy (%)": "accuracy", "UAR (%)": "uar", "macro-F1 (%)": "f1_macro"}
    found = {
        header: [getattr(result, metric) for result in results]
        for header, metric in metrics.items()
    }
    columns = {
        title: [result.label for result in results],
        **{h: list(map(_figure, values)) for h, values in found.items() if any(values)},
        name: extra,
        "source": [cite(result.source) for result in results],
    }
    align = ["r" if column.endswith("(%)") else "l" for column in columns]
    return Table(list(columns), "".join(align), list(zip(*columns.values(), strict=True)))


def _figure(published: float | None) -> str:
    """Write a published figure, in percent."""
    return DASH if published is None else f"{published:.1f}"


def _protocol(result: Published) -> str:
    protocol = result.protocol
    folds = f", {protocol.k} folds" if protocol.k else ""
    independent = "subject-independent" if protocol.subject_independent else "subjects shared"
    return f"{protocol.name}{folds}, {independent}"
