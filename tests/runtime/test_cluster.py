"""A cluster never changes a result: stale, blind and other workers are found and taken out."""

import contextlib
import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import distributed
import pytest
from cluster_tasks import (
    blind,
    end_the_host,
    fail_if_odd,
    gather,
    meet,
    on_device,
    poison,
    read,
    slow_later,
    where,
    where_with_psutil,
)
from distributed import Nanny, Scheduler, SpecCluster, Worker

from avlib.runtime.attempt import CRASHED, attempt
from avlib.runtime.cluster import connect
from avlib.runtime.cluster.absent import absent_files
from avlib.runtime.cluster.work import differences, origin_of
from avlib.runtime.errors import AvlibError, MediaError, ParamsError
from avlib.runtime.parallel import map_clips
from avlib.runtime.per_fold import FoldJobs, run_per_fold


@contextlib.contextmanager
def cluster_of(*workers):
    """Start a scheduler and workers: threads of this process, or processes that have an `env`."""
    options = [{"nthreads": 1, "dashboard": False, "memory_limit": 0, **one} for one in workers]
    spec = {
        index: {"cls": Nanny if "env" in one else Worker, "options": one}
        for index, one in enumerate(options)
    }
    scheduler = {"cls": Scheduler, "options": {"dashboard_address": ":0", "port": 0}}
    with SpecCluster(workers=spec, scheduler=scheduler, silence_logs=50) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    for name in ("AVLIB_SCHEDULER", "AVLIB_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AVLIB_SCHEDULER_WAIT", "600")  # on a busy machine a worker starts late


@pytest.fixture(scope="module")
def two():
    """Two workers, of which the second one is odd in whatever looks at ``AVLIB_TEST_ODD``."""
    with cluster_of({"env": {}}, {"env": {"AVLIB_TEST_ODD": "1"}}) as cluster:
        with distributed.Client(cluster) as client:
            client.wait_for_workers(2, timeout=600)
        yield cluster


@pytest.fixture
def use(monkeypatch):
    return lambda cluster: monkeypatch.setenv("AVLIB_SCHEDULER", cluster.scheduler_address)


def outcomes(function, tasks, **how):
    found = dict(map_clips(function, tasks, label="test", **how))
    return [found[index] for index in range(len(found))]


# ---------------------------------------------------------------- stale and other workers


def test_workers_compute_with_the_code_of_now(two, use, tmp_path, monkeypatch):
    """Also where they have imported an older one."""
    use(two)
    monkeypatch.syspath_prepend(tmp_path)
    source = tmp_path / "code_under_change.py"
    source.write_text("def f(x):\n    return x\n")
    module = importlib.import_module("code_under_change")

    def import_now(folder):
        sys.path.insert(0, folder)
        import code_under_change

        return code_under_change.f(1)

    with distributed.Client(two) as client:
        assert set(client.run(import_now, str(tmp_path)).values()) == {1}
    assert outcomes(module.f, [1, 2]) == [1, 2]
    source.write_text("def f(x):\n    return 100 * x\n")
    importlib.reload(module)
    assert outcomes(module.f, [1, 2]) == [100, 200]


def test_a_worker_with_another_library_is_taken_out_and_named(use, tmp_path, caplog):
    """Its own import path begins with another version of a library."""
    other = tmp_path / "psutil-0.0.1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: psutil\nVersion: 0.0.1\n")
    (other / "top_level.txt").write_text("psutil\n")
    with cluster_of(
        {"env": {}}, {"env": {"AVLIB_TEST_ODD": "1", "PYTHONPATH": str(tmp_path)}}
    ) as c:
        use(c)
        with distributed.Client(c) as client:
            client.wait_for_workers(2, timeout=600)
        found = outcomes(where_with_psutil, range(12))
    assert found == [(False, str(Path.cwd()))] * 12
    [said] = [message for message in caplog.messages if "taken out" in message]
    assert "is taken out: psutil 0.0.1 there, " in said


def test_no_worker_that_is_like_the_client_ends_the_run_in_a_line(two, use, monkeypatch):
    use(two)
    real = connect.origin_of

    def origin(modules):
        found = real(modules)
        return {**found, "libraries": {**found["libraries"], "numpy": "0"}}

    monkeypatch.setattr(connect, "origin_of", origin)
    with pytest.raises(
        AvlibError, match=r"no worker of .* is left.*numpy .* there, 0 here"
    ) as error:
        outcomes(where, range(4))
    assert "\n" not in str(error.value)


