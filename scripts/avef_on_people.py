"""Write docs/avef_on_people.md: what AVEF's voice activity detection and its transfer gain.

    python scripts/avef_on_people.py

Section 2.1.1 of the paper says what detection gains on EmoDB, whose recordings lie in
data/raw/emodb, at any depth, under their authors' names (03a01Fa.wav). They are recognised with
what is silent and without. Where data/raw/ravdess is there too, networks that RAVDESS's voices
taught first (section 2.2) stand beside them.

Runs in a copy of the last commit, as `results_on_people.py` does, with DVC's cache and a memory
that stay: one that was interrupted goes on.
"""

import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from results_on_people import ROOT, fresh_copy, git, lay_over, read

from avlib.corpora.listed.from_names import table_from_names
from avlib.report.formats import percent
from avlib.report.page import Page, Section, Table, markdown
from avlib.report.report_data import ReportData
from avlib.report.scores import mean_and_std
from avlib.runtime import paths, tables
from avlib.systems.avef.report import MODELS, STEPS, avef_section
from avlib.systems.avef.tables import BINARY

PATTERN = "{subject:2}{sentence:3}{emotion:1}?.wav"  # of EmoDB's names
WORDS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
SEEDS = (0, 1)
ALONE: dict[str, Any] = {
    "corpus": "emodb",
    "labels": WORDS,
    "modalities": ["audio"],
    "protocol": {"name": "loso"},
    "avef": {"train": ["avef", "avef_raw"], "width": 0.125, "mel_side": 64},
}
TAUGHT: dict[str, Any] = {
    **ALONE,
    "corpus": "voices",
    "members": ["emodb", "ravdess"],
    "labels": {},
    "avef": {**ALONE["avef"], "train": True, "transfer": ["ravdess"]},
}
JOINED = {
    "emodb": {"labels": WORDS},
    "ravdess": {"labels": {"calm": None, "surprise": None}},  # EmoDB has none
}
TEXT = [
    "Each speaker is tested by networks that learned from the others (leave one out), from voices"
    " alone. They are those of params.yaml but an eighth as wide as published, and see mel images"
    " as large as they are drawn, 64 pixels: both for time, before any score was seen. The paper"
    " does not say which network, folds or part of EmoDB its figures are of; it detects voice"
    " activity by a network of its own, and here WebRTC's does.",
    "p-values and intervals are of the first seed, and take its networks as they are.",
]


def main() -> None:
    """Run the studies and write the page."""
    raw = ROOT / paths.RAW
    if not (raw / "emodb").is_dir():
        sys.exit(f"error: {raw / 'emodb'} is missing; expected EmoDB's recordings: docs/corpora.md")
    commit = git("rev-parse", "HEAD")
    taught = (raw / "ravdess").is_dir()
    project = fresh_copy(commit, ["ravdess"] if taught else [])
    lay_out(raw / "emodb", project / paths.RAW)
    params = TAUGHT if taught else ALONE
    lay_over(project / "params.yaml", params)
    runs: list[ReportData] = []
    for run in run_seeds(project):
        runs.append(run)
        page = as_page(runs, params, commit)
        out = ROOT / "docs" / "avef_on_people.md"
        out.write_text(markdown(page), encoding="utf-8")  # now, as the next takes long


def lay_out(emodb: Path, raw: Path) -> None:
    """Make EmoDB a corpus with a table, of links, and the one that joins it with RAVDESS."""
    clips, others = table_from_names(emodb, PATTERN)
    for name in others:
        print(f"{emodb / name}: is not named as EmoDB's, and left out", file=sys.stderr)
    (raw / "emodb").mkdir()
    for path in clips["path"]:
        link = raw / "emodb" / Path(path).name
        link.symlink_to((emodb / path).resolve())
    clips = clips.assign(path=[Path(path).name for path in clips["path"]])
    clips.to_csv(raw / "emodb" / "clips.csv", index=False)
    (raw / "voices").mkdir()
    (raw / "voices" / "corpus.yaml").write_text(yaml.safe_dump({"members": JOINED}))


