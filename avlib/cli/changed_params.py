"""What an experiment left behind in ``params.yaml``."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

_SHOWN = 5  # keys, so that the line stays short


def changed_params(path: Path = Path("params.yaml")) -> str:
    """Say which keys of ``params.yaml`` differ from the last commit, and how to put them back.

    Returns
    -------
    str
        Empty when none does, and where there is no Git to ask.
    """
    try:
        asked = ["git", "show", f"HEAD:./{path.name}"]
        shown = subprocess.run(asked, cwd=path.parent, capture_output=True, check=True)
        yaml = YAML(typ="safe")
        old, new = _by_dotted_key(yaml.load(shown.stdout)), _by_dotted_key(yaml.load(path))
    except (OSError, subprocess.CalledProcessError, YAMLError):
        return ""
    changed = [key for key in old | new if old.get(key) != new.get(key)]
    if not changed:
        return ""
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return (
        f"{path} differs from the last commit in {', '.join(changed[:_SHOWN])}{more}; the next run,"
        f" queued ones too, starts from that.\nTo put it back: git restore {path}"
    )


def _by_dotted_key(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _by_dotted_key(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
