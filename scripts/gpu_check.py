"""Try the deep systems on this machine's devices, in minutes: `python scripts/gpu_check.py`.

In a copy of the last commit, on a small generated corpus, every deep system is trained in two
folds, side by side where there are several devices, once killed on the way and resumed, kept as a
final model that predicts a recording, and trained once more on the CPU. The table says how long
each took and how far its probabilities are from the CPU's. Nothing of it is left.

``AVLIB_DEVICE=cpu:0,cpu:1`` goes the same way without a GPU.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).parents[1]))

from avlib.registry import SYSTEMS, system
from avlib.runtime import tables
from avlib.runtime.device import devices, numerics

ROOT = Path(__file__).resolve().parents[1]
SMALL: dict[str, Any] = {
    "demo_corpus": {"subjects": 6, "takes": 1, "seconds": [1.5, 1.6]},
    "demo": {"protocol": {"k": 2}},
}
KILL_AFTER = 20.0  # s of a training; most of it is the start of the processes


def main() -> None:
    """Check each deep system and print the table."""
    names = [name for name in SYSTEMS if system(name).deep and name != "traces"]
    models = [next(iter(system(name).models)) for name in names]
    print(f"{', '.join(devices())}: {numerics()}", flush=True)
    rows = []
    with tempfile.TemporaryDirectory(prefix="avlib-gpu-check-") as scratch:
        project = copy(Path(scratch) / "project", models)
        seconds = repro(project, "folds", "copies", "audio_features", "video_features")
        print(f"preparation {seconds:.0f} s", flush=True)
        for name, model in zip(names, models, strict=True):
            rows.append([model, *check(project, f"train_{name}", model)])
            print(*rows[-1], sep="  ", flush=True)
        repro(project, "final")
        rows = [[*row, predicts(project, row[0])] for row in rows]
    widths = [max(len(row[i]) for row in [HEAD, *rows]) for i in range(len(HEAD))]
    for row in [HEAD, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


HEAD = ["system", "trained, s", "killed and resumed, s", "on the CPU, s", "differs", "predicts"]


def copy(project: Path, models: list[str]) -> Path:
    """Clone the last commit, and make its corpus and its networks small."""
    subprocess.check_call(["git", "clone", "--quiet", "--shared", str(ROOT), str(project)])
    yaml, file = YAML(), project / "params.yaml"
    params = yaml.load(file)
    lay_over(params, SMALL)
    for name in SYSTEMS:
        if name in params and "train" in params[name]:
            params["demo"].setdefault(name, {})["train"] = True
    params["final"]["systems"] = models
    yaml.dump(params, file)
    return project


def lay_over(whole: Any, values: dict[str, Any]) -> None:
    """Set values of a nested mapping."""
    for name, value in values.items():
        if isinstance(value, dict):
            lay_over(whole.setdefault(name, {}), value)
        else:
            whole[name] = value


def check(project: Path, stage: str, model: str) -> list[str]:
    """Train, kill and resume, train on the CPU; return what the table says of it."""
    trained = anew(project, stage)
    ours = probabilities(project, model)
    shutil.rmtree(project / ".memo" / stage)
    begin = time.monotonic()
    with subprocess.Popen(**command(project, "-fs", stage), start_new_session=True) as killed:
        try:
            killed.wait(KILL_AFTER)
        except subprocess.TimeoutExpired:
            os.killpg(killed.pid, signal.SIGKILL)
    for lock in project.glob(".dvc/tmp/*lock"):
        lock.unlink()
    repro(project, "-fs", stage)
    resumed = time.monotonic() - begin
    again = np.abs(probabilities(project, model) - ours).max()
    on_cpu = anew(project, stage, AVLIB_DEVICE="cpu")
    distance = np.abs(probabilities(project, model) - ours).max()
    return [
        f"{trained:.0f}",
        f"{resumed:.0f} (differs by {again:.1g})",
        f"{on_cpu:.0f}",
        f"{distance:.1g}",
    ]


def anew(project: Path, stage: str, **environment: str) -> float:
    """Train as if it never was; return how many seconds that took."""
    shutil.rmtree(project / ".memo" / stage, ignore_errors=True)
    return repro(project, "-fs", stage, **environment)


def predicts(project: Path, model: str) -> str:
    """Let the kept model predict a recording; return yes, or the last line of what it said."""
    [recording, *_] = sorted((project / "data/raw/demo").rglob("*.mp4"))
    said = subprocess.run(
        [sys.executable, "-m", "avlib", "predict", recording, "--model", f"data/final/{model}"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    return "yes" if said.returncode == 0 else said.stderr.strip().splitlines()[-1]


def repro(project: Path, *arguments: str, **environment: str) -> float:
    """Run stages; return how many seconds they took."""
    begin = time.monotonic()
    subprocess.run(**command(project, *arguments, **environment), check=True)
    return time.monotonic() - begin


def command(project: Path, *arguments: str, **environment: str) -> dict[str, Any]:
    """Return how a process of DVC is started."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {
        "args": [sys.executable, "-m", "dvc", "repro", "--quiet", *arguments],
        "cwd": project,
        "env": os.environ | {"PATH": path} | environment,
        "stdout": subprocess.DEVNULL,
    }


def probabilities(project: Path, model: str) -> np.ndarray:
    """Return what a model says of its test clips, (n_rows, n_classes)."""
    rows = tables.read_table(project / "data/predictions" / f"{model}.parquet")
    rows = rows.sort_values(["condition", "fold", "clip_id"])
    return rows.filter(like="prob_").to_numpy()


if __name__ == "__main__":
    main()
