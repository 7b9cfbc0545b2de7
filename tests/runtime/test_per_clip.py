import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import distributed
import numpy as np
import pytest

from avlib.descriptors.tables import VIDEO
from avlib.runtime.errors import DataError, MediaError
from avlib.runtime.per_clip import ClipRows, ClipTask, run_per_clip
from avlib.runtime.tables import clip_refs, conform, iter_clips, read_clip, read_table, write_table

SUBJECTS = ("S1", "S 2/x", "S3")


def describe(payload, params):
    """Stand in for a stage: writes down that it ran, and misbehaves as the payload says."""
    with Path(payload["log"]).open("a") as log:
        log.write(payload["clip"] + "\n")
    time.sleep(payload.get("sleep", 0))
    trouble = payload.get("trouble")
    if trouble == "media":
        raise MediaError("clip.mp4: no frame could be decoded\nat all; expected a video")
    if trouble == "bug":
        raise KeyError("defect")
    seed = int(hashlib.sha256((payload["clip"] + str(params)).encode()).hexdigest()[:8], 16)
    frames = 0 if trouble == "empty" else 4 + seed % 3
    values = np.random.default_rng(seed).normal(size=(frames, 6)).astype(np.float32)
    if trouble in ("nan", "inf"):
        values[1:3, 0] = float(trouble)
    columns = {
        "frame": np.arange(frames)[::-1],
        "time": np.arange(frames)[::-1] / params["fps"],
        "descriptor": values,
    }
    if trouble == "columns":
        del columns["time"]
    if trouble == "degraded":
        return ClipRows(columns, "degraded", "no voice")
    return ClipRows(columns)


def describe_in_pieces(payload, params):
    """Return two rows at a time of what `describe` returns."""
    columns = describe(payload, params).columns
    order = np.argsort(columns["frame"])
    pieces = [
        {name: values[order[first : first + 2]] for name, values in columns.items()}
        for first in range(0, len(order), 2)
    ]
    return ClipRows(conform({**piece, "clip_id": [""] * len(piece["time"])}, VIDEO).drop("clip_id")
                    for piece in pieces)  # fmt: skip


class Stage:
    """One stage on its own disk; each run finds its outputs deleted, as under DVC."""

    def __init__(self, folder):
        self.folder = folder
        self.out, self.status = folder / "data" / "video", folder / "data" / "status.parquet"
        self.log = folder / "log"

    def tasks(self, count=9, **per_clip):
        return [
            ClipTask(
                f"c{i:02}",
                SUBJECTS[i % 3],
                f"digest{i}",
                {"clip": f"c{i:02}", "log": str(self.log), **per_clip.get(f"c{i:02}", {})},
            )
            for i in range(count)
        ]

    def run(self, tasks=None, *, function=describe, params=None, limit=1.0, skipped=None):
        for path in [*self.out.glob("*"), self.status]:
            path.unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)
        return run_per_clip(
            "video",
            function,
            self.tasks() if tasks is None else tasks,
            out=self.out,
            status=self.status,
            schema=VIDEO,
            params=params or {"fps": 25},
            max_failed_fraction=limit,
            skipped=skipped,
            memo=self.folder / ".memo",
        )

    @property
    def computed(self):
        return sorted(self.log.read_text().split()) if self.log.exists() else []

    @property
    def bytes(self):
        files = [*sorted(self.out.glob("**/*")), self.status]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    @property
    def verdicts(self):
        frame = read_table(self.status)
        return {r.clip_id: (r.status, r.reason) for r in frame.itertuples()}


@pytest.fixture(autouse=True)
def in_process(monkeypatch):
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    monkeypatch.delenv("AVLIB_SCHEDULER", raising=False)


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path / "one")


@pytest.fixture
def other(tmp_path):
    return Stage(tmp_path / "two")


