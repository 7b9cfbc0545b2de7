"""Stages that compute one clip at a time: parallel, remembered, resumable, and no clip is lost.

`run_per_clip` turns tasks into a folder of part files and a status table. However the work was
cut - from scratch, from memory, resumed after a kill, on two workers or two hundred - the files
have the same bytes.
"""

import contextlib
import functools
import importlib
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from avlib.runtime import paths, tables
from avlib.runtime.attempt import one_line
from avlib.runtime.errors import DataError
from avlib.runtime.files import link, remove_temporaries
from avlib.runtime.limits import Limits
from avlib.runtime.memo import Memo, Remembered, clip_key, code_fingerprint, save_clip
from avlib.runtime.parallel import Failure, map_clips
from avlib.runtime.parts import bounded
from avlib.runtime.recall import recall, write_keys
from avlib.runtime.tables.schema import TEXT, conform_clip

_COLUMNS = ("clip_id", "stage", "status", "reason")
CLIP_STATUS = tables.Schema("status", _COLUMNS[:2], dict.fromkeys(_COLUMNS, TEXT))
_SHOWN = 5  # failed clips that an error names; the status table has them all


@dataclass(frozen=True)
class ClipTask:
    """One clip to compute.

    Parameters
    ----------
    clip_id
        The clip.
    part
        The part file that its rows belong to: its subject.
    digest
        Digest of the bytes that the computation reads (the recording's sha256, or the digest of
        the clip's rows in the table before, see `avlib.runtime.tables.ClipRef`).
    payload
        What the function needs to find those bytes; it must pickle.
    without
        Status and reason of a clip that has nothing to compute: it gets no rows, and no worker
        sees it.
    """

    clip_id: str
    part: str
    digest: str
    payload: Any = None
    without: tuple[str, str] | None = None


@dataclass(frozen=True)
class ClipRows:
    """What a function returns for a clip.

    Parameters
    ----------
    columns
        Columns of the stage's table, without clip_id; several tables, one after another, of a clip
        that is too long to be in memory at once.
    status
        ``ok`` or ``degraded``; the rows of a degraded clip count.
    reason
        Why the clip is degraded.
    """

    columns: Mapping[str, Any] | pa.Table | Iterable[pa.Table]
    status: str = "ok"
    reason: str = ""


@dataclass(frozen=True)
class Summary:
    """How many clips took which way through a stage."""

    computed: int
    remembered: int
    degraded: int
    failed: int
    skipped: int
    seconds: float = field(compare=False, default=0.0)

    def __str__(self) -> str:
        rate = self.computed / self.seconds if self.seconds else 0.0
        skipped = f", left out {self.skipped} that failed before" if self.skipped else ""
        return (
            f"computed {self.computed}, from memory {self.remembered}, degraded {self.degraded},"
            f" failed {self.failed}{skipped}, {self.seconds:.1f} s, {rate:.3g} clips/s"
        )


