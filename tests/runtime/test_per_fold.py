"""FoldJobs are computed once, survive an interruption, and are laid out by name."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from avlib.runtime.errors import DataError
from avlib.runtime.memo import locked
from avlib.runtime.per_fold import FoldJobs, _compute, _Item, run_per_fold


@pytest.fixture(autouse=True)
def in_process(monkeypatch, tmp_path):
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    monkeypatch.chdir(tmp_path)
    Path("input").write_text("numbers")


def write_fold(payload, folder):
    """Note that it ran, and write a table and a model."""
    with Path("ran").open("a") as log:
        log.write(f"{payload['fold']}\n")
    if payload.get("fails"):
        raise DataError("no clip to learn from")
    (folder / "table.txt").write_text(f"rows of {payload['fold']}")
    (folder / "model").mkdir()
    if payload.get("untrained"):
        return
    (folder / "model" / "state.txt").write_text(f"state of {payload['fold']}")


def run(payloads, **params):
    """Run the stage into ``tables`` and ``models``."""
    out = {"table": Path("tables"), "model": Path("models")}
    run_per_fold("train", write_fold, {"": FoldJobs(payloads, out, params, [Path("input")])})


def ran():
    """Return the folds that were computed, in order."""
    return [int(line) for line in Path("ran").read_text().split()]


def test_results_are_collected_by_name():
    run({0: {"fold": 0}, 1: {"fold": 1}})
    assert Path("tables/fold-1.txt").read_text() == "rows of 1"
    assert Path("models/fold-0/state.txt").read_text() == "state of 0"


def test_what_is_done_is_not_computed_again_where_dvc_removed_the_outputs():
    run({0: {"fold": 0}, 1: {"fold": 1}})
    shutil.rmtree("tables")
    shutil.rmtree("models")
    run({0: {"fold": 0}, 1: {"fold": 1}})
    assert ran() == [0, 1]
    assert Path("tables/fold-1.txt").read_text() == "rows of 1"
    assert Path("models/fold-0/state.txt").read_text() == "state of 0"


def test_a_fold_whose_output_somebody_wrote_into_is_computed_again():
    run({0: {"fold": 0}, 1: {"fold": 1}})
    with Path("models/fold-1/state.txt").open("a") as state:
        state.write(", touched up")
    run({0: {"fold": 0}, 1: {"fold": 1}})
    assert ran() == [0, 1, 1]
    assert Path("models/fold-1/state.txt").read_text() == "state of 1"


def test_a_bit_that_flips_in_a_remembered_fold_under_the_same_time_is_found(caplog):
    run({0: {"fold": 0}, 1: {"fold": 1}})
    (path,) = Path(".memo/train").glob("*/fold-1/model/state.txt")
    facts = path.stat()
    path.write_text("state of 3")  # 1 and 3 are a bit apart
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    run({0: {"fold": 0}, 1: {"fold": 1}})
    assert ran() == [0, 1, 1]
    assert Path("models/fold-1/state.txt").read_text() == "state of 1"
    assert sum("fold-1: changed since" in message for message in caplog.messages) == 1


@pytest.mark.parametrize("stamps", [None, "", '{"table.txt": [1'])
def test_a_fold_whose_stamps_a_power_failure_took_is_computed_again(stamps):
    run({0: {"fold": 0}})
    (path,) = Path(".memo/train").glob("*/fold-0/.stamps.json")
    path.unlink() if stamps is None else path.write_text(stamps)
    run({0: {"fold": 0}})
    assert ran() == [0, 0]


@pytest.mark.parametrize("name", ["", "model"])
def test_what_a_killed_run_left_in_the_memory_is_swept_out(name):
    def train():
        out = {"table": Path("tables"), "model": Path("models")}
        folds = FoldJobs({0: {"fold": 0}}, out, {}, [Path("input")])
        run_per_fold("train", write_fold, {name: folds})

    train()
    (key,) = Path(".memo/train").iterdir()
    (key / name / ".unfinished").mkdir()
    (key / name / ".unfinished" / "table.txt").touch()
    (key / name / ".file").touch()
    Path(".memo/train/other").mkdir()
    train()
    assert ran() == [0]
    assert list(Path(".memo/train").iterdir()) == [key]
    assert [path.name for path in (key / name).iterdir()] == ["fold-0"]


def test_an_empty_result_folder_is_laid_out_too():
    run({0: {"fold": 0, "untrained": True}})
    assert list(Path("models/fold-0").iterdir()) == []


def test_a_failing_fold_is_named_and_the_finished_ones_are_not_computed_again():
    with pytest.raises(DataError, match="train, fold 1: no clip to learn from"):
        run({0: {"fold": 0}, 1: {"fold": 1, "fails": True}})
    assert not Path("tables").exists()
    run({0: {"fold": 0}, 1: {"fold": 1}})
    assert ran() == [0, 1, 1]


@pytest.mark.parametrize("change", ["params", "input"])
def test_a_finished_fold_is_forgotten_when_what_it_depends_on_changes(change):
    with pytest.raises(DataError):
        run({0: {"fold": 0}, 1: {"fold": 1, "fails": True}}, dim=1)
    if change == "input":
        Path("input").write_text("other numbers")
    run({0: {"fold": 0}, 1: {"fold": 1}}, dim=2 if change == "params" else 1)
    assert ran() == [0, 1, 0, 1]
    assert len(list(Path(".memo/train").iterdir())) == 1


def test_models_that_share_a_stage_are_told_apart_and_each_is_remembered_by_itself():
    def train(fails, **params):
        work = {
            name: FoldJobs(
                {fold: {"fold": 10 * number + fold, "fails": fails == (name, fold)}
                 for fold in (0, 1)},
                {"table": Path("tables") / name, "model": Path("models") / name},
                params.get(name, {}),
                [Path("input")],
            )
            for number, name in enumerate(["first", "second"])
        }  # fmt: skip
        run_per_fold("train", write_fold, work)

    with pytest.raises(DataError, match="train, second, fold 0: no clip to learn from"):
        train(("second", 0))
    assert ran() == [0, 10]
    with pytest.raises(DataError, match="train, second, fold 1: no clip"):
        train(("second", 1), second={"dim": 3})
    assert ran() == [0, 10, 10, 1, 11]
    train(None, second={"dim": 3})
    assert ran() == [0, 10, 10, 1, 11, 11]
    assert Path("tables/first/fold-1.txt").read_text() == "rows of 1"
    assert Path("models/second/fold-0/state.txt").read_text() == "state of 10"
    train(None, first={"dim": 4}, second={"dim": 3})
    assert ran() == [0, 10, 10, 1, 11, 11, 0, 1]


def test_models_that_share_a_stage_take_turns_so_that_the_time_left_can_be_told():
    out = {"table": Path("tables"), "model": Path("models")}
    jobs = {
        name: FoldJobs({k: {"fold": first + k} for k in range(3)}, out, {}, [Path("input")])
        for name, first in (("heavy", 10), ("light", 20))
    }
    run_per_fold("train", write_fold, jobs)
    assert ran() == [10, 20, 11, 21, 12, 22]


def test_fold_that_two_workers_finish_is_kept_once():
    for _ in range(2):
        target = str(Path("memory/fold-3").absolute())
        _compute(_Item(write_fold, {"fold": 3}, target, "fold-3"))
    assert Path("ran").read_text() == "3\n3\n"
    assert [path.name for path in Path("memory").iterdir()] == ["fold-3"]
    assert Path("memory/fold-3/table.txt").read_text() == "rows of 3"


def half_a_fold(payload, folder):
    """Keep a checkpoint beside the folds, die the first time, end the second."""
    kept = folder.parent / "checkpoints" / f"fold-{payload['fold']}"
    if not kept.is_dir():
        kept.mkdir(parents=True)
        raise DataError("the machine went down")
    (folder / "table.txt").write_text("went on")


def test_a_second_run_waits_for_the_first(caplog):
    caplog.set_level("INFO")
    with ThreadPoolExecutor(1) as pool:
        with locked(Path(".memo/train")):
            second = pool.submit(run, {0: {"fold": 0}})
            while "waiting for another run to end" not in caplog.text:
                assert not second.done()
            assert not Path("ran").exists()
        second.result(timeout=60)
    assert ran() == [0]


def test_checkpoints_of_an_unfinished_fold_survive_and_go_when_the_stage_is_done():
    def train():
        folds = FoldJobs({0: {"fold": 0}}, {"table": Path("tables")}, {}, [Path("input")])
        run_per_fold("deep", half_a_fold, {"": folds})

    with pytest.raises(DataError, match="the machine went down"):
        train()
    train()
    assert Path("tables/fold-0.txt").read_text() == "went on"
    assert not list(Path(".memo/deep").rglob("checkpoints"))


def test_a_copy_of_the_project_for_a_queued_experiment_begins_with_what_the_project_remembers(
    tmp_path, monkeypatch
):
    """Such a copy lacks ignored files; DVC says where the project itself is."""
    run({0: {"fold": 0}, 1: {"fold": 1}})
    before = {path: path.read_bytes() for path in Path(".memo").rglob("*") if path.is_file()}
    copy = tmp_path / "copy"
    copy.mkdir()
    Path("input").rename(copy / "input")
    (tmp_path / "input").write_bytes((copy / "input").read_bytes())
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(copy)
    run({0: {"fold": 0}, 1: {"fold": 1}})
    assert not Path("ran").exists()
    assert Path("tables/fold-1.txt").read_text() == "rows of 1"
    run({0: {"fold": 0}}, other="value")  # forgets the old folds, in the copy alone
    assert ran() == [0]
    monkeypatch.chdir(tmp_path)
    assert {p: p.read_bytes() for p in before} == before
