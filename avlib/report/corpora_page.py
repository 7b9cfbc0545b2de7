"""Sections on a joined corpus: what labels became, who learned from whom, and scores apart."""

import pandas as pd

from avlib.protocols import AUXILIARY, PARTS
from avlib.report.formats import DASH, percent
from avlib.report.page import Section, Table
from avlib.report.report_data import ReportData
from avlib.report.scores import DEFAULT, fold_scores, model_scores
from avlib.report.words import words_beside

_WORDS = words_beside(__file__)


def corpora_joined(data: ReportData) -> Section | None:
    """Show the map of labels, and of which corpora each fold learned and which it tested."""
    if len(_corpora(pd.concat([data.used_clips, data.helping_clips]))) < 2:
        return None
    tables = [_label_map(data.clips), _sides(data)]
    return Section("The corpora that are joined", _WORDS("corpora_joined"), tables)


def scores_by_corpus(data: ReportData) -> Section | None:
    """Score each model on each tested corpus by itself."""
    corpora = _corpora(data.used_clips)
    if len(corpora) < 2 or not data.predictions:
        return None
    of_clip = data.clips.set_index("clip_id")["corpus"]
    rows: dict[str, list[str]] = {model: [model] for model in data.predictions}
    columns = ["model"]
    for corpus in corpora:
        folds = data.folds[data.folds["clip_id"].map(of_clip) == corpus]
        if "test" not in set(folds["part"]):
            continue
        columns += [f"{corpus}: accuracy (%)", "UAR (%)", "clips"]
        for model, predictions in data.predictions.items():
            known = predictions[predictions["clip_id"].map(of_clip) == corpus]
            if (known["condition"] == DEFAULT).any():
                scores = model_scores(fold_scores(known, folds))
                found = [percent(scores["accuracy"]), percent(scores["uar"])]
                rows[model] += [*found, f"{scores['clips']:,}"]
            else:
                rows[model] += [DASH, DASH, "0"]
    table = Table(columns, "lr", list(rows.values()))
    return Section("Each tested corpus", _WORDS("scores_by_corpus"), [table])


def _corpora(clips: pd.DataFrame) -> list[str]:
    return sorted(clips.get("corpus", pd.Series(dtype=str)).unique())


def _label_map(clips: pd.DataFrame) -> Table:
    """Table of what each corpus's own words became; those that are left out last."""
    columns = ["corpus", "original_emotion", "emotion"]
    counts = clips.groupby(columns, dropna=False, sort=False).size().rename("clips").reset_index()
    counts = counts.sort_values(["corpus", "emotion", "original_emotion"], na_position="last")
    counts["emotion"] = counts["emotion"].fillna("(left out)")
    rows = [[*cells, f"{n:,}"] for *cells, n in counts.fillna(DASH).to_numpy()]
    return Table(["corpus", "its own word", "emotion", "clips"], "lllr", rows)


def _sides(data: ReportData) -> Table:
    """Table of how many clips and subjects of each corpus are in each part of each fold."""
    heads = dict(zip(PARTS, ("learns from", "selects on", "tests"), strict=True))
    if len(data.helping_clips):
        heads[AUXILIARY] = "is helped by"
    rows = data.folds.merge(data.clips[["clip_id", "corpus", "subject"]], on="clip_id")
    by_part = rows.groupby(["fold", "part", "corpus"]).agg(
        clips=("clip_id", "size"), subjects=("subject", "nunique")
    )
    cells = (
        by_part.reset_index()
        .assign(said=lambda t: t["corpus"] + " " + t["clips"].map("{:,}".format))
        .assign(said=lambda t: t["said"] + " (" + t["subjects"].astype(str) + ")")
        .groupby(["fold", "part"])["said"]
        .agg(", ".join)
        .unstack(fill_value=DASH)
        .reindex(columns=list(heads), fill_value=DASH)
    )
    columns = ["fold", *heads.values()]
    folded = f"Corpora in each of {len(cells)} folds" if len(cells) > 12 else ""
    return Table(
        columns,
        "r" + "l" * len(heads),
        [[str(fold), *row] for fold, row in cells.iterrows()],
        folded,
    )