def run_per_clip(
    stage: str,
    function: Callable[[Any, Any], ClipRows],
    tasks: Sequence[ClipTask],
    *,
    out: Path,
    status: Path,
    keys_file: Path | None = None,
    schema: tables.Schema,
    params: Any,
    max_failed_fraction: float,
    code: Sequence[Callable[..., Any]] = (),
    skipped: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    memo: Path = paths.MEMO,
) -> Summary:
    """Compute a table clip by clip, and write its parts and a status row for every clip.

    Parameters
    ----------
    stage
        Name of the stage, for the memory, the status rows and the user.
    function
        ``function(payload, params) -> ClipRows``, at the top of an importable module. What it
        raises costs the one clip. It may read nothing but what a task's digest, `params` and the
        sources and libraries of its module (and of `code`) stand for.
    tasks
        The clips to compute.
    out
        Folder of the parts. What else lies there is removed.
    status
        File of the status table.
    keys_file
        File that says under which key each clip stands (`avlib.runtime.paths.keys`), where the
        folders of both are outputs of DVC's: a clone that pulled them remembers these clips.
    schema
        What the table holds.
    params
        The stage's parameters, as JSON knows them, or a dataclass (see `clip_key`).
    max_failed_fraction
        Share of failed clips, 0 to 1, above which the stage gives up.
    code
        Classes and functions that `function` reaches without importing them, such as the class of
        `params`: what their modules compute is part of the result.
    skipped
        Clips that have no input because an earlier stage failed, and the reason; they get failed
        rows and do not count towards `max_failed_fraction`.
    limits
        What one clip may take of a worker; one that takes more fails.
    memo
        Folder of the memory.

    Raises
    ------
    DataError
        There is no clip, two tasks name the same clip, or too many clips failed.
    """
    begin = time.monotonic()
    skipped = dict(skipped or {})
    function = _importable(function)
    _check_tasks(stage, tasks, skipped)
    tasks = bounded(tasks)

    run = _Run(stage, out, schema, Memo(memo.resolve(), stage))
    with run.memo.locked():
        out.mkdir(parents=True, exist_ok=True)
        remove_temporaries(out)
        if keys_file is not None:
            recall(run.memo, out, keys_file)
        fingerprint = code_fingerprint(function, *code)
        keys = {t.clip_id: clip_key(stage, t.clip_id, t.digest, params, fingerprint) for t in tasks}
        todo = run.expect(tasks, keys)
        jobs = [(task, run.memo.clip_path(keys[task.clip_id])) for task in todo]
        compute = functools.partial(_compute, function, params, schema)
        results = map_clips(
            compute,
            jobs,
            label=stage,
            name=lambda job: job[0].clip_id,
            code=[function, *code],
            limits=limits,
        )
        with contextlib.closing(results) as failures:
            for index, failure in failures:
                run.settle(todo[index], keys[todo[index].clip_id], failure)
                stop_when_too_many_failed(stage, run.failed, len(tasks), max_failed_fraction)

        written = {tables.part_path(out, part) for part in run.written}
        for path in set(out.glob("*.parquet")) - written:
            path.unlink()
        _write_status(status, stage, run, skipped)
        run.memo.forget_all_but(run.written)
        if keys_file is not None:
            write_keys(run.memo, run.written, keys_file)

    degraded = sum(found.status == "degraded" for found in run.found.values())
    seconds = time.monotonic() - begin
    remembered = len(tasks) - len(todo) - sum(task.without is not None for task in tasks)
    summary = Summary(len(todo), remembered, degraded, len(run.failed), len(skipped), seconds)
    logging.getLogger(__name__).info("%s: %s", stage, summary)
    return summary


