"""Write docs/results.md: what the systems reach on recordings of people.

    python scripts/results_on_people.py
    python scripts/results_on_people.py deep_on_voices
    python scripts/results_on_people.py --faces

Runs the studies of results_on_people.yaml on the recordings under data/raw: `ravdess` (sound) and
`ravdess_au/clips.csv` (OpenFace's action units of the same performances); or those of another file
beside it, which become a page of that name. Every study runs in a copy of the last commit. DVC's
cache and a memory in .memo/results_on_people are kept, so that a run that was interrupted goes on,
and one without changes takes minutes. The first page ends with the faces of FER2013, which are to
be in data/raw/fer2013; `--faces` writes these sections alone anew.
"""

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from descriptors_on_faces import recognised

from avlib.corpora import fer2013
from avlib.corpora.published_folds import published_folds
from avlib.params import load
from avlib.registry import models, reader, speaker_normalisation
from avlib.report.page import Page, Section, markdown
from avlib.report.people import (
    about,
    descriptors_section,
    expression_section,
    limits,
    study_section,
    variations_section,
)
from avlib.report.report_data import ReportData
from avlib.runtime import paths, tables
from avlib.runtime.errors import CorpusError

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / paths.MEMO / "results_on_people"
EXPRESSION = ROOT / paths.WEIGHTS / "expression" / "training.json"
LISTED = "hicmae"  # the published folds, where every actor is here
FOLDS = 6


def main() -> None:
    """Run the studies and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("studies", nargs="?", default="results_on_people")
    parser.add_argument("--faces", action="store_true", help="only the faces of FER2013")
    arguments = parser.parse_args()
    studies = arguments.studies
    whole = studies == parser.get_default("studies")
    out = ROOT / "docs" / f"{'results' if whole else studies}.md"
    if arguments.faces:
        if not whole:
            parser.error(f"--faces: {out.name} has no faces; leave {studies} out")
        out.write_text(with_faces(out.read_text("utf-8"), faces_sections()), encoding="utf-8")
        return
    units = ROOT / paths.RAW / "ravdess_au" / "clips.csv"
    if not units.is_file():
        sys.exit(
            f"error: {units} is missing; expected action units of RAVDESS, see docs/features.md"
        )
    shared = {"corpus": "ravdess", "protocol": protocol(ROOT / paths.RAW / "ravdess")}
    command = f"python scripts/{Path(__file__).name}{'' if whole else f' {studies}'}"
    commit = git("rev-parse", "HEAD")
    head = about(command, commit, datetime.date.today().isoformat())
    before, sections = [head, limits()], []
    after = faces_sections() if whole else []
    for study in yaml.safe_load(Path(__file__).with_name(f"{studies}.yaml").read_text("utf-8")):
        for normalise in study["normalise"]:
            params = shared | study["params"] | {"speakers": {"normalise": normalise}}
            title = f"{study['title']}; speaker normalisation: {normalise}"
            sections.append(section_of(title, study, params, commit))
            page = Page("Results on people", [*before, *sections, *after])
            out.write_text(markdown(page), encoding="utf-8")  # now, as the next takes long


def faces_sections() -> list[Section]:
    """Return the page's last sections: what is recognised on the faces of FER2013."""
    folder = ROOT / paths.RAW / "fer2013"
    if (faces := fer2013.find(folder)) is None:
        sys.exit(f"error: {fer2013.where_looked(folder)}; see data/raw/fer2013/README.md")
    training = json.loads(EXPRESSION.read_text()) if EXPRESSION.is_file() else None
    return [expression_section(training), descriptors_section(*recognised(faces, ROOT))]


def with_faces(page: str, sections: Sequence[Section]) -> str:
    """Return the page, as Markdown, with its last sections written anew."""
    head = f"\n## {sections[0].title}\n"
    (before, _), (_, after) = (text.split(head) for text in (page, markdown(Page("", sections))))
    return before + head + after


