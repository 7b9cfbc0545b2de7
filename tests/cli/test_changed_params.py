"""What an experiment left in params.yaml, said by `python -m avlib results`."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from typer.testing import CliRunner

from avlib.cli.changed_params import changed_params
from avlib.cli.main import app

GIT = ("git", "-c", "user.name=test", "-c", "user.email=test@localhost")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    shutil.copy("params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    for arguments in (["init", "-q"], ["add", "params.yaml"], ["commit", "-qm", "start"]):
        subprocess.run([*GIT, *arguments], check=True)
    return tmp_path


def test_the_keys_that_an_experiment_left_and_the_way_back_are_said(repository):
    assert changed_params() == ""
    apply_overrides("params.yaml", ["merml.dim=50", "demo.protocol.k=4"])
    said = changed_params()
    assert "params.yaml differs from the last commit in merml.dim, demo.protocol.k;" in said
    subprocess.run(said.splitlines()[-1].partition(": ")[2].split(), check=True)
    assert changed_params() == ""


def test_many_keys_are_counted(repository):
    Path("params.yaml").write_text("corpus: demo\n")
    assert "subset" not in changed_params()  # it was null
    assert " more; the next run" in changed_params()


def test_nothing_is_said_without_git_or_outside_of_a_repository(tmp_path, monkeypatch):
    path = Path(shutil.copy("params.yaml", tmp_path))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert changed_params(path) == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert changed_params(path) == ""


def test_the_table_of_results_ends_with_it(repository):
    scores = {"accuracy": 0.5, "accuracy_std": 0.1, "uar": 0.5, "f1_macro": 0.5, "clips": 4}
    Path("summary.json").write_text(json.dumps({"demo": {"merml": scores}}))
    asked = ["results", "--summary", "summary.json"]
    assert "git restore" not in CliRunner().invoke(app, asked).output
    apply_overrides("params.yaml", ["merml.dim=50"])
    output = CliRunner().invoke(app, asked).output
    assert output.endswith("To put it back: git restore params.yaml\n"), output
