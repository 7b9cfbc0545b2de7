"""Sections of the report. Each function turns a run into one `Section`, or None if it has none."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import yaml

from avlib.protocols import PARTS
from avlib.report import plots
from avlib.report.page import Picture, Section, Table
from avlib.report.published import Published, beside, cite
from avlib.report.report_data import Run
from avlib.report.scores import DEFAULT, condition_with, model_scores

LISTED = 100  # reasons of one status that the report lists
NAMED = 10  # clips that it names for each
_STATUSES = ("ok", "degraded", "failed")


def percent(value: float | None, std: float | None = None) -> str:
    """Write a score in [0, 1] as percent with one decimal; nothing to score is a dash."""
    if value is None or math.isnan(value):
        return "–"
    spread = "" if std is None or math.isnan(std) else f" ± {100 * std:.1f}"
    return f"{100 * value:.1f}{spread}"


def data_and_protocol(run: Run) -> Section:
    """Say what was divided how, and what a guess would score."""
    clips, protocol = run.used_clips, run.protocol
    emotions = clips["emotion"].value_counts().sort_index()
    unlabelled = len(run.clips) - len(clips)
    sizes = run.folds.groupby(["part", "fold"]).size().groupby("part").mean()
    independent = "subject-independent" if run.subject_independent else "subjects are shared"
    folds = f"{run.n_folds} fold{'s' * (run.n_folds > 1)}"
    facts = {
        "Corpus": f"{run.corpus}: {len(clips):,} labelled clips of {clips['subject'].nunique()} "
        f"subjects, {len(emotions)} emotions"
        + f"; {unlabelled:,} further clips are in no fold, unlabelled or left out"
        * bool(unlabelled),
        "Emotions": ", ".join(f"{emotion} {n:,}" for emotion, n in emotions.items()),
        "Protocol": f"{protocol.name}, {folds}, {independent}, seed {protocol.seed}",
        "Selection": f"on whole subjects held out of the training clips "
        f"({100 * protocol.validation:g} % of the training subjects)",
        "Clips per fold": ", ".join(f"{part} {sizes.get(part, 0):,.0f}" for part in PARTS)
        + " (mean)" * (run.n_folds > 1),
        "Chance": f"{percent(run.chance)} % by guessing among the emotions"
        + (
            f"; {percent(emotions.max() / len(clips))} % accuracy by always saying "
            f"{emotions.idxmax()}"
            if len(emotions)
            else ""
        ),
    }
    if not len(emotions):  # labels are continuous
        facts = {name: fact for name, fact in facts.items() if name not in ("Emotions", "Chance")}
    rows = [*facts.items(), *(("Found", note) for note in run.notes)]
    return Section("Data and protocol", tables=[Table(["", ""], "ll", rows)])


def results(run: Run) -> Section:
    """Compare the models, beside published figures where they are comparable."""
    published = {
        model: figure for model in run.scores if (figure := _beside(run, model)) is not None
    }
    rows = []
    for model, scores in run.scores.items():
        row = [model, _used(run.predictions[model]), *_score_cells(scores)]
        if published:
            row.append(f"{published[model].accuracy:.1f}" if model in published else "–")
        rows.append(row)
    columns = ["model", "modalities used", *_SCORE_COLUMNS] + ["published (%)"] * bool(published)
    text = [
        "Accuracy is the share of clips that are right, UAR the unweighted mean of the emotions' "
        "recalls; both, and macro-F1, are means over folds, with the standard deviation over folds."
    ]
    if published:
        text.append(
            "Published accuracies are shown where corpus, protocol and modalities match; "
            "the papers' folds are other draws."
        )
    if any(scores["clips"] < scores["clips_total"] for scores in run.scores.values()):
        text.append(
            "Scores are over the clips that a model could score. Clips without a usable modality "
            "are missing from them (named below, by stage); accuracy times the share of clips "
            "scored counts them as wrong."
        )
    if lost := _lost(run):
        text.append(
            "Clips of the corpus that are not here or cannot be read, and that no score counts: "
            f"{lost:,} (see clips by stage)."
        )
    if not run.scores:
        text = ["No model has predictions yet."]
    tables = [Table(columns, "ll" + "r" * (len(columns) - 2), rows)] if rows else []
    pictures = []
    if run.scores:
        png = plots.comparison_bars(run.scores, run.chance)
        pictures.append(Picture("comparison", png, "Mean accuracy of each model over folds"))
    return Section("Results", text, tables, pictures)


def models(
    run: Run, descriptions: Mapping[str, str], untrained: Mapping[str, str]
) -> Section | None:
    """Say in one line what each model is, and why some have no scores."""
    known = [(m, descriptions[m]) for m in run.scores if m in descriptions]
    absent = [(m, descriptions.get(m, "–"), why) for m, why in untrained.items()]
    tables = []
    if known:
        tables.append(Table(["model", "what it is"], "ll", known))
    if absent:
        tables.append(Table(["without scores", "what it is", "why"], "lll", absent))
    return Section("Models", tables=tables) if tables else None


def raters_votes(run: Run) -> Section | None:
    """Score against what the corpus' raters perceived, where it tells."""
    named = {"voice": "vote_voice", "face": "vote_face", "both": "vote_multimodal"}
    votes = {}
    for heard, column in named.items():
        if column in run.used_clips:
            vote = run.used_clips.set_index("clip_id")[column]
            vote = vote.where(vote.isin(run.emotions))  # neither ties nor emotions not tested here
            if vote.notna().any():
                votes[heard] = vote
    if not votes or not run.predictions:
        return None
    rows = []
    for model, table in run.predictions.items():
        scores = [model_scores(table, run.folds, truth=vote) for vote in votes.values()]
        cells = [f"{percent(s['accuracy'], s['accuracy_std'])}  ({s['clips']:,})" for s in scores]
        rows.append([model, percent(run.scores[model]["accuracy"]), *cells])
    columns = ["model", "intended (%)", *(f"perceived, {heard} (%)" for heard in votes)]
    text = [
        "Accuracy against the emotion that the actor intended, and against the one that most "
        "raters perceived from voice, face or both; clips whose vote is a tie, or an emotion that "
        "this run lacks, are left out "
        "(clips in brackets)."
    ]
    align = "l" + "r" * (len(columns) - 1)
    return Section("Against what raters perceived", text, [Table(columns, align, rows)])


