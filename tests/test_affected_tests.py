import importlib.util
import shlex
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("affected_tests", "scripts/affected_tests.py")
affected_tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(affected_tests)


def affected(*changed):
    found = affected_tests.affected({affected_tests.ROOT / name for name in changed})
    return [str(test.relative_to(affected_tests.TESTS)) for test in found]


@pytest.mark.parametrize(
    ("changed", "first"),
    [
        ("avlib/metric_learning/lmnn.py", "metric_learning/test_lmnn.py"),
        ("tests/report/test_plots.py", "report/test_plots.py"),
        ("stages/clips.py", "corpora/test_clips_stage.py"),
        ("benchmarks/table.py", "test_benchmarks.py"),
        ("docs/architecture.md", "test_architecture.py"),
    ],
)
def test_the_closest_test_comes_first(changed, first):
    assert first in affected(changed)[:2]


@pytest.mark.parametrize(
    ("changed", "test"),
    [
        ("avlib/metric_learning/base.py", "systems/common/test_vector_models.py"),  # through others
        ("tests/corpora/builders.py", "corpora/test_ravdess.py"),
        ("tests/metric_learning/conftest.py", "metric_learning/test_lmnn.py"),
        ("avlib/networks/train_network.py", "systems/avef/test_rbm.py"),  # one_thread, two up
        ("avlib/report/published_results.yaml", "report/test_published.py"),
        ("params.yaml", "test_params.py"),
        ("stages/fisher.py", "test_architecture.py"),
    ],
)
def test_what_stands_behind_a_test_affects_it(changed, test):
    assert test in affected(changed)


def test_a_changed_system_is_held_to_the_contract_of_its_own_models_alone(monkeypatch, capsys):
    changed = {affected_tests.ROOT / "avlib/systems/svm/model.py"}
    monkeypatch.setattr(affected_tests, "changed_files", lambda since: changed)
    monkeypatch.setattr(affected_tests.sys, "argv", ["affected_tests"])
    affected_tests.main()
    arguments = shlex.split(capsys.readouterr().out)
    assert arguments.count("tests/systems/test_contract.py") == 1
    assert "-k not test_contract or svm_audio or svm_video or svm_concat" in arguments
    monkeypatch.setattr(affected_tests, "affected", lambda changed: [affected_tests.TESTS / "a.py"])
    affected_tests.main()
    assert "tests/a.py" in capsys.readouterr().out  # where there is room for both


def test_nothing_else_is_affected():
    assert affected(*Path().glob("LIC*")) == []  # named, it would be in this test
    assert "metric_learning/test_lmnn.py" not in affected("avlib/speech/vad.py", "docs/results.md")
    assert not any(
        test.startswith("pipeline/") for test in affected("avlib/runtime/tables/schema.py")
    )
    assert Path("tests/pipeline").is_dir()


def test_a_new_file_and_an_edited_one_are_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(affected_tests, "ROOT", tmp_path)

    def git(*words):
        affected_tests.subprocess.check_output(["git", *words], cwd=tmp_path)

    git("init", "-q")
    for name in ("same", "edited", "gone"):
        (tmp_path / name).touch()
    git("add", ".")
    git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "first")
    (tmp_path / "edited").write_text("new")
    (tmp_path / "gone").unlink()
    (tmp_path / "new").touch()
    assert affected_tests.changed_files("HEAD") == {tmp_path / n for n in ("edited", "gone", "new")}
