"""RAVDESS's 1,440 voices from recordings to scores, by `dvc repro`, stage by stage."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import soundfile
import yaml

from avlib.runtime import paths
from benchmarks import ROOT
from benchmarks.scaling import Cost, run_measured
from benchmarks.table import Table

ACTORS = 24
TITLE = "Two systems on 1,440 voices, six folds of people."
STAGES = ("clips", "folds", "speech", "audio_features", "fisher", "train_svm", "train_merml")
PARAMS = {
    "corpus": "ravdess",
    "modalities": ["audio"],
    "protocol": {"name": "subject_kfold", "k": 6},
    "fisher": {"components": 32},
}


def tables() -> list[Table]:
    """Run the last commit in a folder of its own, without memory or cache."""
    sound = recordings(ROOT / paths.RAW / "ravdess")
    if not sound:
        return [Table(TITLE, "Not measured: data/raw/ravdess holds no RAVDESS; link it there.")]
    with TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        clone = ["git", "clone", "--quiet", "--shared", str(ROOT), str(project)]
        subprocess.run(clone, check=True)
        lay_out(sound, project / paths.RAW / "ravdess")
        file = project / "params.yaml"
        params = yaml.safe_load(file.read_text(encoding="utf-8"))
        for name, value in PARAMS.items():
            params[name] = params[name] | value if isinstance(value, dict) else value
        file.write_text(yaml.safe_dump(params), encoding="utf-8")
        costs = {stage: repro(project, stage) for stage in STAGES}
        costs["evaluate"] = repro(project, "-s", "evaluate")
    whole = Cost(
        sum(cost.seconds for cost in costs.values()),
        sum(cost.cpu for cost in costs.values()),
        max(cost.peak for cost in costs.values()),
    )
    return [
        Table(
            TITLE,
            f"Recordings of {len(sound)} of the {ACTORS} actors; each other actor is one of them"
            f" once more, backwards. {os.cpu_count()} processes. `clips` includes the stages"
            " before it, `fisher` those of the face, which have nothing to do here.",
            ["`dvc repro`", "s", "CPU s", "peak MiB"],
            [
                [name, f"{cost.seconds:.0f}", f"{cost.cpu:.0f}", f"{cost.peak / 2**20:.0f}"]
                for name, cost in {**costs, "all": whole}.items()
            ],
        )
    ]


def recordings(corpus: Path) -> dict[int, list[Path]]:
    """Return the sound of each actor that is there; a folder without any is no actor."""
    found = {}
    for folder in sorted(corpus.glob("Actor_*")):
        sound = sorted([*folder.glob("03-*.wav"), *folder.glob("03-*.flac")])
        if sound:
            found[int(folder.name.removeprefix("Actor_"))] = sound
    return found


def lay_out(sound: dict[int, list[Path]], corpus: Path) -> None:
    """Write the recordings under the names of all actors.

    A copy is what it is of, backwards: the same recording may not be tested and trained on.
    """
    actors = list(sound)
    for actor in range(1, ACTORS + 1):
        folder = corpus / f"Actor_{actor:02}"
        folder.mkdir(parents=True)
        for file in sound[actor if actor in sound else actors[actor % len(actors)]]:
            copy = folder / f"{file.stem.rpartition('-')[0]}-{actor:02}{file.suffix}"
            if actor in sound:
                shutil.copyfile(file, copy)
                continue
            samples, rate = soundfile.read(file, dtype="int16")
            soundfile.write(copy, samples[::-1], rate)


def repro(project: Path, *arguments: str) -> Cost:
    """Run `dvc repro` in the copy, with this Python."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {n: v for n, v in os.environ.items() if not n.startswith("AVLIB_")}
    command = [sys.executable, "-m", "dvc", "repro", *arguments]
    return run_measured(command, project, environment | {"PATH": path})