def recalls(run: Run) -> Section | None:
    """Compare how well the models recognise each emotion."""
    if not run.scores:
        return None
    by_model = {
        model: {e: scores["pooled"]["recall"].get(e, math.nan) for e in run.emotions}
        for model, scores in run.scores.items()
    }
    rows = [[m, *(percent(recall) for recall in r.values())] for m, r in by_model.items()]
    table = Table(["model", *run.emotions], "l" + "r" * len(run.emotions), rows)
    png = plots.recall_bars(by_model, run.chance)
    picture = Picture("recall", png, "Recall of each emotion by each model; dashed line: chance")
    text = ["Recall in percent, over the test clips of all folds. The dashed line is chance."]
    return Section("Recall of each emotion", text, [table], [picture])


def confusions(run: Run) -> Section | None:
    """Show which emotions each model confuses."""
    if not run.scores:
        return None
    pictures = []
    for model, scores in run.scores.items():
        matrix = scores["pooled"]["confusion"]
        png = plots.confusion(matrix["counts"], matrix["emotions"], model)
        pictures.append(Picture(f"confusion_{model}", png, f"Confusion matrix of {model}"))
    text = ["Test clips of all folds. Large figures are percent of the true emotion, small clips."]
    return Section("Confusions", text, (), pictures)


def folds(run: Run) -> Section | None:
    """Show how much the scores vary over folds."""
    if not run.scores:
        return None
    parts = run.folds.groupby(["fold", "part"]).size().unstack(fill_value=0)
    tested = run.folds[run.folds["part"] == "test"].merge(run.clips[["clip_id", "subject"]])
    subjects = tested.groupby("fold")["subject"].nunique()
    rows = []
    for fold in parts.index:
        clips = [f"{parts.loc[fold].get(part, 0):,}" for part in PARTS]
        scores = [percent(by_fold[fold]["accuracy"]) for by_fold in run.fold_scores.values()]
        rows.append([str(fold), f"{subjects.get(fold, 0):,}", *clips, *scores])
    columns = ["fold", "subjects tested", *PARTS, *run.fold_scores]
    folded = f"Clips and accuracy in each of {len(rows)} folds" if len(rows) > 12 else ""
    table = Table(columns, "r" * len(columns), rows, folded)
    dots = {m: [s["accuracy"] for s in f.values()] for m, f in run.fold_scores.items()}
    picture = Picture(
        "folds", plots.fold_dots(dots, run.chance), "Accuracy of each model in each fold"
    )
    return Section(
        "Folds", ["Clips of each part, and each model's accuracy in percent."], [table], [picture]
    )


def published_results(run: Run) -> Section | None:
    """List what others reported on the corpus, apart by protocol."""
    known = beside(run.corpus, run.protocol.name, run.n_folds)
    tables = []
    if known.same_protocol:
        ours = [_ours(run, result) for result in known.same_protocol]
        tables.append(_published("same protocol", known.same_protocol, "ours (%)", ours))
    if known.other_protocol:
        protocols = [_protocol(result) for result in known.other_protocol]
        tables.append(_published("another protocol", known.other_protocol, "protocol", protocols))
    if known.people:
        rows = [[r.modalities, f"{r.accuracy:.1f}", r.source] for r in known.people]
        tables.append(Table(["people", "recognised (%)", "source"], "lrl", rows))
    if not tables:
        return None
    text = [
        "Figures that others report; none was measured here. Those under another protocol cannot "
        "be compared with ours. The papers publish no lists of subjects, so even under the same "
        "protocol their folds are other draws."
    ]
    if run.partial:
        text.append(f"{run.partial}; its scores are no counterpart of these.")
    return Section("Published results", text, tables)


