"""Notebooks of docs/, run without Jupyter: their cells are plain Python."""

import json
from pathlib import Path

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs").glob("*.ipynb"))

# Runs the cells in order, in one namespace, and prints what each expression is, as a kernel would.
RUN = """
import ast, json, sys
names = {"__name__": "__main__"}
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        for statement in ast.parse("".join(cell["source"])).body:
            exec(compile(ast.Interactive([statement]), f"cell {cell['id']}", "single"), names)
"""


def cells(notebook, kind):
    """Return the cells of a kind, each as the notebook holds it."""
    return [c for c in json.loads(notebook.read_text())["cells"] if c["cell_type"] == kind]