def _importable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as a worker can import it, when a stage script defines it itself."""
    if function.__module__ == "__main__":
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        if spec is not None:
            function = getattr(importlib.import_module(spec.name), function.__qualname__, function)
    if function.__module__ == "__main__" or not function.__qualname__.isidentifier():
        raise TypeError(
            f"{function.__module__}.{function.__qualname__}: workers cannot import this function;"
            " expected one at the top of a module; move it there"
        )
    return function


def _check_tasks(stage: str, tasks: Sequence[ClipTask], skipped: Mapping[str, str]) -> None:
    if not tasks:
        detail = f"; all {len(skipped)} failed in an earlier stage" if skipped else ""
        raise DataError(f"{stage}: no clip to work on{detail}; look at the stage before")
    counts = Counter([*(task.clip_id for task in tasks), *skipped])
    if twice := sorted(clip_id for clip_id, count in counts.items() if count > 1):
        raise DataError(f"{stage}: clip {twice[0]} is given more than once; expected once")


# ---------------------------------------------------------------- inside a worker


def _compute(
    function: Callable[[Any, Any], ClipRows],
    params: Any,
    schema: tables.Schema,
    job: tuple[ClipTask, Path],
) -> Failure | None:
    """Compute a clip and keep its value, status and reason in a file."""
    task, path = job
    result = function(task.payload, params)
    reason = one_line(result.reason)
    if result.status == "failed":
        return Failure(reason)
    if result.status not in ("ok", "degraded"):
        raise ValueError(f"status {result.status!r}: expected ok, degraded or failed")
    if isinstance(result.columns, Mapping | pa.Table):
        rows: Any = conform_clip(result.columns, task.clip_id, schema)
    else:
        rows = (conform_clip(piece, task.clip_id, schema) for piece in result.columns)
    save_clip(path, rows, result.status, reason)
    return None


# ---------------------------------------------------------------- in the main process


class _Run:
    """Follows one run: which clips are settled, and which parts can be written."""

    def __init__(self, stage: str, out: Path, schema: tables.Schema, memo: Memo) -> None:
        self.stage, self.out, self.schema, self.memo = stage, out, schema, memo
        self.found: dict[str, Remembered] = {}  # clips with rows
        self.failed: dict[str, str] = {}
        self.written: list[str] = []
        self._clips: dict[str, list[str]] = {}  # by part
        self._open: Counter[str] = Counter()  # clips of a part that are not settled

    def expect(self, tasks: Sequence[ClipTask], keys: Mapping[str, str]) -> list[ClipTask]:
        """Settle what is remembered or has nothing to compute; return the rest."""
        todo = []
        for task in tasks:
            self._clips.setdefault(task.part, []).append(task.clip_id)
            key = keys[task.clip_id]
            found = self.memo.find(task.clip_id, key)
            if found is None and task.without:
                save_clip(self.memo.clip_path(key), tables.no_rows(self.schema), *task.without)
                found = self.memo.find(task.clip_id, key)
            if found is None:
                todo.append(task)
                self._open[task.part] += 1
            else:
                self.found[task.clip_id] = found
        for part in self._clips:
            if not self._open[part]:
                self._write(part)
        return todo

    def settle(self, task: ClipTask, key: str, failure: Failure | None = None) -> None:
        """Take what became of a clip, and write its part when it was the last one missing."""
        if failure:
            self.failed[task.clip_id] = failure.reason
        elif found := self.memo.find(task.clip_id, key):
            self.found[task.clip_id] = found
        else:
            raise DataError(
                f"{self.stage}: the value of clip {task.clip_id} is gone from {self.memo.clips};"
                " expected workers to write into the same folder; run again"
            )
        self._open[task.part] -= 1
        if not self._open[task.part]:
            self._write(task.part)

    def _write(self, part: str) -> None:
        found = {clip: self.found[clip] for clip in self._clips[part] if clip in self.found}
        if not found:
            return
        file = tables.part_path(self.out, part)
        if whole := self._whole(found):
            link(whole, file)
        else:
            with contextlib.ExitStack() as stack:
                # Opening a part reads where all of its clips are: once is enough.
                opened = functools.cache(lambda part: stack.enter_context(pq.ParquetFile(part)))
                clips = ((clip_id, one.rows(opened)) for clip_id, one in found.items())
                tables.write_part(file, clips, self.schema)
        self.memo.keep_part(part, file, found)
        self.written.append(part)

    @staticmethod
    def _whole(found: Mapping[str, Remembered]) -> Path | None:
        """Return the remembered part that holds exactly these clips, if there is one."""
        files = {one.path for one in found.values()}
        first = next(iter(found.values()))
        if len(files) > 1 or first.row_group is None:
            return None
        return first.path if len(tables.clip_refs(first.path)) == len(found) else None


def stop_when_too_many_failed(
    stage: str, failed: Mapping[str, str], total: int, limit: float
) -> None:
    """Raise DataError when a larger share than `limit` of `total` clips has failed.

    Parameters
    ----------
    failed
        Reasons by clip_id.
    """
    if len(failed) <= limit * total:
        return
    first = "; ".join(f"{clip_id}: {failed[clip_id]}" for clip_id in sorted(failed)[:_SHOWN])
    more = "; ..." if len(failed) > _SHOWN else ""
    raise DataError(
        f"{stage}: {len(failed)} of {total} clips failed, more than max_failed_fraction = {limit:g}"
        f" allows: {first}{more}; fix or remove these recordings, or raise max_failed_fraction in"
        " params.yaml; clips that are done are kept"
    )


def _write_status(path: Path, stage: str, run: _Run, skipped: Mapping[str, str]) -> None:
    failed = {**run.failed, **skipped}
    rows = [(clip_id, stage, found.status, found.reason) for clip_id, found in run.found.items()]
    rows += [(clip_id, stage, "failed", reason) for clip_id, reason in failed.items()]
    remove_temporaries(path.parent, path.name)
    tables.write_table(path, pd.DataFrame(rows, columns=list(_COLUMNS)), CLIP_STATUS)