def test_a_clip_in_pieces_has_a_row_group_for_each_and_the_same_rows(stage, other):
    stage.run(stage.tasks(8), function=describe_in_pieces)
    # Eight from memory beside a new one: rows come from parts and from files of their own.
    summary = stage.run(function=describe_in_pieces)
    assert (summary.computed, summary.remembered) == (1, 8)
    other.run()
    whole, pieces = clip_refs(other.out), clip_refs(stage.out)
    assert [ref.rows for ref in pieces] == [ref.rows for ref in whole]
    for one, several in zip(whole, pieces, strict=True):
        assert len(several.row_group) == -(-one.rows // 2)
        assert read_clip(several.path, several.row_group).equals(read_clip(one.path, one.row_group))
    for (_, one), (_, several) in zip(iter_clips(other.out), iter_clips(stage.out), strict=True):
        assert several.equals(one)
    before = stage.bytes
    assert stage.run(function=describe_in_pieces).computed == 0
    assert stage.bytes == before


def test_parts_hold_one_row_group_per_clip_sorted(stage):
    summary = stage.run(stage.tasks()[::-1])
    assert (summary.computed, summary.remembered, summary.failed) == (9, 0, 0)
    assert [(r.part, r.clip_id) for r in clip_refs(stage.out)] == [
        (part, f"c{i:02}") for j, part in sorted(enumerate(SUBJECTS), key=lambda p: p[1])
        for i in range(j, 9, 3)]  # fmt: skip
    assert (read_table(stage.out).groupby("clip_id")["frame"].diff().dropna() == 1).all()
    assert set(stage.verdicts.values()) == {("ok", "")}


def test_warm_run_computes_nothing_and_gives_the_same_bytes(stage):
    trouble = {"c01": {"trouble": "degraded"}, "c02": {"trouble": "empty"}}
    stage.run(stage.tasks(**trouble))
    cold = stage.bytes
    summary = stage.run(stage.tasks(**trouble))
    assert stage.computed == []
    assert (summary.computed, summary.remembered, summary.degraded) == (0, 9, 1)
    assert stage.bytes == cold


def test_added_clip_alone_is_computed(stage, other):
    stage.run(stage.tasks(9))
    stage.run(stage.tasks(10))
    assert stage.computed == ["c09"]
    other.run(other.tasks(10))
    assert stage.bytes == other.bytes


def test_removed_clips_leave_table_and_memory(stage, other):
    stage.run(stage.tasks(9))
    kept = [task for task in stage.tasks(9) if task.part != "S3" and task.clip_id != "c00"]
    stage.run(kept)
    assert stage.computed == []
    other.run(kept)
    assert stage.bytes == other.bytes
    assert len(list((stage.folder / ".memo/video/parts").glob("*.parquet"))) == 2


def test_clip_that_moves_to_another_part_is_not_computed_again(stage, other):
    stage.run()
    moved = [ClipTask(t.clip_id, "S1" if t.clip_id == "c01" else t.part, t.digest, t.payload)
             for t in stage.tasks()]  # fmt: skip
    stage.run(moved)
    assert stage.computed == []
    other.run(moved)
    assert stage.bytes == other.bytes


def test_changed_parameter_computes_all_again(stage, other):
    stage.run(params={"fps": 25})
    stage.run(params={"fps": 30})
    assert len(stage.computed) == 9
    other.run(params={"fps": 30})
    assert stage.bytes == other.bytes


def test_clips_with_nothing_to_compute_get_their_status_and_no_worker_sees_them(stage):
    tasks = stage.tasks()
    tasks = [replace(tasks[0], without=("degraded", "no audio stream")), *tasks[1:8],
             replace(tasks[8], without=("ok", ""))]  # fmt: skip
    summary = stage.run(tasks)
    assert stage.computed == [f"c{i:02}" for i in range(1, 8)]
    assert (summary.computed, summary.remembered, summary.degraded) == (7, 0, 1)
    assert stage.verdicts["c00"] == ("degraded", "no audio stream")
    assert stage.verdicts["c08"] == ("ok", "")
    rows = {ref.clip_id: ref.rows for ref in clip_refs(stage.out)}
    assert rows["c00"] == rows["c08"] == 0
    assert stage.run(tasks).computed == 0


def test_changed_input_computes_that_clip_again(stage):
    stage.run()
    tasks = stage.tasks()
    tasks[4] = ClipTask("c04", tasks[4].part, "other bytes", tasks[4].payload)
    stage.run(tasks)
    assert stage.computed == ["c04"]


def test_changed_code_computes_all_again_and_changed_words_nothing(stage, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = "from test_per_clip import describe\ndef f(payload, params):\n    {}\n"
    module = tmp_path / "stage_under_change.py"
    for text, expected in [
        ("return describe(payload, params)", 9),
        ("return describe(payload, params)", 0),
        ("return describe(payload,  params)  # as it was", 0),
        ("return describe(payload, dict(params))", 9),
    ]:
        module.write_text(source.format(text))
        import stage_under_change

        stage.run(function=stage_under_change.f)
        assert len(stage.computed) == expected, text


def test_every_clip_has_a_status_row_and_failed_ones_have_no_rows(stage):
    trouble = ["ok", "media", "bug", "nan", "inf", "columns", "degraded", "empty"]
    tasks = stage.tasks(8, **{f"c{i:02}": {"trouble": t} for i, t in enumerate(trouble)})
    summary = stage.run(tasks, skipped={"c90": "no stream could be decoded"})
    verdicts = stage.verdicts
    n_frames = verdicts["c03"][1].split()[6]
    assert verdicts == {
        "c00": ("ok", ""),
        "c01": ("failed", "clip.mp4: no frame could be decoded at all; expected a video"),
        "c02": ("failed", "KeyError: 'defect'"),
        "c03": ("failed", f"descriptor holds NaN in 2 of {n_frames} frames"),
        "c04": ("failed", verdicts["c04"][1]),
        "c05": ("failed", verdicts["c05"][1]),
        "c06": ("degraded", "no voice"),
        "c07": ("ok", ""),
        "c90": ("failed", "no stream could be decoded"),
    }
    assert "descriptor holds infinity in 2 of" in verdicts["c04"][1]
    assert "column time is missing" in verdicts["c05"][1]
    assert (summary.degraded, summary.failed, summary.skipped) == (1, 5, 1)
    assert sorted(r.clip_id for r in clip_refs(stage.out)) == ["c00", "c06", "c07"]
    assert set(read_table(stage.out)["clip_id"]) == {"c00", "c06"}


def test_failed_clips_are_tried_again(stage):
    tasks = stage.tasks(c04={"trouble": "media"})
    stage.run(tasks)
    cold = stage.bytes
    summary = stage.run(tasks)
    assert stage.computed == ["c04"]
    assert (summary.remembered, summary.failed) == (8, 1)
    assert stage.bytes == cold
    stage.run(stage.tasks())
    assert stage.computed == ["c04"]
    assert set(stage.verdicts.values()) == {("ok", "")}


def test_too_many_failed_clips_stop_the_stage_and_are_named(stage):
    trouble = {f"c{i:02}": {"trouble": "media"} for i in (3, 4, 5)}
    stage.run(stage.tasks(10, **trouble), limit=0.3)
    with pytest.raises(DataError, match=r"video: 3 of 10 clips failed, more than max_fail.* = 0.2 "
                       r"allows: c03: clip.mp4.*; c04.*; c05.*; fix or remove"):  # fmt: skip
        stage.run(stage.tasks(10, **trouble), limit=0.2)


def test_clips_that_failed_before_do_not_count_as_failed_here(stage):
    stage.run(stage.tasks(2), limit=0.0, skipped={f"x{i}": "broken" for i in range(9)})
    assert list(stage.verdicts.values()).count(("failed", "broken")) == 9


def test_no_clip_is_an_error(stage):
    with pytest.raises(DataError, match="video: no clip to work on"):
        stage.run([])
    with pytest.raises(DataError, match="no clip to work on; all 1 failed in an earlier stage"):
        stage.run([], skipped={"a": "broken"})


def test_clip_given_twice_is_an_error(stage):
    with pytest.raises(DataError, match="clip c01 is given more than once"):
        stage.run([*stage.tasks(), stage.tasks()[1]])


def test_function_that_workers_cannot_import_is_refused(stage):
    with pytest.raises(TypeError, match="workers cannot import this function"):
        stage.run(function=lambda payload, params: None)


def test_memory_takes_no_space_beside_the_table(stage):
    stage.run()
    kept = list((stage.folder / ".memo/video/parts").glob("*.parquet"))
    assert {p.stat().st_ino for p in kept} == {p.stat().st_ino for p in stage.out.iterdir()}
    assert list((stage.folder / ".memo/video/clips").iterdir()) == []


def test_read_only_outputs_are_replaced_not_written(stage):
    """DVC makes outputs read-only, and its cache shares their bytes through hard links."""
    stage.run()
    cache = {}
    for path in stage.out.iterdir():
        cache[path.name] = stage.folder / path.name.replace("%", "_")
        cache[path.name].hardlink_to(path)
        path.chmod(0o444)
    before = {name: path.read_bytes() for name, path in cache.items()}
    stage.run(params={"fps": 30})
    assert {name: path.read_bytes() for name, path in cache.items()} == before


def test_part_changed_through_one_of_its_links_is_computed_again(stage):
    stage.run()
    clean = stage.bytes
    with (stage.out / "S1.parquet").open("r+b") as file:
        file.seek(100)
        file.write(b"junk")
    os.utime(stage.out / "S1.parquet", (1, 1))
    stage.run()
    assert stage.computed == ["c00", "c03", "c06"]
    assert stage.bytes == clean


def flip_a_bit(path, place):
    """Change one bit, and nothing of what `stat` says."""
    facts = path.stat()
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 16]))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert (path.stat().st_mtime_ns, path.stat().st_size) == (facts.st_mtime_ns, facts.st_size)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95, 0.999])
@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_a_bit_that_flips_in_a_part_under_the_same_time_is_found(stage, caplog, share, kind):
    stage.run()
    clean = stage.bytes
    path = min((stage.folder / ".memo/video/parts").glob(f"*.{kind}"))
    flip_a_bit(path, int(share * path.stat().st_size))
    stage.run()
    assert len(stage.computed) == 3
    assert stage.bytes == clean
    assert [message for message in caplog.messages if "changed since" in message] == [
        f"{path}: changed since it was kept; what it held is computed again"
    ]
    stage.run()
    assert stage.computed == []


