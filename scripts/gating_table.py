"""Print table I of the gating paradigm's paper, and its ablations, measured on the corpus at hand.

    python scripts/gating_table.py > gating_table.md

Each row is `gating` as params.yaml has it but for the values that the row names, trained in every
fold by the pipeline's own stage (train_gating). DVC makes first what that stage reads. The project
stays as it is: a row is trained in a folder of its own below .memo/gating_table, which remembers
its folds, so that a run that was interrupted goes on and a second one takes seconds a row.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from avlib.params import load
from avlib.registry import system
from avlib.report.formats import DASH, percent, score
from avlib.report.page import Page, Section, Table, markdown
from avlib.report.scores import DEFAULT, fold_scores, model_scores
from avlib.runtime import paths, tables
from avlib.runtime.params import read_yaml
from avlib.systems.common.stream_cache import FOLDER

MODEL = "gating"
WORK = paths.MEMO / "gating_table"
INPUTS = ("clips", "folds", "copies", "faces", "speech", "audio_features", "video_features")


class Row(NamedTuple):
    """Windows of table I: how many, length and overlap in s, and the published accuracies (%)."""

    windows: int
    length: float
    overlap: float
    ravdess: float
    crema_d: float | None = None


# Of the table's column Overlap, "1" is read as yes, which is 0.5 s (section V), as windows of 1 s
# cannot overlap by 1 s; a cross is no.
TABLE_I = (
    Row(2, 1.0, 0.5, 64.1, 73.7),
    Row(2, 2.0, 0.5, 64.7),
    Row(4, 1.0, 0.5, 66.2, 73.5),
    Row(6, 1.0, 0.5, 67.5, 74.0),
    Row(8, 1.0, 0.5, 67.7),
    Row(2, 1.0, 0.0, 62.3),
    Row(4, 1.0, 0.0, 65.3),
)
# What is switched off, and what the paper says of it.
ABLATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "as in params.yaml": ({}, DASH),
    "each window mined by itself": ({"mining": "each"}, "3 points less at least (section V-C)"),
    "modalities not drawn together": ({"mse": False}, DASH),
    "augmentation drawn for each clip": ({"augmentation": "clip"}, "no convergence (section V-C)"),
}


def main() -> None:
    """Train what is not remembered, and print the tables."""
    subprocess.run([sys.executable, "-m", "dvc", "repro", *INPUTS], stdout=sys.stderr, check=True)
    windows = [row._asdict() for row in TABLE_I]
    settings = [{name: row[name] for name in ("windows", "length", "overlap")} for row in windows]
    table_i = [
        [
            *(f"{value:g}" for value in values.values()),
            *scored(values),
            *(DASH if row[of] is None else f"{row[of]:.1f}" for of in ("ravdess", "crema_d")),
        ]
        for row, values in zip(windows, settings, strict=True)
    ]
    ablations = [[name, *scored(values), said] for name, (values, said) in ABLATIONS.items()]
    print(page(table_i, ablations))


def page(table_i: list[list[str]], ablations: list[list[str]]) -> str:
    """Lay out what was measured beside what was published."""
    params = load(("corpus", "protocol", "gating"))
    clips, folds = tables.read_table(paths.CLIPS), tables.read_table(paths.FOLDS)
    used = clips[clips["clip_id"].isin(folds["clip_id"])]
    measured = ["accuracy (%)", "UAR (%)", "clips"]
    text = [
        f"Measured on {params.corpus} ({len(used):,} clips of {used['subject'].nunique()} people,"
        f" {params.protocol.name}, {folds['fold'].nunique()} folds) with recipe:"
        f" {params.gating.recipe}: means and standard deviations over folds, with all modalities"
        " at the last gate. Published figures are of RAVDESS and CREMA-D whole, 10 folds of people"
        " and networks trained before; on another corpus, protocol or recipe they are no target.",
        "These are scores of test clips. Who chooses a setting by them has chosen on the test set:"
        " python -m avlib sweep compares settings on validation clips.",
    ]
    heads = ["windows", "length (s)", "overlap (s)", *measured]
    published = ["published, RAVDESS (%)", "published, CREMA-D (%)"]
    sections = [
        Section("Table I", text, [Table([*heads, *published], "r", table_i)]),
        Section("Ablations", [], [Table(["", *measured, "published"], "lrrrl", ablations)]),
    ]
    return markdown(Page("The gating paradigm's table I and ablations", sections))


def scored(values: Mapping[str, Any]) -> list[str]:
    """Train with these values of section ``gating``; return cells of accuracy, UAR and clips."""
    print(f"{MODEL}: {dict(values) or 'as in params.yaml'} ...", file=sys.stderr, flush=True)
    project = laid_out(values)
    subprocess.run(
        [sys.executable, "-m", "stages.train_gating"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        stdout=sys.stderr,
        check=True,
    )
    predictions = tables.read_table(project / paths.PREDICTIONS / f"{MODEL}.parquet")
    by_fold = fold_scores(predictions, tables.read_table(paths.FOLDS), condition=DEFAULT)
    scores = model_scores(by_fold)
    return [score(scores), percent(scores["uar"], scores["uar_std"]), f"{scores['clips']:,}"]


def laid_out(values: Mapping[str, Any]) -> Path:
    """Return a folder in which the stage finds what it reads, and remembers what it trained."""
    gating = system(MODEL)
    written = {schema.name for schema in gating.tables} | {f.name for f in gating.folders.values()}
    folder = WORK / ("_".join(f"{name}-{value}" for name, value in values.items()) or "as_is")
    shutil.rmtree(folder / paths.DATA, ignore_errors=True)
    (folder / paths.DATA).mkdir(parents=True)
    for path in paths.DATA.iterdir():
        if path.name not in written:
            (folder / path).symlink_to(path.resolve())
    FOLDER.mkdir(parents=True, exist_ok=True)
    (folder / paths.MEMO).mkdir(exist_ok=True)
    (folder / FOLDER).unlink(missing_ok=True)
    (folder / FOLDER).symlink_to(FOLDER.resolve())  # decoded clips are the same in all rows
    (folder / "params.yaml").write_text(json.dumps(laid_over(values)))  # YAML too
    return folder


def laid_over(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``params.yaml`` with these values of section ``gating``, on the demo too."""
    params = read_yaml(Path("params.yaml"))
    for sections in (params, params["demo"]):
        sections["gating"] |= {"train": [MODEL], **values}
    return params


if __name__ == "__main__":
    main()
