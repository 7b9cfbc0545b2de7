"""MODEL_CARD.md: what a kept model learned from, how well it does, and what nobody knows of it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from avlib import registry
from avlib.protocols import AUXILIARY, SUBJECT_INDEPENDENT
from avlib.recognizer.kept import versions
from avlib.report.current import current_rows
from avlib.report.headline import GENERATED
from avlib.report.scores import DEFAULT, confusion_matrix, confusion_scores, emotions_of
from avlib.report.significance import score_intervals
from avlib.runtime import paths, tables
from avlib.systems.common.model import Model

_UNKNOWN = """\
- How well it does outside of this corpus: other people, languages, microphones, cameras, rooms.
- How well it does where emotions are shown in other ways than there, or where none of them is: it
  names one of them for every recording.
- Whether it does alike for women and men, for all ages, skins and voices.
- How well its probabilities hold elsewhere, and on windows of a recording (`--every`): it learned
  from whole clips.
- What it would say of a recording with several people: the most prominent face is followed, and
  whoever is heard is taken to be that person."""


def model_card(
    name: str, model: Model, clips: pd.DataFrame, vectors: Path | None, params: Any
) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    name
        Of the model.
    model
        As trained on all clips.
    clips
        Rows of table ``clips`` that it learned from, with ``part``.
    vectors
        Folder with table ``fisher`` of these clips; None where it learned from other things.
    params
        All of params.yaml.
    """
    reader = registry.reader(params.corpus)
    helping, clips = clips[clips["part"] == AUXILIARY], clips[clips["part"] != AUXILIARY]
    counts = clips["emotion"].value_counts().sort_index()
    generated = params.corpus in GENERATED
    subset = f", subset {params.subset}" if params.subset else ""
    settings = {k: v for k, v in model.chosen_.items() if not k.startswith("held_out_")}
    lines = [
        f"# {name}: emotions of {reader.title}",
        f"{registry.models()[name].models[name]}. It names one of {len(counts)} emotions for a"
        " recording of one person, with a probability for each.",
        "## Data",
        f"{reader.title}{subset}: {len(clips):,} clips of {clips['subject'].nunique():,} subjects."
        f" Licence of the corpus: {reader.licence or 'not known here, ask its owner'}.",
        _table(("emotion", "clips"), counts.items()),
        "## How it was trained",
        f"Used: {' and '.join(model.modalities)}. {_helped(model, helping)}"
        f"{_training(model, clips, vectors, params)}",
        _table(("setting", "chosen"), settings.items()),
        "## How well it does",
        *(["Generated stand-in data: no score here says anything about people."] * generated),
        *_scores(name, params.protocol),
        "## What nobody measured",
        _UNKNOWN,
        "## Versions, and how to make it",
        ", ".join(f"{library} {version}" for library, version in versions().items()),
        f"```sh\n# params.yaml: final.systems names {name}\ndvc repro final@{name}\n```",
    ]
    return "\n\n".join(lines) + "\n"


def _helped(model: Model, helping: pd.DataFrame) -> str:
    """Say which further clips the model learned from, in another modality than it uses."""
    if not (auxiliary := model.arguments().get("auxiliary")):
        return ""
    control = model.arguments()["control"]
    return (
        f"In training {len(helping):,} clips of {helping['subject'].nunique():,} subjects of"
        f" {auxiliary['corpus']} helped by {auxiliary['modality']}"
        f"{f', in its place {control}' if control else ''}. "
    )


def _training(model: Model, clips: pd.DataFrame, vectors: Path | None, params: Any) -> str:
    """Say what was fitted to which clips, and how its settings were chosen."""
    if vectors:
        [file] = vectors.glob("*.parquet")
        facts = tables.read_facts(file)
        pooled = [facts[f"chosen_{m}"] for m in model.modalities if f"chosen_{m}" in facts]
        return (
            f"Pooling: {'; '.join(pooled)}. Encoders and model are fitted to all clips. Settings"
            f" were chosen anew by inner cross-validation over {_groups(params.protocol.name)} of"
            " all of them, as each fold does over its own; what the folds chose was not looked at:"
        )
    if model.arguments()["patience"] is None:
        return "Networks are fitted to all clips:"
    watched = clips[clips["part"] == "validation"]
    return (
        f"{len(watched):,} clips of {watched['subject'].nunique():,} subjects told when to stop,"
        " and no network learned from them; the others were learned from:"
    )


def _groups(protocol: str) -> str:
    return "subjects" if SUBJECT_INDEPENDENT[protocol] else "clips"


def _scores(name: str, protocol: Any) -> list[str]:
    """Return what cross-validation says of models trained likewise."""
    folds = tables.read_table(paths.FOLDS)
    clips = tables.read_table(paths.CLIPS, ["clip_id", "subject", "emotion"])
    rows = current_rows(paths.PREDICTIONS / f"{name}.parquet", folds, clips)
    if isinstance(rows, str) or rows.empty:
        why = rows if isinstance(rows, str) else "no test clip has what it needs"
        return [f"Not known: {why}. This model itself was tested on nothing."]
    rows = rows[rows["condition"] == DEFAULT]
    rows = rows.merge(clips[["clip_id", "subject"]], on="clip_id")
    emotions = emotions_of(rows)
    counts = confusion_matrix(rows["emotion"], rows["predicted"], emotions)
    scores = confusion_scores(counts, emotions)
    right = (rows["emotion"] == rows["predicted"]).to_numpy()
    found = score_intervals(right, rows["emotion"].to_numpy(), rows["subject"].to_numpy())
    n = folds["fold"].nunique()
    held_out = (
        "whole subjects held out"
        if SUBJECT_INDEPENDENT[protocol.name]
        else "clips held out, of subjects who were trained on too: of new people expect less"
    )
    confusions = [(emotion, *row.tolist()) for emotion, row in zip(emotions, counts, strict=True)]
    return [
        f"Of {n} models that were trained likewise, each without the clips that it was tested on"
        f" ({protocol.name}, {n} folds, {held_out}); this model itself was tested on nothing."
        f" {len(rows):,} clips of {rows['subject'].nunique():,} subjects; intervals of 95 %"
        " resample subjects.",
        _table(
            ("score", "%", "interval"),
            [
                (label, f"{100 * scores[key]:.1f}", _interval(found and getattr(found, key)))
                for key, label in (("accuracy", "accuracy"), ("uar", "UAR"))
            ],
        ),
        "Clips by emotion (rows) and prediction (columns):",
        _table(("", *emotions), confusions),
    ]


def _interval(interval: Any) -> str:
    if interval is None:
        return "none of one subject"
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"


def _table(head: tuple[str, ...], rows: Iterable[Iterable[Any]]) -> str:
    written = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in written)
