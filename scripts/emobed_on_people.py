"""Write docs/emobed_on_people.md: what voices gain by other people's faces, and faces by voices.

    python scripts/emobed_on_people.py

Of the RAVDESS recordings under data/raw (`ravdess`, sound, and `ravdess_au/clips.csv`, OpenFace's
action units of the same performances) the actors are divided into two halves. The one half is
recognised by its voices, and the other half helps with its faces; then the halves change places,
and then voices and faces do. Nobody who helps is ever tested, and nobody who is tested helps.

Runs in a copy of the last commit, as `results_on_people.py` does, with DVC's cache and a memory
that stay: one that was interrupted goes on.
"""

import csv
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from results_on_people import ROOT, fresh_copy, git, lay_over

from avlib.registry import reader
from avlib.report.formats import DASH, p_text
from avlib.report.page import Page, Section, Table, markdown
from avlib.report.paired import Gain, confusion_sums, f1_of
from avlib.report.significance import holm
from avlib.runtime import paths, tables
from avlib.systems.common.model import BOTH
from avlib.systems.emobed.gains import gains_of
from avlib.systems.emobed.seeds import of_all_seeds
from avlib.systems.emobed.traces import CLASSIC, SYSTEMS

HALVES = ("first", "second")
SHOWN = {"audio": "voices", "video": "faces"}
HELPERS = ("video", "audio")
MEASURE = "macro-F1"
CONTROLS = {None: "", "noise": "noise", "shuffled": "shuffled labels"}
PARAMS: dict[str, Any] = {
    "corpus": "halves",
    "members": [*HALVES],
    "protocol": {"name": "subject_kfold", "k": 2},
    "audio": {"descriptor": "egemaps", "level": "clip"},
    "video": {
        "descriptor": "table",
        "level": "clip",
        "table": {
            "path": "ravdess_au/clips.csv",
            "clip_column": "clip_id",
            "clip_name": r"\d\d-(.+)",
        },
    },
    "modern": {"epochs": 20},
    "emobed": {"train": True, "window": None, "seeds": 5},
}
TEXT = [
    "Every figure is computed from tables that the runs below wrote: to repeat one of them, set the"
    " values of the last block in params.yaml, and then those that are laid over them. The corpora"
    " first and second are tables of clips of one half each, halves joins them (docs/corpora.md).",
    "{clips:,} spoken clips of {people} RAVDESS actors, eight emotions (chance 12.5 % right). The"
    " actors are halved by their numbers, {first} and {second}. One half is recognised from one"
    " modality, in two folds: {learned} actors are learned from, {tested} others tested. The whole"
    " other half helps by its other modality, and is never tested; then the halves change places."
    " So each clip of all actors is tested once, by networks that met its actor in neither"
    " modality, and no clip is shown by both.",
    "A clip is one vector, as the paper has it for OMG-Emotion (section 4.1.2): voices are the 88"
    " functionals of eGeMAPS, faces the means of OpenFace's 35 action units. Networks learn by the"
    " modern recipe. Vectors instead of sequences, and twenty epochs instead of 40, were chosen for"
    " time, before any score was seen; two folds, so that few are helped by many, which is what"
    " the method is for. All else is as in params.yaml: the other modality learns along from the"
    " beginning, and an epoch is a pass over the larger one.",
    "Two controls: Gaussian noise in place of what helps, as much and as long; and the same clips"
    " with each other's labels. What is gained with them too is not owed to the other modality.",
    "Macro-F1 over the clips of all actors, the mean of {seeds} seeds. Gains are in points of it,"
    " the first seed against the first and so on; intervals (95 %) resample whole actors in all"
    " seeds at once, and take the trained networks as they are; p is that of a permutation test"
    " that exchanges the two systems' predictions of whole actors, two-sided, and p (Holm) is"
    " corrected over its column of the table.",
]


