import importlib.metadata
from pathlib import Path

import numpy as np
import pytest

from avlib.runtime import errors, provenance, tables
from avlib.runtime.provenance import imported_files, third_party


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project whose packages are named like ours."""
    monkeypatch.setattr(provenance, "_root", lambda: tmp_path)

    def write(**files):
        for name, text in files.items():
            path = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            for package in path.relative_to(tmp_path).parents:
                if package != Path():
                    (tmp_path / package / "__init__.py").touch()

    def closure(start, **options):
        return [f.relative_to(tmp_path).as_posix() for f in imported_files(start, **options)]

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


def test_left_out_module_takes_its_own_imports_along(project):
    project(avlib__a="import avlib.b, avlib.c", avlib__b="import avlib.d", avlib__c="", avlib__d="")
    names = project.closure("avlib.a", without=["avlib.b", "avlib.nothing"])
    assert names == ["avlib/__init__.py", "avlib/a.py", "avlib/c.py"]


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
