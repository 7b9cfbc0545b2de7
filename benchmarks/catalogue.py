"""The benchmarks by name: what each measures, and its section of the page."""

import ast
import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

from avlib.runtime.errors import AvlibError
from benchmarks.table import Table

NAMES = (
    "prepare",
    "faces",
    "face_networks",
    "avef_preparation",
    "avef_clip",
    "noop",
    "memory",
    "copies",
    "cluster",
    "scale",
    "voices",
    "fisher",
    "svm",
    "merml",
    "metric_learning",
    "gating",
    "temporal_aggregation",
    "chips",
    "functionals",
    "estimate",
    "device",
    "processor",
)


def purpose(name: str) -> str:
    """Return the first line of a benchmark's text, without importing it."""
    spec = find_spec(f"benchmarks.bench_{name}")
    assert spec is not None
    assert spec.origin is not None
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
    return (text or "").partition("\n")[0]


def section(name: str) -> str:
    """Run a benchmark and return its section; an error that we foresaw leaves it empty."""
    head = f"## {name}\n\n{purpose(name)}\n\n"
    try:
        tables: list[Table] = importlib.import_module(f"benchmarks.bench_{name}").tables()
    except AvlibError as error:
        print(f"error: {error}", file=sys.stderr)  # may hold paths, which the page must not
        return f"{head}Not measured: the error is on the terminal.\n"
    return head + "\n".join(table.markdown() for table in tables)