def run_seeds(project: Path) -> Iterator[ReportData]:
    """Train and test with each seed; yield the tables."""
    # DVC starts each stage with the `python` of PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for seed in SEEDS:
        begin = time.monotonic()
        lay_over(project / "params.yaml", {"avef": {"seed": seed}})
        subprocess.run(
            [sys.executable, "-m", "dvc", "repro", "train_avef"],
            cwd=project,
            env=os.environ | {"PATH": path},
            check=True,
        )
        print(f"seed {seed}: {time.monotonic() - begin:.0f} s", file=sys.stderr)
        yield replace(read(project), fold_facts=diagnostics(project / paths.MODELS))


def diagnostics(models: Path) -> dict[str, dict[int, dict[str, Any]]]:
    """Read what the folds of each model say of their test clips."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for file in sorted(models.glob("*/fold-*/diagnostics.json")):
        fold = paths.fold_number(file.parent)
        of_model = found.setdefault(file.parent.parent.name, {})
        of_model[fold] = {"diagnostics": json.loads(file.read_text())}
    return found


def as_page(runs: Sequence[ReportData], params: Mapping[str, Any], commit: str) -> Page:
    """Return the page: all seeds, and the paper's tables of the first."""
    clips, chance = runs[0].used_clips, percent(runs[0].chance)
    people = (
        f"{len(clips):,} recordings of {clips['subject'].nunique()} speakers of EmoDB,"
        f" {len(runs[0].emotions)} emotions (chance {chance} % right)."
    )
    if len(helping := runs[0].helping_clips):
        people += (
            f" {len(helping):,} of {helping['subject'].nunique()} actors of RAVDESS teach the"
            " networks that avef_transfer begins with, and are not tested."
        )
    facts = [
        ("Command", f"python scripts/{Path(__file__).name}"),
        ("Commit", commit),
        ("Date", datetime.date.today().isoformat()),
    ]
    no_rows = dict.fromkeys(MODELS.values(), tables.no_rows(BINARY).to_pandas())
    first = avef_section(runs[0], no_rows)
    settings = f"# dvc repro train_avef\n# with these values in params.yaml:\n{as_yaml(params)}"
    sections = [
        Section("How this page came about", [*TEXT, people], [Table(["", ""], "l", facts)]),
        Section("All seeds", [], [over_seeds(runs)]),
        *([replace(first, title="The first seed, as in the paper")] if first else []),
        Section("Settings", code=settings),
    ]
    return Page("AVEF on people", sections)


def over_seeds(runs: Sequence[ReportData]) -> Table:
    """Set accuracies of all clips, and what each step gains of that without it, side by side."""
    steps = [pair for pair in STEPS if {*pair} <= set(runs[0].scores)]
    models = [model for model in MODELS.values() if any(model in pair for pair in steps)]
    found = []
    for data in runs:
        accuracy = {model: data.scores[model]["pooled"]["accuracy"] for model in models}
        gains = [accuracy[step] / accuracy[without] - 1 for step, without in steps]
        found.append([*accuracy.values(), *gains])
    means, spreads = zip(
        *(mean_and_std(column) for column in zip(*found, strict=True)), strict=True
    )
    names = [f"seed {seed}" for seed in SEEDS[: len(runs)]]
    rows = [[name, *cells(row, len(models))] for name, row in zip(names, found, strict=True)]
    rows += [["mean", *cells(means, len(models))], ["deviation", *map(percent, spreads)]]
    relative = [f"{step}, relative to {without}" for step, without in steps]
    return Table(["accuracy (%)", *models, *relative], "lr", rows)


def cells(row: Sequence[float], n_models: int) -> list[str]:
    """Write accuracies, and then gains."""
    return [*map(percent, row[:n_models]), *(f"{100 * gain:+.1f}" for gain in row[n_models:])]


def as_yaml(params: Mapping[str, Any]) -> str:
    """Write values of params.yaml, and what joins the corpora where they are joined."""
    text = yaml.safe_dump(dict(params), sort_keys=False).strip()
    if "members" in params:
        joined = yaml.safe_dump({"members": JOINED}, sort_keys=False).strip()
        text += f"\n# and as data/raw/{params['corpus']}/corpus.yaml:\n{joined}"
    return text


if __name__ == "__main__":
    main()
