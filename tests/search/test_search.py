"""A search with DVC for real, on a pipeline whose stages take no time."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from avlib.runtime.errors import DataError, ParamsError
from avlib.search.experiments import plan

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
DVC_YAML = """\
stages:
  fisher:
    cmd: mkdir -p data && echo vectors > data/fisher
    params: [fisher]
    outs: [data/fisher]
  train_svm:
    cmd: cp data/fisher data/svm
    params: [svm]
    deps: [data/fisher]
    outs: [data/svm]
  train_merml:
    cmd: cat data/fisher params.yaml > data/merml
    params: [merml]
    deps: [data/fisher, data/weights]
    outs: [data/merml]
  evaluate:
    cmd: python evaluate.py
    deps: [data/svm, data/merml, evaluate.py]
    metrics:
      - metrics/selection.json: {cache: false}
"""
# Dimension 7 is best on validation, the farthest from it on the test part.
EVALUATE = """\
import json, pathlib, sys
import yaml

dim = yaml.safe_load(open("params.yaml"))["merml"]["dim"]
if dim == 5:
    sys.exit("five is never right")
assert pathlib.Path("data/weights/ignored").read_text() == "w"
away = abs(dim - 7) / 1000
validation = {"accuracy": 0.9 - away, "accuracy_std": 0.0, "clips": 9}
scores = {"chosen_by": "c", "validation": validation, "test": {"accuracy": 0.3 + away}}
pathlib.Path("metrics").mkdir(exist_ok=True)
pathlib.Path("metrics/selection.json").write_text(json.dumps({"demo": {"merml": scores}}))
"""


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    values = yaml.safe_load((PROJECT / "params.yaml").read_text()) | {"demo": {}}
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / "evaluate.py").write_text(EVALUATE)
    (folder / "data/weights").mkdir(parents=True)
    (folder / "data/weights/ignored").write_text("w")
    (folder / ".gitignore").write_text("/data/*\n")
    for command in ("git init -q", "git config user.email t@localhost", "git config user.name t"):
        run(folder, *command.split())
    dvc = [sys.executable, "-m", "dvc"]
    run(folder, *dvc, "init", "-q")
    run(folder, *dvc, "config", "core.analytics", "false")
    run(folder, *dvc, "repro")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "start")
    return folder


def search(folder, *arguments):
    return run(folder, sys.executable, "-m", "avlib", "search", *arguments)


def test_a_search_chooses_by_validation_leaves_the_workspace_and_goes_on(project):
    before = (project / "params.yaml").read_bytes()
    what = ("--param", "merml.dim=5,6,7", "--sampler", "random", "--at-once", "2")
    first = search(project, *what, "--trials", "2")
    assert "each trial runs train_merml, evaluate" in first.stderr
    assert "'train_svm'" not in first.stderr
    again = search(project, *what, "--trials", "10")
    tried = [line for line in again.stderr.splitlines() if line.startswith("trial ")]
    assert len(tried) == 10
    assert [line for line in tried if "dim=5:" in line and "failed" in line]
    assert again.stderr.count("five is never right") == 1
    header, *rows = again.stdout.split("\n\n")[0].splitlines()
    assert header.split()[:3] == ["experiment", "merml.dim", "validation"]
    assert [row.split()[1] for row in rows] == ["7", "6"]
    assert len(rows[1].split()) == len(rows[0].split()) - 1  # no test score
    assert "0.301" not in again.stdout
    assert "chosen by validation: merml.dim=7; accuracy 90.0 %" in again.stdout
    assert "30.0 % on test" in again.stdout
    assert any("(known)" in line for line in tried[:2])
    assert (project / "params.yaml").read_bytes() == before
    assert run(project, "git", "status", "--short").stdout == ""
    (command,) = [line for line in again.stdout.splitlines() if line.startswith("dvc exp apply")]
    run(project, sys.executable, "-m", *command.partition("#")[0].split())
    assert "dim: 7" in (project / "params.yaml").read_text()
    run(project, "git", "checkout", "-q", ".")


def test_only_what_the_parameters_concern_runs_with_what_git_ignores(project, monkeypatch):
    monkeypatch.chdir(project)
    of_merml = plan(["merml.dim"], "merml", "train_merml")
    assert of_merml.stages == ["train_merml", "evaluate"]
    assert of_merml.copied == ["data/weights"]
    of_both = plan(["fisher.components", "merml.dim"], "merml", "train_merml")
    assert of_both.stages == ["fisher", "train_merml", "evaluate"]
    assert plan(["svm.c"], "svm_audio", "train_svm").copied == []
    with pytest.raises(ParamsError, match=r"svm\.c is read by no stage that merml depends on"):
        plan(["svm.c"], "merml", "train_merml")


def test_what_the_search_would_start_from_must_be_up_to_date(project, monkeypatch):
    monkeypatch.chdir(project)
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("fisher:", "fisher:\n  other: 1", 1))
    with pytest.raises(DataError, match=r"fisher: out of date.*dvc repro train_merml"):
        plan(["merml.dim"], "merml", "train_merml")
    assert plan(["fisher.components"], "merml", "train_merml").stages[0] == "fisher"
    Path("params.yaml").write_text(text)
