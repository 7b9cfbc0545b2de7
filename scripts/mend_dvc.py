"""Undo what DVC leaves half-written when it is killed: its list of locks, and dvc.lock.

DVC writes both in place. Of a file that is empty or cut short every later command stops.
"""

import json
import subprocess
from pathlib import Path

import yaml

LOCKS = Path(".dvc/tmp/rwlock")
LOCK = Path("dvc.lock")


def main() -> None:
    """Mend the project in this folder, and say what was done."""
    if LOCKS.is_file() and not _is_json(LOCKS):
        LOCKS.unlink()
        print(f"{LOCKS}: was half-written by a DVC that was killed; removed")
    if LOCK.is_file() and not _is_lock(LOCK):
        LOCK.unlink()
        restored = subprocess.run(["git", "restore", LOCK], capture_output=True, check=False)
        how = "removed" if restored.returncode else "as it was committed again"
        print(
            f"{LOCK}: was half-written by a DVC that was killed; {how}; what was computed comes"
            " from memory"
        )


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def _is_lock(path: Path) -> bool:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        held = yaml.load(path.read_bytes(), loader)
    except (yaml.YAMLError, ValueError):
        return False
    return isinstance(held, dict) and isinstance(held.get("stages"), dict) and "schema" in held


if __name__ == "__main__":
    main()
