"""Notebooks as they are stored; tests/pipeline runs them."""

import ast
import json

import pytest
from notebooks import NOTEBOOKS, cells


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stored_without_what_it_gave(notebook):
    whole = json.loads(notebook.read_text())
    assert (whole["nbformat"], whole["nbformat_minor"]) == (4, 5)
    names = [cell["id"] for cell in whole["cells"]]
    assert len(set(names)) == len(names)
    for cell in cells(notebook, "code"):
        assert cell["outputs"] == [], cell["id"]
        assert cell["execution_count"] is None, cell["id"]
        ast.parse("".join(cell["source"]))  # plain Python, no commands of a notebook's own
    assert notebook.read_text() == json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
