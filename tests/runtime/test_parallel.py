import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import distributed
import numpy as np
import psutil
import pytest
import threadpoolctl

from avlib.runtime import local_workers, parallel
from avlib.runtime.cluster import connect
from avlib.runtime.cluster.crew import Crew
from avlib.runtime.errors import AvlibError, MediaError, ParamsError
from avlib.runtime.limits import Limits
from avlib.runtime.parallel import Failure, map_clips


def double(task):
    return 2 * task


def behave(task):
    """Do what the task says, and return the process and its thread counts."""
    if task == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "raise":
        raise ValueError("two\nlines")
    if task == "media":
        raise MediaError("a.mp4: empty; expected a video")
    if task == "exit":
        sys.exit("a library gave up")
    if task == "unpicklable":
        return (i for i in ())
    if isinstance(task, Path) and not task.exists():
        task.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    np.ones((2, 2)) @ np.ones((2, 2))
    threads = {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
    return os.getpid(), threads, os.environ.get("OMP_NUM_THREADS")


def outcomes(tasks, function=behave):
    found = dict(map_clips(function, tasks, label="test"))
    return [found[i] for i in range(len(found))]


@pytest.fixture(autouse=True)
def no_scheduler(monkeypatch):
    monkeypatch.delenv("AVLIB_SCHEDULER", raising=False)


@pytest.fixture
def in_process(monkeypatch):
    monkeypatch.setenv("AVLIB_WORKERS", "0")


@pytest.fixture(scope="module")
def cluster():
    """A cluster as a user may start it: Dask's own settings, and two threads in a worker."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, memory_limit=0, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture
def external(cluster, monkeypatch):
    monkeypatch.setenv("AVLIB_SCHEDULER", cluster.scheduler_address)
    monkeypatch.setenv("AVLIB_SCHEDULER_WAIT", "600")  # on a busy machine a worker starts late


def check_failures(results):
    assert results["raise"].reason == "ValueError: two lines"
    assert "in behave" in results["raise"].details
    assert results["media"] == Failure("a.mp4: empty; expected a video")
    assert results["exit"].reason == "SystemExit: a library gave up"


def test_exceptions_cost_their_own_clip_alone_in_process(in_process):
    tasks = ["raise", "fine", "media", "exit"]
    results = dict(zip(tasks, outcomes(tasks), strict=True))
    check_failures(results)
    assert results["fine"][:2] == (os.getpid(), {1})


def test_threads_are_given_back_after_work_in_process(in_process):
    with threadpoolctl.threadpool_limits(2):
        before = threadpoolctl.threadpool_info()
        outcomes(["fine"])
        assert threadpoolctl.threadpool_info() == before


def process_of(_task):
    return os.getpid()


def test_a_lone_task_that_needs_no_process_of_its_own_has_none(monkeypatch):
    monkeypatch.setenv("AVLIB_WORKERS", "2")
    ((_, alone),) = map_clips(process_of, ["a"], label="alone", apart=False)
    assert alone == os.getpid()
    two = [pid for _, pid in map_clips(process_of, ["a", "b"], label="two", apart=False)]
    assert os.getpid() not in two
    ((_, apart),) = map_clips(process_of, ["a"], label="apart")
    assert apart != os.getpid()


@pytest.mark.parametrize(
    ("tasks", "options", "chosen", "processes"),
    [
        (3, {"sharing": True}, "", 3),
        (3, {}, "", 2),
        (3, {"sharing": True}, "2", 2),
        (4, {"sharing": True}, "", 2),
        (1, {"sharing": True}, "", 1),
        (3, {"sharing": True, "devices": ["cuda:0", "cuda:1"]}, "", 2),
    ],
)
def test_tasks_share_cores_where_all_are_at_work_at_once_then(
    tasks, options, chosen, processes, monkeypatch
):
    monkeypatch.setattr("dask.system.CPU_COUNT", 2)
    monkeypatch.setenv("AVLIB_WORKERS", chosen)
    seen = []

    def planned(function, tasks, workers, *_):
        seen.append(workers)
        yield from tasks

    monkeypatch.setattr("avlib.runtime.parallel.map_locally", planned)
    list(map_clips(process_of, list("abcd")[:tasks], label="shared", **options))
    assert seen == [processes]


def test_clip_that_kills_its_worker_costs_that_clip_alone(monkeypatch):
    monkeypatch.setenv("AVLIB_WORKERS", "2")
    tasks = ["fine"] * 40
    for index, trouble in {5: "raise", 11: "crash", 17: "media", 23: "exit"}.items():
        tasks[index] = trouble
    environment = dict(os.environ)
    results = outcomes(tasks)
    assert dict(os.environ) == environment
    check_failures(dict(zip(tasks, results, strict=True)))
    assert results[11] == Failure("crashed the worker")
    fine = [r for r in results if not isinstance(r, Failure)]
    assert len(fine) == 36
    assert all(threads == {1} and omp == "1" for _, threads, omp in fine)
    assert os.getpid() not in {pid for pid, *_ in fine}


def take(task):
    """Take memory or time without end, or return how much memory the process holds, bytes."""
    if task == "memory":
        held = np.ones(40_000_000)
        time.sleep(600)
        return held
    if task == "time":
        time.sleep(600)
    return psutil.Process().memory_info().rss


def test_clips_that_take_too_much_fail_alone_and_at_once(monkeypatch):
    monkeypatch.setenv("AVLIB_WORKERS", "2")
    [[_, usual]] = map_clips(take, ["fine"], label="test")
    limits = Limits(memory=usual / 1e9 + 0.2, time=3.0)
    tasks = ["fine", "memory", "fine", "time", "fine", "fine"]
    found = dict(map_clips(take, tasks, label="test", limits=limits))
    reasons = {task: found[i].reason for i, task in enumerate(tasks) if task != "fine"}
    assert "GB in memory, more than limits.memory = " in reasons["memory"]
    assert "takes longer than limits.time = 3 s" in reasons["time"]
    assert all(isinstance(found[i], int) for i, task in enumerate(tasks) if task == "fine")


@pytest.mark.parametrize(
    ("rss", "seconds", "said"),
    [(2e9, 60.0, ""), (2.1e9, 1.0, "holds 2.1 GB"), (1.0, 60.1, "takes longer")],
)
def test_limits_say_what_is_too_much(rss, seconds, said):
    found = Limits(memory=2.0, time=60.0).excess(rss, seconds)
    assert found.startswith(said)
    assert bool(found) == bool(said)


def test_innocent_clips_are_never_blamed_for_a_crash(external):
    tasks = ["crash" if i in (9, 10) else "fine" for i in range(60)]
    results = outcomes(tasks)
    crashed = [i for i, r in enumerate(results) if r == Failure("crashed the worker")]
    assert crashed == [9, 10]
    assert not any(isinstance(r, Failure) for i, r in enumerate(results) if i not in crashed)
    assert all(threads == {1} for _, threads, _ in (r for r in results if isinstance(r, tuple)))


def test_worker_killed_once_costs_nothing(external, tmp_path):
    results = outcomes(["fine", tmp_path / "first try was made", "fine"])
    assert (tmp_path / "first try was made").exists()
    assert not any(isinstance(r, Failure) for r in results)


def test_result_that_cannot_travel_costs_its_own_clip_alone(external):
    results = outcomes(["fine", "unpicklable", "fine"])
    assert [isinstance(r, Failure) for r in results] == [False, True, False]
    assert "pickle" in results[1].reason


def test_consumer_that_stops_early_leaves_the_cluster_usable(external):
    results = map_clips(double, range(100), label="test")
    next(results)
    results.close()
    assert outcomes(range(3), function=double) == [0, 2, 4]


def test_no_tasks_need_no_workers(monkeypatch):
    monkeypatch.setattr(parallel, "map_locally", None)
    assert list(map_clips(double, [], label="test")) == []


def test_scheduler_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("AVLIB_SCHEDULER", "tcp://127.0.0.1:1")
    monkeypatch.setattr(connect, "_CONNECT", 0.5)
    with pytest.raises(
        AvlibError, match=r"AVLIB_SCHEDULER=tcp://127\.0\.0\.1:1: no scheduler answers"
    ):
        outcomes(range(3), function=double)


def test_cluster_without_workers_is_an_error(monkeypatch):
    monkeypatch.setenv("AVLIB_SCHEDULER_WAIT", "0.1")
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty:
        monkeypatch.setenv("AVLIB_SCHEDULER", empty.scheduler_address)
        with pytest.raises(AvlibError, match="no Dask worker for"):
            outcomes(range(3), function=double)


@pytest.mark.parametrize("error", [OSError("gone"), KeyError("workers")])
def test_scheduler_that_goes_away_is_an_error(error):
    class Client:
        def scheduler_info(self, n_workers):
            raise error

    with pytest.raises(AvlibError, match="the Dask scheduler at tcp://host:1 went away"):
        Crew(Client(), "tcp://host:1", "", 1).look()


@pytest.mark.parametrize("value", ["two", "-1", "1.5"])
def test_number_of_workers_must_be_a_number(monkeypatch, value):
    monkeypatch.setenv("AVLIB_WORKERS", value)
    with pytest.raises(ParamsError, match=f"AVLIB_WORKERS={value}: expected a number"):
        outcomes(range(3), function=double)


def test_script_without_main_guard_is_told_so(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(
        textwrap.dedent("""
            from avlib.runtime.parallel import map_clips
            from operator import neg
            list(map_clips(neg, range(3), label="test"))
        """)
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "AVLIB_WORKERS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "no local worker process could be started" in last
    assert 'start their work under `if __name__ == "__main__":`' in last


def wait_and_say(task):
    """Write which process this is, and work for longer than anybody waits."""
    task.write_text(str(os.getpid()))
    time.sleep(600)


def test_workers_end_with_a_process_that_is_killed(tmp_path):
    """Also one that is at work, and has nothing to say for minutes."""
    script = tmp_path / "guarded.py"
    note = tmp_path / "worker"
    script.write_text(
        textwrap.dedent(f"""
            from pathlib import Path
            from avlib.runtime.parallel import map_clips
            from tests.runtime.test_parallel import wait_and_say
            if __name__ == "__main__":
                list(map_clips(wait_and_say, [Path({str(note)!r})], label="test"))
        """)
    )
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "AVLIB_WORKERS": "1", "PYTHONPATH": root}
    with subprocess.Popen([sys.executable, str(script)], env=environment) as running:
        deadline = time.monotonic() + 600
        while not (note.exists() and note.read_text()):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.kill()
    worker = int(note.read_text())
    while psutil.pid_exists(worker) and psutil.Process(worker).status() != "zombie":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_whose_process_was_killed_before_it_was_ready_ends_quietly():
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    worker = spawn.Process(target=local_workers._work, args=(len, theirs, dict(os.environ)))
    ours.close()
    worker.start()
    worker.join(60)
    assert worker.exitcode == 0  # of an exception it is 1, and a traceback is printed


def test_ctrl_c_is_one_line_and_ends_the_workers(tmp_path):
    script, note = tmp_path / "stage.py", tmp_path / "worker"
    script.write_text(
        textwrap.dedent(f"""
            from pathlib import Path
            from avlib.runtime.parallel import map_clips
            from avlib.runtime.stage import run
            from tests.runtime.test_parallel import wait_and_say

            def main():
                list(map_clips(wait_and_say, [Path({str(note)!r})], label="test"))

            if __name__ == "__main__":
                run(main)
        """)
    )
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "AVLIB_WORKERS": "1", "PYTHONPATH": root},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:
        deadline = time.monotonic() + 600
        while not (note.exists() and note.read_text()):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to workers, too
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said == "interrupted; run again to go on\n"
    worker = int(note.read_text())
    assert not psutil.pid_exists(worker) or psutil.Process(worker).status() == "zombie"


def surroundings(task):
    return os.environ.get("AVLIB_TEST"), str(Path.cwd())


def test_workers_see_the_environment_and_the_folder_of_now(monkeypatch, tmp_path):
    """Not those of when the server of processes was started."""
    monkeypatch.setenv("AVLIB_WORKERS", "1")
    assert outcomes([0], surroundings) == [(os.environ.get("AVLIB_TEST"), str(Path.cwd()))]
    monkeypatch.setenv("AVLIB_TEST", "changed")
    monkeypatch.chdir(tmp_path)
    assert outcomes([0], surroundings) == [("changed", str(tmp_path.resolve()))]


def said_by_script(folder):
    """Run ``script.py`` of a folder, with a worker, and return the last line that it prints."""
    path = os.pathsep.join([str(Path(__file__).parents[2]), str(folder)])
    done = subprocess.run(
        [sys.executable, str(folder / "script.py")],
        env={**os.environ, "AVLIB_WORKERS": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


def test_the_server_that_is_forked_has_one_thread(tmp_path):
    """Also after it has imported what starts threads where it may."""
    (tmp_path / "heavy.py").write_text(
        textwrap.dedent("""
            import os, av, dlib, librosa, numpy, opensmile, psutil, pyarrow.parquet, sklearn, torch

            def threads(task):
                return psutil.Process(os.getppid()).num_threads()
        """)
    )
    (tmp_path / "script.py").write_text(
        textwrap.dedent("""
            from avlib.runtime.parallel import map_clips
            from heavy import threads
            if __name__ == "__main__":
                print(dict(map_clips(threads, [0], label="test")))
        """)
    )
    assert said_by_script(tmp_path) == "{0: 1}"


def test_what_a_partial_function_needs_is_imported_once_by_the_server(tmp_path):
    """Not by each of its forks: it takes seconds."""
    (tmp_path / "slow.py").write_text(
        "import os\nHERE = os.getpid()\ndef where(function, task):\n"
        "    return HERE == os.getppid(), function(task)\n"
    )
    (tmp_path / "other.py").write_text(
        "import os\nHERE = os.getpid()\ndef where(task):\n    return HERE == os.getppid()\n"
    )
    (tmp_path / "script.py").write_text(
        textwrap.dedent("""
            import functools, other, slow
            from avlib.runtime.parallel import map_clips
            if __name__ == "__main__":
                function = functools.partial(slow.where, other.where)
                print(dict(map_clips(function, [0], label="test")))
        """)
    )
    assert said_by_script(tmp_path) == "{0: (True, True)}"


@pytest.mark.parametrize("said", ['expect_work(["slow"])', 'needed["code"] = [slow.work]'])
def test_what_work_is_said_to_need_is_imported_once_by_the_server(said, tmp_path):
    (tmp_path / "slow.py").write_text("import os\nHERE = os.getpid()\ndef work():\n    pass\n")
    (tmp_path / "quick.py").write_text(
        "import os\ndef where(task):\n    import slow\n    return slow.HERE == os.getppid()\n"
    )
    (tmp_path / "script.py").write_text(
        textwrap.dedent(f"""
            import quick, slow
            from avlib.runtime.parallel import expect_work, map_clips
            if __name__ == "__main__":
                needed = {{}}
                {said}
                print(dict(map_clips(quick.where, [0], label="test", **needed)))
        """)
    )
    assert said_by_script(tmp_path) == "{0: True}"


def test_workers_search_for_garbage_but_not_among_what_was_imported(tmp_path):
    (tmp_path / "kept.py").write_text(
        "import gc\ndef searched(task):\n"
        "    return gc.isenabled(), gc.get_freeze_count() > 10_000\n"
    )
    (tmp_path / "script.py").write_text(
        textwrap.dedent("""
            import gc, kept
            from avlib.runtime.parallel import map_clips
            if __name__ == "__main__":
                assert gc.isenabled()
                print(dict(map_clips(kept.searched, [0], label="test")))
        """)
    )
    assert said_by_script(tmp_path) == "{0: (True, True)}"


@pytest.mark.parametrize(
    ("workers", "scheduler", "devices", "starts"),
    [("2", "", (), True), ("0", "", (), False), ("2", "tcp://here", (), False),
     ("2", "", ("cuda:0",), False), ("2", "", ("cuda:0", "cuda:1"), True)],
)  # fmt: skip
def test_a_server_is_started_ahead_only_for_processes_of_this_machine(
    workers, scheduler, devices, starts, monkeypatch
):
    monkeypatch.setenv("AVLIB_WORKERS", workers)
    monkeypatch.setenv("AVLIB_SCHEDULER", scheduler)
    started = []
    monkeypatch.setattr(parallel, "start_server", started.append)
    parallel.expect_work(["some.module"], devices)
    assert started == [["some.module"]] * starts


def test_unpicklable_result_and_a_worker_killed_once_cost_nothing_else(monkeypatch, tmp_path):
    monkeypatch.setenv("AVLIB_WORKERS", "2")
    fine, first, second, third = outcomes(["fine", tmp_path / "tried", "unpicklable", "fine"])
    assert (tmp_path / "tried").exists()
    assert not any(isinstance(result, Failure) for result in (fine, first, third))
    assert "pickle" in second.reason


def test_whoever_stops_early_leaves_no_process(monkeypatch):
    monkeypatch.setenv("AVLIB_WORKERS", "2")
    results = map_clips(behave, ["fine"] * 100, label="test")
    _, (pid, *_) = next(results)
    results.close()
    assert not psutil.pid_exists(pid)
