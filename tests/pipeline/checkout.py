"""A copy of the project with a tiny demo corpus, in which DVC is run for real."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2]
TINY = {
    "demo_corpus": {"subjects": 6, "takes": 1, "seconds": [1.5, 1.6], "seed": 0},
    "fisher": {"components": 4, "pca_audio": 16, "pca_video": 16},
    "svm": {"inner_folds": 2, "c": [1.0, 10.0], "sigma": [1.0]},
    "merml": {"init": "pca", "pairs_per_epoch": 1000, "epochs": 1, "omega": [0.5, 0.3]},
    "lmnn": {"max_iter": 5},
    "itml": {"gamma": 1.0, "pairs": 100, "max_iter": 10},
    "gmml": {"t": [0.1, 0.3]},
    "demo": {
        "protocol": {"k": 2},
        "video": {"fps": 3},
        "gating": {
            "weights": "none",
            "windows": 2,
            "fps": 2.0,
            "size": 32,
            "crop": 32,
            "width": 0.0625,
            "softmax_epochs": 1,
            "epochs": 1,
        },
        "traces": {"hidden": 4, "epochs": 1},
        "avef": {"train": True, "epochs": 1, "dbn_epochs": 1, "joint_epochs": 1},
        "emobed": {"hidden": 8, "epochs": 1},
        "temporal_aggregation": {
            "train": True,
            "segments": 2,
            "fps": 4.0,
            "size": 32,
            "width": 1 / 16,
            "epochs": 1,
        },
    },
}


@dataclass
class Checkout:
    """A copy of the project, with its own Git and DVC."""

    folder: Path
    workers: str = "0"  # in the stages' own processes, which is quicker for so little
    first_run: str = ""  # what DVC said
    starter: Path | None = None  # see `starter`; used where stages have no workers

    def run(self, *command: str, check: bool = True, **environment: str):
        """Run a command in the copy; returns the completed process (stdout and stderr as text)."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment() | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
        return done

    def environment(self) -> dict[str, str]:
        """Return the environment of commands: this Python and its DVC first."""
        first = [self.starter] if self.starter and self.workers == "0" else []
        path = os.pathsep.join(map(str, [*first, Path(sys.executable).parent, os.environ["PATH"]]))
        who = {
            f"GIT_{role}_{what}": "test@localhost"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        return {**os.environ, **who, "PATH": path, "AVLIB_WORKERS": self.workers}

    def dvc(self, *arguments: str, **options):
        """Run DVC in the copy."""
        return self.run("python", "-m", "dvc", *arguments, **options)

    def set(self, **sections) -> None:
        """Lay values over params.yaml, section by section."""
        path = self.folder / "params.yaml"
        values = yaml.safe_load(path.read_text())
        for section, changes in sections.items():
            if isinstance(changes, dict):
                values[section] = _merged(values.get(section) or {}, changes)
            else:
                values[section] = changes
        path.write_text(yaml.safe_dump(values, sort_keys=False))

    def commit(self, message: str) -> None:
        """Commit everything that Git tracks."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)


def _merged(old, new):
    merged = dict(old)
    for key, value in new.items():
        merged[key] = _merged(old.get(key, {}), value) if isinstance(value, dict) else value
    return merged


def project_files() -> list[str]:
    """Files of the project as they stand: tracked ones and new ones that Git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if (PROJECT / name).is_file()]


def copy_project(folder: Path) -> Checkout:
    """Copy the project into ``folder`` and make it tiny."""
    for name in project_files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, target)
    checkout = Checkout(folder)
    checkout.set(**TINY)
    checkout.run("git", "init", "-q", "-b", "main")
    checkout.commit("start")
    return checkout