def main() -> None:
    """Run every setting and write the page."""
    units = ROOT / paths.RAW / "ravdess_au" / "clips.csv"
    if not units.is_file():
        sys.exit(f"error: {units} is missing; expected action units of RAVDESS: docs/features.md")
    commit = git("rev-parse", "HEAD")
    project = fresh_copy(commit)
    actors = halve(ROOT / paths.RAW / "ravdess", project / paths.RAW)
    lay_over(project / "params.yaml", PARAMS)
    found = {}
    for helper, control in product(HELPERS, CONTROLS):
        every = [*run_halves(project, helper, control)]
        for system in SYSTEMS:
            found[helper, control, system] = pd.concat([of[system] for of in every])
    page = as_page(found, tables.read_table(project / paths.CLIPS), actors, commit)
    (ROOT / "docs" / "emobed_on_people.md").write_text(markdown(page), encoding="utf-8")


def halve(corpus: Path, raw: Path) -> dict[str, list[str]]:
    """Make a corpus of each half of the actors, and one that joins them; return who is where.

    A recording is a link named after its performance, which voice and face have in common.
    """
    recordings = [r for r in reader("ravdess").recordings(corpus).recordings if r.audio_path]
    actors = sorted({r.subject for r in recordings})
    middle = len(actors) // 2
    halves = dict(zip(HALVES, (actors[:middle], actors[middle:]), strict=True))
    for half, members in halves.items():
        (raw / half).mkdir()
        with (raw / half / "clips.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["path", "subject", "emotion"])
            for r in recordings:
                if r.subject in members:
                    place = corpus / str(r.audio_path)
                    name = place.name.partition("-")[2]
                    (raw / half / name).symlink_to(place.resolve())
                    table.writerow([name, r.subject, r.emotion])
    (raw / "halves").mkdir()
    joined = yaml.safe_dump({"members": dict.fromkeys(HALVES)})
    (raw / "halves" / "corpus.yaml").write_text(joined)
    return halves


def settings(helper: str, control: str | None, half: str) -> dict[str, Any]:
    """Return the values of one run, laid over `PARAMS`."""
    return {"emobed": {"auxiliary": {"corpus": half, "modality": helper}, "control": control}}


def run_halves(
    project: Path, helper: str, control: str | None
) -> Iterator[dict[str, pd.DataFrame]]:
    """Let each half help once; yield by system what was predicted of the other half."""
    # DVC starts each stage with the `python` of PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for half in HALVES:
        begin = time.monotonic()
        lay_over(project / "params.yaml", settings(helper, control, half))
        subprocess.run(
            [sys.executable, "-m", "dvc", "repro", "train_emobed"],
            cwd=project,
            env=os.environ | {"PATH": path},
            check=True,
        )
        what = f"{SHOWN[helper]} of the {half} half help, control: {control}"
        print(f"{what}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
        yield {system: predicted(project, system) for system in SYSTEMS}


def predicted(project: Path, system: str) -> pd.DataFrame:
    """Read what a system of a run predicted, with all seeds."""
    rows = tables.read_table(project / paths.PREDICTIONS / f"{system}.parquet")
    every = of_all_seeds(system, rows, project / paths.MODELS)
    kept = every["condition"] == "default"
    return every.loc[kept, ["clip_id", "fold", "seed", "emotion", "predicted"]]


def as_page(
    found: Mapping[tuple[str, str | None, str], pd.DataFrame],
    clips: pd.DataFrame,
    actors: Mapping[str, Sequence[str]],
    commit: str,
) -> Page:
    """Return the page of what was predicted.

    Parameters
    ----------
    found
        By what helps, control and system: columns clip_id, fold, seed, emotion and
        predicted, each clip of all actors once in every seed.
    clips
        Table ``clips``.
    actors
        By half.
    commit
        What was run.
    """
    subjects = dict(zip(clips["clip_id"], clips["subject"], strict=True))
    first = next(iter(found.values()))
    n = min(len(members) for members in actors.values())
    folds = PARAMS["protocol"]["k"]
    counts = {
        "clips": first["clip_id"].nunique(),
        "people": clips["subject"].nunique(),
        "learned": n - n // folds,
        "tested": n // folds,
        "seeds": first["seed"].nunique(),
        **{half: f"{members[0]} to {members[-1]}" for half, members in actors.items()},
    }
    facts = [
        ("Command", f"python scripts/{Path(__file__).name}"),
        ("Commit", commit),
        ("Date", datetime.date.today().isoformat()),
    ]
    head = Section(
        "How this page came about",
        [text.format(**counts) for text in TEXT],
        [Table(["", ""], "l", facts)],
    )
    sections = [head, *(direction(found, helper, subjects) for helper in HELPERS)]
    return Page("EmoBed on people", [*sections, Section("Settings", code=as_code())])


def direction(
    found: Mapping[tuple[str, str | None, str], pd.DataFrame],
    helper: str,
    subjects: Mapping[str, str],
) -> Section:
    """Show what one modality gains by the other."""
    emotions = sorted(set(next(iter(found.values()))["emotion"]))
    target = SHOWN[next(m for m in BOTH if m != helper)]
    words = {control: name or SHOWN[helper] for control, name in CONTROLS.items()}
    classic = found[helper, None, CLASSIC]  # without help it is the same in all
    rows = [[CLASSIC, DASH, score(classic, emotions), *[DASH] * 4]]
    over, against = [], []
    for system, control in product(SYSTEMS, CONTROLS):
        if system == CLASSIC:
            continue
        own = found[helper, control, system]
        gain = gains_of(own, classic, subjects, emotions)[1][MEASURE]
        over.append(([system, words[control], score(own, emotions)], gain))
        if control:
            helped = found[helper, None, system]
            gain = gains_of(helped, own, subjects, emotions)[1][MEASURE]
            against.append(([system, words[control]], gain))
    tested = ["gain (points)", "95 % interval", "p", "p (Holm)"]
    columns = ["system", "helped by", f"{MEASURE} (%)", *tested]
    more = ["system", f"{SHOWN[helper]} rather than", *tested]
    return Section(
        f"{target.capitalize()} helped by other people's {SHOWN[helper]}",
        [
            f"The first table has gains over {CLASSIC}, {target} alone; the second what a system"
            f" gains with {SHOWN[helper]} more than with what stands in their place."
        ],
        [
            Table(columns, "llr", [*rows, *laid_out(over)]),
            Table(more, "llr", laid_out(against)),
        ],
    )


def score(rows: pd.DataFrame, emotions: Sequence[str]) -> str:
    """Return the macro-F1 in percent, the mean over seeds."""
    found = []
    for _, own in rows.groupby("seed"):
        coded = pd.Index(emotions).get_indexer
        truth, said = (coded(pd.Index(own[c])) for c in ("emotion", "predicted"))
        everyone = np.zeros(len(own), int)
        found.append(f1_of(confusion_sums(truth, said, everyone, 1, len(emotions))[0]))
    return f"{100 * np.mean(found):.1f}"


def laid_out(found: Sequence[tuple[list[str], Gain]]) -> list[list[str]]:
    """Return rows of a table, p corrected over all of them."""
    corrected = holm([np.nan if gain.p is None else gain.p for _, gain in found])
    rows = []
    for (words, (gain, interval, p, _)), p_holm in zip(found, corrected, strict=True):
        bounds = " to ".join(f"{100 * bound:+.1f}" for bound in interval or ())
        rows.append([*words, f"{100 * (gain or 0.0):+.1f}", bounds, p_text(p), p_text(p_holm)])
    return rows


def as_code() -> str:
    """Return the values of all runs as YAML."""
    runs = [settings(*run) for run in product(HELPERS, CONTROLS, HALVES)]
    each = "\n".join(f"# {json.dumps(values)}" for values in runs)
    return (
        "# dvc repro train_emobed\n# with these values in params.yaml:\n"
        f"{yaml.safe_dump(PARAMS, sort_keys=False).strip()}\n"
        f"# and laid over them, one after the other:\n{each}"
    )


if __name__ == "__main__":
    main()