def clip_status(run: Run) -> Section:
    """Account for every clip in every stage, and name those that did not come through whole."""
    stages = list(dict.fromkeys(run.status["stage"]))
    if not stages:
        return Section("Clips by stage", ["No stage has reported on its clips."])
    counts = run.status.groupby(["stage", "status"]).size().unstack(fill_value=0)
    counts = counts.reindex(index=stages, columns=list(_STATUSES), fill_value=0)
    counts["not reached"] = np.maximum(len(run.clips) - counts.sum(axis="columns"), 0)
    rows = [[stage, *(f"{n:,}" for n in counts.loc[stage])] for stage in stages]
    tables = [Table(["stage", *counts.columns], "lrrrr", rows)]
    text = ["Clips in the table of clips that a stage has no word on are counted as not reached."]
    for status in ("failed", "degraded"):
        troubled = run.status[run.status["status"] == status]
        if len(troubled):
            tables.append(_by_reason(troubled, status, stages))
    unscored = _unscored(run)
    if unscored:
        tables.append(Table(["model", "clips not scored", "which"], "lrl", unscored))
    picture = Picture(
        "status", plots.stage_status(counts), "Clips ok, degraded and failed in each stage"
    )
    return Section("Clips by stage", text, tables, [picture])


def parameters(params: Mapping[str, Any]) -> Section:
    """Show the parameters of the run."""
    text = yaml.safe_dump(dict(params), sort_keys=False, allow_unicode=True).strip()
    return Section("Parameters", code=text)


_SCORE_COLUMNS = ["accuracy (%)", "UAR (%)", "macro-F1 (%)", "clips scored"]


def _score_cells(scores: Mapping[str, Any]) -> list[str]:
    return [
        percent(scores["accuracy"], scores["accuracy_std"]),
        percent(scores["uar"], scores["uar_std"]),
        percent(scores["f1_macro"], scores["f1_macro_std"]),
        f"{scores['clips']:,} / {scores['clips_total']:,}",
    ]


def _used(predictions: pd.DataFrame, condition: str = DEFAULT) -> str:
    """Modalities that a model used, with the number of clips where it did not always use all."""
    rows = predictions[predictions["condition"] == condition]
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
    if len(order) > LISTED:
        more = f"and {len(order) - LISTED:,} more reasons"
        rows.append(["", more, "", "see the tables of data/status"])
    folded = f"{len(troubled):,} {status}, {len(order):,} reasons" if len(rows) > 15 else ""
    return Table([f"{status} in", "reason", "clips", "which"], "llrl", rows, folded)


def _unscored(run: Run) -> list[list[str]]:
    tested = run.folds.loc[run.folds["part"] == "test", "clip_id"]
    rows = []
    for model, table in run.predictions.items():
        scored = table.loc[table["condition"] == DEFAULT, "clip_id"]
        missing = sorted(set(tested) - set(scored))
        if missing:
            rows.append([model, f"{len(missing):,}", _names(missing)])
    return rows


def _lost(run: Run) -> int:
    """Count the clips that failed before there was a table of clips."""
    lost = run.status[(run.status["stage"] == "clips") & (run.status["status"] == "failed")]
    return len(lost)


def _names(clip_ids: Sequence[str]) -> str:
    rest = len(clip_ids) - NAMED
    return ", ".join(clip_ids[:NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def _beside(run: Run, model: str) -> Published | None:
    """Return the published figure that a model's accuracy may stand beside, if there is one."""
    if run.partial:
        return None
    for result in beside(run.corpus, run.protocol.name, run.n_folds).same_protocol:
        same = result.system == model and result.accuracy is not None
        if same and condition_with(run.predictions[model], result.modalities) == DEFAULT:
            return result
    return None


def _ours(run: Run, result: Published) -> str:
    """Write our accuracy beside a published one: of that system, with the same modalities."""
    predictions = run.predictions.get(result.system)
    if run.partial or predictions is None or result.accuracy is None:
        return "–"
    condition = condition_with(predictions, result.modalities)
    if condition is None:
        return "–"
    return percent(model_scores(predictions, run.folds, condition=condition)["accuracy"])


def _published(title: str, results: Sequence[Published], name: str, extra: list[str]) -> Table:
    """Table of published results, with the metrics that any of them has and one more column."""
    metrics = {"accuracy (%)": "accuracy", "UAR (%)": "uar", "macro-F1 (%)": "f1_macro"}
    values = {
        header: [getattr(result, metric) for result in results]
        for header, metric in metrics.items()
        if any(getattr(result, metric) is not None for result in results)
    }
    columns = {
        title: [result.label for result in results],
        **{h: ["–" if v is None else f"{v:.1f}" for v in column] for h, column in values.items()},
        name: extra,
        "source": [cite(result.source) for result in results],
    }
    align = "l" + "r" * len(values) + ("r" if name.endswith("(%)") else "l") + "l"
    return Table(list(columns), align, list(zip(*columns.values(), strict=True)))


def _protocol(result: Published) -> str:
    protocol = result.protocol
    folds = f", {protocol.k} folds" if protocol.k else ""
    independent = "subject-independent" if protocol.subject_independent else "subjects shared"
    return f"{protocol.name}{folds}, {independent}"
