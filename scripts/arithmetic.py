"""Digests of all models, fitted to tiny clips: equal where two processors compute alike.

``python scripts/arithmetic.py [MODEL ...]`` prints a line for each model, a digest of the files
that it saves and of what it says of test clips, as soon as it has it. `docs/arithmetic.txt` holds
the lines of other machines; ``--against docs/arithmetic.txt`` compares, and exits with 1 where one
differs. Without another maker's machine, qemu stands for it (its user mode; models take minutes)::

    qemu-x86_64 -cpu EPYC-Milan-v1 .venv/bin/python scripts/arithmetic.py cnn
"""

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), *(str(path) for path in (ROOT / "tests").rglob("*/"))]

# All behind the folders that they lie in; `stages` first, as it sets how libraries compute.
import stages  # noqa: E402, F401 - below the path to it; before NumPy

# isort: split
import numpy as np  # noqa: E402 - after stages
from contract import Case, TraceCase  # noqa: E402 - likewise

from avlib import registry  # noqa: E402 - likewise


def main() -> int:
    """Print the digests of the models asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help="default: all")
    parser.add_argument("--against", type=Path, help="digests of another machine")
    arguments = parser.parse_args()
    lines = arguments.against.read_text().splitlines() if arguments.against else []
    other = dict(map(str.split, lines))
    traces = registry.system("traces")
    differ = 0
    for name, system in (registry.models() | dict.fromkeys(traces.models, traces)).items():
        if name == "avef_transfer":  # avef, with weights to begin with
            continue
        if arguments.models and name not in arguments.models:
            continue
        kind = TraceCase if system is traces else Case
        with tempfile.TemporaryDirectory() as folder:
            case = kind(system, name, Path(folder))
            found = digest([case.saved, case.said(case.model)])
        unequal = found != other.get(name, found)
        differ += unequal
        print(name, found, *["(differs)"] * unequal, flush=True)
    return int(differ > 0)


def digest(values: object) -> str:
    """Return a short digest of nested dictionaries, lists, arrays, bytes and plain values."""
    found = hashlib.sha256()
    for part in leaves(values):
        found.update(part)
    return found.hexdigest()[:12]


def leaves(values: object) -> Iterator[bytes]:
    """Return the bytes of all that is nested in values, in one order."""
    if isinstance(values, dict):
        for key, value in sorted(values.items(), key=lambda item: repr(item[0])):
            yield repr(key).encode()
            yield from leaves(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from leaves(value)
    elif isinstance(values, np.ndarray):
        yield values.tobytes()
    else:
        yield values if isinstance(values, bytes) else repr(values).encode()


if __name__ == "__main__":
    sys.exit(main())
