import shutil
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from avlib.cli.main import app
from avlib.runtime.errors import DataError, ParamsError
from avlib.systems.common import estimate as module
from avlib.systems.common.rehearsal import FoldCost


def fold_cost(task):
    """Stand for a rehearsal: an hour for a thousand clips of a second."""
    seconds = 3.6 * task.n_clips * task.seconds
    return FoldCost(1e9 * seconds, seconds, 1e9, 1e6, 0.0)


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    monkeypatch.setenv("AVLIB_DEVICE", "cpu")
    real = module.stage_cost
    monkeypatch.setattr(module, "stage_cost", lambda *given: real(*given, rehearse=fold_cost))

    def call(*arguments):
        return CliRunner().invoke(app, ["estimate", *arguments])

    return call


def test_each_number_of_a_corpus_says_by_itself_what_it_counts():
    options = {o.name: o.help for o in get_command(app).commands["estimate"].params}
    words = {"clips": "clips", "seconds": "length", "folds": "folds", "emotions": "emotions"}
    assert [name for name, word in words.items() if word not in options[name]] == []


def test_a_corpus_that_is_not_here_is_described(run):
    found = run("cnn", "emobed", "--clips", "5000", "--seconds", "2", "--folds", "5")
    assert found.exit_code == 0, found.output
    cnn, emobed = [line for line in found.output.splitlines() if "folds on cpu" in line]
    assert cnn.startswith("cnn: 5 folds on cpu, 1 at once, each 8 h of training")  # of 4000 clips
    assert "in all 1.7 days" in cnn
    four = "emobed, emobed_classic, emobed_joint, emobed_triplet: 20 folds"
    assert emobed.startswith(four)


def test_it_says_where_no_deep_system_is_on(run, monkeypatch, tmp_path):
    text = Path("params.yaml").read_text(encoding="utf-8").replace("train: true ", "train: false ")
    (tmp_path / "params.yaml").write_text(text.replace("corpus: demo ", "corpus: mine "))
    monkeypatch.chdir(tmp_path)
    found = run("--clips", "12", "--seconds", "2")
    assert (found.exit_code, found.output.count("\n")) == (0, 1)
    assert found.output.startswith("No deep system is on; name one")


def test_without_folds_it_says_how_to_make_them(run, monkeypatch, tmp_path):
    shutil.copy("params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    found = run("cnn")
    assert isinstance(found.exception, DataError)
    assert str(found.exception).startswith("data/clips.parquet is missing; run `dvc repro folds`")


def test_unknown_systems_and_half_a_corpus_are_refused(run):
    found = run("svm", "--clips", "10", "--seconds", "1")
    assert isinstance(found.exception, ParamsError)
    assert str(found.exception).startswith("svm: expected some of cnn, ")
    found = run("cnn", "--clips", "10")
    assert "expected both" in str(found.exception)