def test_differences_are_named():
    here = {"code": {"a.py": "1", "b.py": "2"}, "libraries": {"numpy": "2", "torch": "1"}}
    there = {"code": {"a.py": "1", "b.py": "3", "c.py": "4"}, "libraries": {"numpy": "1"}}
    assert differences(here, there) == (
        "numpy 1 there, 2 here; torch absent there, 1 here; other code in b.py, c.py"
    )


def test_origin_changes_with_the_code_that_is_imported(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lone_module.py").write_text("import psutil\n")
    before = origin_of(["lone_module"])
    assert {"Python", "psutil"} <= before["libraries"].keys()
    (tmp_path / "lone_module.py").write_text("import psutil\nX = 1\n")
    after = origin_of(["lone_module"])
    assert differences(before, after) == "other code in lone_module.py"


def test_a_worker_that_has_another_folder_of_that_name_is_found_out(
    two, use, tmp_path, monkeypatch
):
    """Every worker's here, since all see one disk: what the client left is made unreadable."""
    use(two)
    monkeypatch.chdir(tmp_path)
    Path(".memo").mkdir()
    assert outcomes(where, [0])[0][1] == str(tmp_path.resolve())
    assert list(Path(".memo").iterdir()) == []

    @contextlib.contextmanager
    def token():
        yield ".memo/elsewhere", "word"

    monkeypatch.setattr(connect, "_token", token)
    with pytest.raises(
        AvlibError, match=f"has another folder {tmp_path.resolve()} than the client"
    ):
        outcomes(where, [0])


# ---------------------------------------------------------------- files that a worker does not see


def test_files_that_one_worker_does_not_see_are_no_failures(two, use, tmp_path, caplog):
    use(two)
    (tmp_path / "hidden").mkdir()
    paths = [tmp_path / "hidden" / f"{index}" for index in range(40)]
    for path in paths:
        path.write_text(path.name)
    assert outcomes(read, paths) == [path.name for path in paths]
    [said] = [message for message in caplog.messages if "taken out" in message]
    assert f"is taken out: does not see {tmp_path / 'hidden'}" in said


def test_files_that_nobody_sees_fail_as_they_do_here(two, use, tmp_path, monkeypatch, caplog):
    (tmp_path / "there").write_text("text")
    tasks = [tmp_path / "there", tmp_path / "gone"]
    use(two)
    found = outcomes(read, tasks)
    monkeypatch.delenv("AVLIB_SCHEDULER")
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    there, gone = outcomes(read, tasks)
    assert found[0] == there
    assert found[1].reason == gone.reason
    assert "taken out" not in caplog.text


def test_files_that_the_client_alone_sees_end_the_run_in_a_line(two, use, tmp_path, monkeypatch):
    use(two)
    (tmp_path / "seen").write_text("text")
    with pytest.raises(AvlibError, match=r"all were taken out.* does not see .*/seen, which the"):
        outcomes(blind, [tmp_path / "seen"])


def test_a_worker_that_fails_what_another_one_does_is_taken_out(two, use, caplog):
    use(two)
    assert outcomes(fail_if_odd, range(60)) == list(range(60))
    [said] = [message for message in caplog.messages if "taken out" in message]
    assert "failed in what another one did: ValueError: no room" in said


def test_absent_files_are_those_of_errors_and_of_tasks(tmp_path):
    def read(task):
        try:
            Path(task).read_text()
        except OSError:
            raise MediaError("cannot be read") from None

    (tmp_path / "there").touch()
    failure = attempt(read, str(tmp_path / "gone"))
    assert failure.absent == (str(tmp_path / "gone"),)
    task = {"a": [str(tmp_path / "there"), ("no path", tmp_path / "else")], "b": 3}
    assert absent_files(task, failure.absent) == (str(tmp_path / "else"), str(tmp_path / "gone"))


# ---------------------------------------------------------------- devices


def test_folds_go_to_workers_that_declare_devices_as_many_at_once(use, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = tmp_path / "here"
    here.mkdir()
    jobs = FoldJobs(
        {fold: {"fold": fold, "here": str(here)} for fold in range(3)},
        {"device": Path("devices")},
        {},
        [],
    )
    environment = {"AVLIB_TEST_ODD": "with", "AVLIB_DEVICE": "cpu:0,cpu:1", "TMPDIR": str(tmp_path)}
    with cluster_of({}, {"env": environment, "nthreads": 3, "resources": {"cpu": 2}}) as cluster:
        use(cluster)
        run_per_fold("train", meet, {"": jobs}, devices=["cpu:0", "cpu:5"])
    found = [Path(f"devices/fold-{fold}.txt").read_text() for fold in range(3)]
    assert set(found) == {"cpu:0 with", "cpu:1 with"}


def test_folds_wait_for_a_worker_that_declares_a_device(two, use, tmp_path, monkeypatch, caplog):
    use(two)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_SCHEDULER_WAIT", "0.1")
    jobs = FoldJobs({0: {}}, {"device": Path("devices")}, {}, [])
    with pytest.raises(
        AvlibError, match="expected a worker that declares cpu; start one with"
    ) as e:
        run_per_fold("train", meet, {"": jobs}, devices=["cpu:0"])
    assert "--resources cpu=1" in str(e.value)


def test_another_kind_of_device_is_refused(two, use, monkeypatch):
    use(two)
    monkeypatch.setattr(connect, "_device_settings", lambda *_: ({}, "cuda, bf16-mixed"))
    with pytest.raises(AvlibError, match="computes on cpu; expected cuda, bf16-mixed"):
        outcomes(where, [0])


def test_a_worker_with_a_gpu_computes_on_its_processor_for_a_client_that_does(use, monkeypatch):
    with cluster_of({"env": {"AVLIB_DEVICE": "cuda:7"}}) as cluster:
        use(cluster)
        monkeypatch.setenv("AVLIB_DEVICE", "cpu")
        assert outcomes(on_device, [0]) == ["cpu"]


# ---------------------------------------------------------------- how much at once


def test_a_worker_of_several_threads_computes_as_many_clips(use, tmp_path):
    with cluster_of({"nthreads": 3}) as cluster:
        use(cluster)
        assert len(set(outcomes(gather, [(i, tmp_path, 3) for i in range(3)]))) == 3


def test_a_cluster_that_has_no_worker_yet_grows(use, tmp_path, caplog):
    with cluster_of() as cluster:
        cluster.new_spec = {"cls": Worker, "options": {"nthreads": 1, "dashboard": False}}
        cluster.adapt(minimum=0, maximum=3, interval="100ms")
        use(cluster)
        assert len(set(outcomes(gather, [(i, tmp_path, 3) for i in range(6)]))) == 3
    assert "waiting for a worker of " in caplog.text


def test_what_a_chunk_had_no_time_for_is_computed_later(two, use):
    """The first hundred take nothing, the next a second each: their chunk ends early."""
    use(two)
    assert outcomes(slow_later, range(110)) == list(range(110))


def test_poisoned_clips_of_many_fail_and_no_other(use):
    with cluster_of({"nthreads": 2}) as cluster:
        use(cluster)
        found = outcomes(poison, range(250))
    assert [i for i, result in enumerate(found) if result == CRASHED] == list(range(7, 250, 25))
    assert all(result == i for i, result in enumerate(found) if i % 25 != 7)


def test_a_chunk_whose_process_ends_is_tried_again_clip_by_clip(use, tmp_path):
    with cluster_of({}) as cluster:
        use(cluster)
        tasks = [None, tmp_path / "tried", None]
        assert outcomes(end_the_host, tasks) == tasks


# ---------------------------------------------------------------- the scheduler


def dask_process(role, *options, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{role}", "--no-dashboard", *options],
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )


def test_a_scheduler_that_ends_ends_the_run_in_a_line(monkeypatch, tmp_path):
    file = tmp_path / "scheduler.json"
    place = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
    with dask_process("scheduler", *place) as scheduler:
        until = time.monotonic() + 600
        while not file.exists() or not file.read_text().endswith("}"):
            assert time.monotonic() < until
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        monkeypatch.setenv("AVLIB_SCHEDULER", address)
        with dask_process("worker", address, "--no-nanny", "--nthreads", "1") as worker:
            results = map_clips(where, range(400), label="test")
            next(results)
            scheduler.kill()
            with pytest.raises(AvlibError, match=f"the Dask scheduler at {address} went away"):
                list(results)
            worker.kill()


@pytest.mark.parametrize("given", ["soon", "1 h"])
def test_the_wait_must_be_seconds(two, use, monkeypatch, given):
    use(two)
    monkeypatch.setenv("AVLIB_SCHEDULER_WAIT", given)
    with pytest.raises(ParamsError, match=f"AVLIB_SCHEDULER_WAIT={given}: expected seconds"):
        outcomes(where, [0])


def test_tls_without_certificates_is_a_line(monkeypatch):
    monkeypatch.setenv("AVLIB_SCHEDULER", "tls://127.0.0.1:1")
    with pytest.raises(AvlibError, match="start one with certificates") as error:
        outcomes(where, [0])
    assert "\n" not in str(error.value)