def protocol(corpus: Path) -> dict[str, Any]:
    """Return published folds where all of their actors are here, else folds of those who are."""
    try:
        listing = reader("ravdess").recordings(corpus)
    except CorpusError as error:
        sys.exit(f"error: {error}")
    actors = {recording.subject for recording in listing.recordings}
    listed = {actor for fold in published_folds("ravdess", LISTED) for actor in fold}
    if listed <= actors:
        return {"name": "published", "folds": LISTED, "k": FOLDS}
    return {"name": "subject_kfold", "k": FOLDS}


def section_of(
    title: str, study: Mapping[str, Any], params: Mapping[str, Any], commit: str
) -> Section:
    """Run a study, or each of its variations; return the section of the page."""
    text, command = study["text"], " ".join(["dvc repro", *study["stages"]])
    if "variations" not in study:
        pairs = [(one, other) for one, other in study.get("pairs", [])]
        run = ran(title, study, [params], commit)
        return study_section(title, text, run, params, command, pairs)
    variations = study["variations"]
    runs = {
        name: ran(f"{title}: {name}", study, [params, values], commit)
        for name, values in variations.items()
    }
    return variations_section(title, text, runs, params, variations, command)


def ran(
    title: str, study: Mapping[str, Any], layers: Sequence[Mapping[str, Any]], commit: str
) -> ReportData:
    """Run a study's stages in a fresh copy of the project; return the tables of the run."""
    print(f"{title} ...", file=sys.stderr, flush=True)
    begin = time.monotonic()
    project = fresh_copy(commit)
    for values in layers:
        lay_over(project / "params.yaml", values)
    # DVC starts each stage with the `python` of PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [sys.executable, "-m", "dvc", "repro", *study["stages"]],
        cwd=project,
        env=os.environ | {"PATH": path},
        check=True,
    )
    data = read(project)
    shutil.rmtree(project)
    print(f"{title}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    return data


def fresh_copy(commit: str, corpora: Sequence[str] = ("ravdess", "ravdess_au")) -> Path:
    """Clone a commit beside the memory, with the corpora linked and DVC's cache shared."""
    project = WORK / "project"
    shutil.rmtree(project, ignore_errors=True)
    (WORK / "memory").mkdir(parents=True, exist_ok=True)
    git("clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(project))
    git("-C", str(project), "checkout", "--quiet", "--detach", commit)
    (project / paths.MEMO).symlink_to(WORK / "memory")
    for name in corpora:
        (project / paths.RAW / name).symlink_to((ROOT / paths.RAW / name).resolve())
    (project / ".dvc/config.local").write_text(f"[cache]\n    dir = {ROOT / '.dvc/cache'}\n")
    return project


def lay_over(file: Path, params: Mapping[str, Any]) -> None:
    """Set values in ``params.yaml``."""
    yaml = YAML()
    whole = yaml.load(file)
    _set(whole, params)
    yaml.dump(whole, file)


def _set(whole: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping) and isinstance(whole[name], Mapping):
            _set(whole[name], value)
        else:
            whole[name] = value


def read(project: Path) -> ReportData:
    """Read the tables that a run wrote."""
    params = load(("corpus", "protocol", "speakers"), project / "params.yaml")
    written = {model: project / paths.PREDICTIONS / f"{model}.parquet" for model in models()}
    predictions = {m: tables.read_table(file) for m, file in written.items() if file.is_file()}
    return ReportData(
        corpus=params.corpus,
        protocol=params.protocol,
        clips=tables.read_table(project / paths.CLIPS),
        folds=tables.read_table(project / paths.FOLDS),
        status=pd.DataFrame(columns=["stage", "status"]),
        predictions={model: rows for model, rows in predictions.items() if len(rows)},
        normalise=speaker_normalisation(params.speakers.normalise),
    )


def git(*arguments: str) -> str:
    """Return what Git says."""
    return subprocess.check_output(["git", *arguments], cwd=ROOT, text=True).strip()


if __name__ == "__main__":
    main()
