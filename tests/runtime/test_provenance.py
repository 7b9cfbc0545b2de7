import importlib.metadata
import sys
from pathlib import Path

import numpy as np
import pytest

from avlib.runtime import errors, provenance, tables
from avlib.runtime.provenance import (
    code_digests,
    imported_files,
    makes_results,
    result_files,
    third_party,
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project whose packages are named like ours."""
    monkeypatch.setattr(provenance, "_ROOT", tmp_path)

    def write(**files):
        for name, text in files.items():
            path = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            for package in path.relative_to(tmp_path).parents:
                if package != Path():
                    (tmp_path / package / "__init__.py").touch()

    def closure(start, read=imported_files):
        return [f.relative_to(tmp_path).as_posix() for f in read(start)]

    write.closure = closure
    return write


def test_closure_follows_every_form_of_import(project):
    project(
        avlib__errors="",
        avlib__a="import avlib.errors",
        avlib__b="def late():\n    from avlib import c\n",
        avlib__c="",
        avlib__faces__track="from . import align\nfrom ..errors import X\n",
        avlib__faces__align="",
        avlib__unused="",
        stages__run="from avlib.faces.track import f\nfrom avlib import a\nimport avlib.b as b\n",
    )
    assert project.closure("stages.run") == [
        "avlib/__init__.py", "avlib/a.py", "avlib/b.py", "avlib/c.py", "avlib/errors.py",
        "avlib/faces/__init__.py", "avlib/faces/align.py", "avlib/faces/track.py",
        "stages/__init__.py", "stages/run.py",
    ]  # fmt: skip


def test_name_defined_in_a_package_leads_to_the_package_file(project, tmp_path):
    project(avlib__models__base="", avlib__x="from avlib.models import Registry")
    (tmp_path / "avlib/models/__init__.py").write_text("from avlib.models.base import Base")
    assert project.closure("avlib.x")[1:] == [
        "avlib/models/__init__.py", "avlib/models/base.py", "avlib/x.py"]  # fmt: skip


def test_what_makes_no_results_takes_its_own_imports_along(project):
    project(
        avlib__a="import avlib.registry, avlib.b, avlib.runtime.memo, avlib.faces.params\nA = 1",
        avlib__b="import avlib.runtime.tables.schema\nB = 1",
        avlib__registry="import avlib.only_there",
        avlib__only_there="X = 1",
        avlib__faces__params="import avlib.only_there",
        avlib__runtime__memo="import avlib.only_there",
        avlib__runtime__tables__schema="S = 1",
    )
    assert project.closure("avlib.a", result_files) == [
        "avlib/a.py", "avlib/b.py", "avlib/runtime/tables/schema.py"]  # fmt: skip
    assert "avlib/only_there.py" in project.closure("avlib.a")


def test_packages_that_hold_words_alone_make_no_results(project, tmp_path):
    project(avlib__faces__a="")
    package = tmp_path / "avlib/faces/__init__.py"
    package.write_text('"""Faces."""\n# of people\n')
    assert not makes_results(package)
    package.write_text('"""Faces."""\nimport cv2\n')
    assert makes_results(package)


CODE = """
LIMIT = 3

def f(x, y=2):
    return x + y * LIMIT
"""
SAME = {
    "a comment": CODE.replace("LIMIT = 3", "LIMIT = 3  # of clips\n# that are read"),
    "blank lines and breaks": CODE.replace("x + y * LIMIT", "(\n\n  x +\n  (y * LIMIT)\n)\n\n"),
    "docstrings": '"""What."""' + CODE.replace("y=2):", 'y=2):\n    """Add."""'),
    "what a constant is": CODE.replace("LIMIT = 3", 'LIMIT = 3\n"""The most clips."""'),
}
OTHER = {
    "a constant": ("= 3", "= 4"),
    "a default": ("y=2", "y=3"),
    "an operator": ("x + y", "x - y"),
    "a text that is no docstring": ("= 3", "= '3'"),
    "a decorator": ("def f", "@staticmethod\ndef f"),
}


def digest(folder, text):
    folder.mkdir()
    (folder / "x.py").write_text(text)
    return code_digests([folder / "x.py"])


@pytest.mark.parametrize("change", SAME)
def test_words_leave_the_digest(tmp_path, change):
    assert digest(tmp_path / "a", CODE) == digest(tmp_path / "b", SAME[change])


@pytest.mark.parametrize("change", OTHER)
def test_code_changes_the_digest(tmp_path, change):
    assert digest(tmp_path / "a", CODE) != digest(tmp_path / "b", CODE.replace(*OTHER[change]))


def test_circular_imports_end(project):
    project(avlib__a="import avlib.b", avlib__b="import avlib.a")
    assert project.closure("avlib.a") == ["avlib/__init__.py", "avlib/a.py", "avlib/b.py"]


def test_module_named_as_text_is_followed(project):
    project(avlib__a='import importlib\nimportlib.import_module("avlib.b")', avlib__b="")
    assert "avlib/b.py" in project.closure("avlib.a")


def test_file_outside_of_the_packages_may_start(project, tmp_path):
    project(avlib__a="", helper="import avlib.a\nfrom . import sibling")
    assert project.closure(tmp_path / "helper.py") == [
        "avlib/__init__.py", "avlib/a.py", "helper.py"]  # fmt: skip


def test_unknown_module_is_an_error(project):
    with pytest.raises(ModuleNotFoundError, match=r"avlib\.nothing"):
        imported_files("avlib.nothing")


def test_module_name_and_file_give_the_same_closure():
    by_name = imported_files("avlib.runtime.tables")
    assert by_name == imported_files(tables) == imported_files(Path(tables.__file__))
    assert Path(errors.__file__) in by_name


def test_versions_are_those_of_the_installed_distributions(tmp_path):
    (tmp_path / "x.py").write_text(
        "import os, numpy.linalg\nfrom sklearn import svm\nimport avlib.errors\n"
        'find_spec("yaml")\ndef f():\n    import no_such_module\n'
    )
    assert third_party([tmp_path / "x.py"]) == {
        "PyYAML": importlib.metadata.version("PyYAML"),
        "no_such_module": "absent",
        "numpy": np.__version__,
        "scikit-learn": importlib.metadata.version("scikit-learn"),
    }


def test_every_installed_module_is_found_in_its_distributions(tmp_path):
    found = importlib.metadata.packages_distributions()
    found = {module: names for module, names in found.items() if module.isidentifier()}
    script = tmp_path / "x.py"
    script.write_text("\n".join(f"import {module}" for module in found))
    ours = {"", "avlib", "stages", *sys.stdlib_module_names}
    expected = {name for module in set(found) - ours for name in found[module]}
    assert len(expected) > 50
    assert third_party([script]) == {n: importlib.metadata.version(n) for n in expected}


def test_of_two_distributions_of_a_name_the_first_on_the_path_counts(tmp_path, monkeypatch):
    for place, number in (("second", "2.0"), ("first", "1.0")):
        facts = tmp_path / place / f"twice-{number}.dist-info"
        facts.mkdir(parents=True)
        (facts / "METADATA").write_text(f"Name: twice\nVersion: {number}\n")
        (facts / "top_level.txt").write_text("twice\n")
        monkeypatch.syspath_prepend(tmp_path / place)
    (tmp_path / "x.py").write_text("import twice\n")
    provenance._installed.cache_clear()
    try:
        assert third_party([tmp_path / "x.py"]) == {"twice": "1.0"}
    finally:
        provenance._installed.cache_clear()
