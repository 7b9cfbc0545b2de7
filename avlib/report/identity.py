"""Which run a report is of: code, machine, libraries and recordings.

Two runs of one commit on one machine give the same bytes, so nothing here is the time of day: the
date is that of the last commit that changed the code.
"""

import hashlib
import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from avlib.report.formats import DASH

CODE = ("avlib", "stages", "params.yaml", "dvc.yaml")  # what makes results, and is in Git
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "av", "opensmile", "dlib-bin", "dvc")
_SHOWN = 5  # changed files that are named


@dataclass(frozen=True)
class Code:
    """The code that made a run.

    Attributes
    ----------
    commit, date : str
        Of the last commit that changed it; "" where there is no Git to ask.
    changed : tuple of str
        Files that differ from it.
    """

    commit: str = ""
    date: str = ""
    changed: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """In words, short enough for the top of a page."""
        if not self.commit:
            return "code of no known commit"
        changed = " and uncommitted changes" if self.changed else ""
        return f"code of {self.date} (commit {self.commit}{changed})"


def code(folder: Path = Path()) -> Code:
    """Ask Git about the code in a folder."""
    try:
        last = _git(folder, "log", "-1", "--abbrev=10", "--format=%h %cs", "--", *CODE).split()
        status = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", *CODE)
    except (OSError, subprocess.CalledProcessError):
        return Code()
    if not last:  # no commit has any code
        return Code()
    commit, date = last
    return Code(commit, date, tuple(sorted(line[3:].strip('"') for line in status.splitlines())))


def machine() -> str:
    """Name the kind of machine: processor, cores, system."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = models[0] if models else platform.machine()
    return f"{processor}, {os.cpu_count()} cores, {platform.system()}"


def versions() -> str:
    """Name the libraries that figures rest on, with their versions."""
    found = [f"Python {platform.python_version()}"]
    for library in _LIBRARIES:
        try:
            found.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def corpus_digest(clips: pd.DataFrame) -> str:
    """Return a digest of the clips' names, labels and recordings: 12 hexadecimal digits."""
    columns = [c for c in ("clip_id", "subject", "emotion", "sha256") if c in clips]
    text = clips.sort_values("clip_id")[columns].to_csv(index=False, na_rep=DASH)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def identity(clips: pd.DataFrame, made_by: Code) -> dict[str, str]:
    """Return what the run is of and by, by name."""
    more = len(made_by.changed) - _SHOWN
    changed = ", ".join(made_by.changed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return {
        "Code": made_by.said + (f": {changed}" if changed else ""),
        "Machine": machine(),
        "Libraries": versions(),
        "Recordings": f"digest {corpus_digest(clips)} of names, labels and files",
    }


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, capture_output=True, text=True, check=True
    )  # fmt: skip
    return done.stdout