def test_a_bit_that_flips_in_what_an_interrupted_run_left_is_found(stage, other, caplog):
    with pytest.raises(DataError):
        stage.run(stage.tasks(c03={"trouble": "bug"}), limit=0.1)
    assert stage.computed == ["c00", "c01", "c03", "c04", "c07"]
    (value,) = (stage.folder / ".memo/video/clips").iterdir()  # c00; the others' part is written
    flip_a_bit(value, value.stat().st_size // 3)
    stage.run()
    assert stage.computed == ["c00", "c02", "c03", "c05", "c06", "c08"]
    assert sum("changed since" in message for message in caplog.messages) == 1
    other.run()
    assert stage.bytes == other.bytes


def test_without_hard_links_the_memory_is_a_copy(stage, monkeypatch):
    def refuse(*args):
        raise OSError("Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    stage.run()
    cold = stage.bytes
    stage.run()
    assert stage.computed == []
    assert stage.bytes == cold


def test_leftovers_of_a_killed_run_are_cleaned(stage):
    stage.run()
    litter = [
        stage.out / ".S1.parquet.0.tmp",
        stage.folder / ".memo/video/clips/.k.arrow.0.tmp",
        stage.folder / ".memo/video/parts/.S1.json.0.tmp",
        stage.folder / ".memo/video/clips/unused.arrow",
        stage.status.parent / f".{stage.status.name}.0.tmp",
    ]
    neighbour = stage.status.parent / ".other.parquet.0.tmp"
    for path in [*litter, neighbour]:
        path.touch()
    write_table(stage.out / "S9.parquet", {"clip_id": ["x"], "frame": [0], "time": [0.0],
                                           "descriptor": [[1.0]]}, VIDEO)  # fmt: skip
    run_per_clip("video", describe, stage.tasks(), out=stage.out, status=stage.status,
                 schema=VIDEO, params={"fps": 25}, max_failed_fraction=0,
                 memo=stage.folder / ".memo")  # fmt: skip
    assert not any(path.exists() for path in litter)
    assert neighbour.exists()
    assert len(list(stage.out.iterdir())) == 3


def test_value_cut_short_is_computed_again(stage, monkeypatch):
    stage.run()
    clean = stage.bytes
    for path in (stage.folder / ".memo/video/parts").iterdir():
        path.unlink()

    def crash(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("avlib.runtime.tables.write_part", crash)
        with pytest.raises(KeyboardInterrupt):
            stage.run()
    values = sorted((stage.folder / ".memo/video/clips").iterdir())
    assert len(values) == 3
    values[0].write_bytes(values[0].read_bytes()[:-9])
    values[1].write_bytes(b"")
    stage.run()
    assert len(stage.computed) == 8
    assert stage.bytes == clean


SLOW_RUN = """
    import sys
    from pathlib import Path
    from test_per_clip import Stage

    if __name__ == "__main__":
        stage = Stage(Path(sys.argv[1]))
        stage.run(stage.tasks(24, **{f"c{i:02}": {"sleep": 0.1} for i in range(24)}))
"""


def start(script, folder, **env):
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    file = folder / "script.py"
    file.write_text(textwrap.dedent(script))
    return subprocess.Popen(
        [sys.executable, str(file), str(folder)],
        env={**os.environ, "PYTHONPATH": paths, **env},
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )


def wait_until(condition, seconds=600):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "the condition did not come true"
        time.sleep(0.02)


def group_is_gone(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    lines = subprocess.run(["ps", "-o", "stat=", "-g", str(group)], capture_output=True, text=True)
    return all(line.startswith("Z") for line in lines.stdout.split())


def test_killed_stage_resumes_to_the_same_bytes(tmp_path):
    killed, calm = Stage(tmp_path / "killed"), Stage(tmp_path / "calm")
    killed.folder.mkdir()
    for workers, computed in (("2", 5), ("0", 4)):
        killed.log.unlink(missing_ok=True)
        process = start(SLOW_RUN, killed.folder, AVLIB_WORKERS=workers)
        wait_until(lambda at_least=computed: len(killed.computed) >= at_least)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda group=process.pid: group_is_gone(group))  # no orphan works on
    killed.run(killed.tasks(24))
    # Each kill loses what was at work, one clip per worker, no more.
    assert len(killed.computed) <= 24 - (5 - 2) - (4 - 1)
    calm.run(calm.tasks(24))
    assert killed.bytes == calm.bytes


def test_cluster_that_loses_a_worker_gives_the_same_bytes(tmp_path, stage, other, monkeypatch):
    tasks = {f"c{i:02}": {"sleep": 0.1} for i in range(24)}
    address_file = tmp_path / "scheduler.json"
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    common = {"env": {**os.environ, "PYTHONPATH": paths}, "stderr": subprocess.DEVNULL}

    def dask(role, *options):
        options = ("--scheduler-file", str(address_file), "--no-dashboard", *options)
        return subprocess.Popen([sys.executable, "-m", f"distributed.cli.dask_{role}", *options],
                                **common)  # fmt: skip

    worker = ("worker", "--no-nanny", "--nthreads", "2")
    processes = [dask("scheduler", "--host", "127.0.0.1", "--port", "0")]
    try:
        wait_until(lambda: address_file.exists() and address_file.read_text().endswith("}"))
        processes += [dask(*worker), dask(*worker)]
        address = json.loads(address_file.read_text())["address"]
        with distributed.Client(address) as client:
            client.wait_for_workers(2, timeout=600)

        def kill_one_worker():
            wait_until(lambda: len(stage.computed) >= 5)
            processes[1].kill()

        killer = threading.Thread(target=kill_one_worker, daemon=True)
        killer.start()
        monkeypatch.setenv("AVLIB_SCHEDULER", address)
        summary = stage.run(stage.tasks(24, **tasks))
        killer.join()
        assert processes[1].wait() == -signal.SIGKILL
        assert (summary.computed, summary.failed) == (24, 0)
        # Clips of the dead worker run twice, and on a busy machine those of one taken for dead.
        assert len(set(stage.computed)) == 24
    finally:
        for process in processes[::-1]:
            process.kill()
            process.wait()
    monkeypatch.delenv("AVLIB_SCHEDULER")
    other.run(other.tasks(24))
    assert stage.bytes == other.bytes


def test_second_run_of_a_stage_waits_for_the_first(stage):
    stage.folder.mkdir()
    process = start(SLOW_RUN, stage.folder, AVLIB_WORKERS="0")
    wait_until(lambda: len(stage.computed) >= 3)
    memo = stage.folder / ".memo"
    summary = run_per_clip("video", describe, stage.tasks(24), out=stage.out, status=stage.status,
                           schema=VIDEO, params={"fps": 25}, max_failed_fraction=0,
                           memo=memo)  # fmt: skip
    assert process.wait() == 0
    assert (summary.computed, summary.remembered) == (0, 24)
