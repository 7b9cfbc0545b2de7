"""What an experiment left behind in ``params.yaml``."""

import subprocess
from pathlib import Path

from ruamel.yaml import YAML, YAMLError

_SHOWN = 5  # keys, so that the line stays short


def changed_params(path: Path = Path("params.yaml")) -> str:
    """Say which keys of ``params.yaml`` differ from the last commit, and how to put them back.

    Returns
    -------
    str
        Empty when none does, and where there is no Git to ask.
    """
    from avlib.report.experiments import by_dotted_key

    try:
        asked = ["git", "show", f"HEAD:./{path.name}"]
        shown = subprocess.run(asked, cwd=path.parent, capture_output=True, check=True)
        yaml = YAML(typ="safe")
        old, new = by_dotted_key(yaml.load(shown.stdout)), by_dotted_key(yaml.load(path))
    except (OSError, subprocess.CalledProcessError, YAMLError, ValueError):
        return ""
    changed = [key for key in old | new if old.get(key) != new.get(key)]
    if not changed:
        return ""
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return (
        f"{path} differs from the last commit in {', '.join(changed[:_SHOWN])}{more}; the next run,"
        f" queued ones too, starts from that.\nTo put it back: git restore {path}"
    )
