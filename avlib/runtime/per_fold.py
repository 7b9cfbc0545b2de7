"""Stages that work fold by fold, or by other items that make files: workers, and memory.

DVC deletes a stage's outputs before it runs the stage, so what an earlier run finished survives
only under ``.memo/<stage>/<key>/<item>/``, until a run with another key. An interrupted run goes on
from there, and of several models that share a stage only those that changed are trained again.
Models and vectors are hard links to the outputs and take no space; small tables are kept twice.
"""

import functools
import json
import logging
import shutil
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avlib.runtime import paths
from avlib.runtime.digests import file_digest
from avlib.runtime.errors import DataError
from avlib.runtime.files import link
from avlib.runtime.memo import code_fingerprint, digest_of, locked, stamp
from avlib.runtime.parallel import Failure, map_clips
from avlib.runtime.seal import checksum, read_sealed, seal

CHECKPOINTS = "checkpoints"  # beside items, such as a model's folds, until all of them are done
_STAMPS = ".stamps.json"  # in an item's folder


@dataclass(frozen=True)
class FoldJobs:
    """What is to be computed in every fold.

    Attributes
    ----------
    payloads
        By fold: what the function needs to know; paths rather than arrays.
    out
        By name of a file or folder that the function writes: the folder that collects it. The
        result ``name`` (or ``name.suffix``) of fold 3 becomes ``<out[name]>/fold-3``
        (``fold-3.suffix``).
    params
        Parameters that the results depend on, as JSON knows them.
    inputs
        Files that the results depend on.
    code
        Functions and classes that the function finds in its payload.
    """

    payloads: Mapping[int, Any]
    out: Mapping[str, Path]
    params: Mapping[str, Any]
    inputs: Collection[Path]
    code: Collection[Callable[..., Any]] = ()


def run_per_fold(
    stage: str,
    function: Callable[[Any, Path], None],
    jobs: Mapping[str, FoldJobs],
    *,
    devices: Sequence[str] = (),
    before: Callable[[int], None] | None = None,
    sharing: bool = False,
) -> None:
    """Compute every fold, resuming after an interruption, and lay the results out.

    Parameters
    ----------
    stage
        Name of the stage.
    function
        Called as ``function(payload, folder)`` in a worker; writes its results into ``folder``.
        It must be importable.
    jobs
        By model, where several share the stage; else under an empty name.
    devices
        Of which a fold takes one whole: with one device they are computed one after another, with
        several side by side; on a cluster, on the workers that declare devices of this kind. None:
        each fold takes a processor's core.
    before
        Called with the number of folds that are to be computed, before the first of them is, and
        not where all are remembered.
    sharing
        As of `map_clips`.

    Raises
    ------
    DataError
        A fold failed; the message says which and why.
    """
    started = time.monotonic()
    of_fold: dict[int, dict[str, Any]] = {}
    keys = {}
    for name, job in jobs.items():
        key = content_key(f"{stage}/{name}", [function, *job.code], job.params, job.inputs)
        for fold, payload in job.payloads.items():
            item = str(Path(name, f"fold-{fold}"))
            of_fold.setdefault(fold, {})[item] = payload
            keys[item] = key
    # Models take different times: when each has ended a fold, what is left can be told.
    payloads = {item: payload for items in of_fold.values() for item, payload in items.items()}
    with locked(paths.MEMO / stage):  # against a killed run's stage that goes on by itself
        code = [piece for job in jobs.values() for piece in job.code]
        done, computed = compute_each(
            stage,
            function,
            payloads,
            keys,
            unit="folds",
            code=code,
            devices=devices,
            before=before,
            sharing=sharing,
        )
        for item, folder in done.items():
            name, _, numbered = item.rpartition("/")
            for path in sorted(set(folder.iterdir()) - {folder / _STAMPS}):
                collected = jobs[name].out[path.name.split(".")[0]]
                _lay_out(path, collected / f"{numbered}{path.suffix}")
    seconds = time.monotonic() - started
    logging.getLogger(__name__).info(
        f"{stage}: computed {computed} folds, {len(done) - computed} from memo, {seconds:.1f} s"
    )


def compute_each(
    stage: str,
    function: Callable[[Any, Path], None],
    payloads: Mapping[str, Any],
    keys: Mapping[str, str],
    *,
    unit: str,
    code: Collection[Callable[..., Any]] = (),
    devices: Sequence[str] = (),
    before: Callable[[int], None] | None = None,
    apart: bool = True,
    sharing: bool = False,
) -> tuple[dict[str, Path], int]:
    """Compute the items that are not remembered; forget those of other keys.

    Parameters
    ----------
    stage, function, devices, before
        As of `run_per_fold`.
    payloads
        By item.
    keys
        By item: a digest of all that its results depend on (see `content_key`).
    unit
        What items are, for the progress display.
    code
        Functions and classes that the function finds in its payloads.
    apart, sharing
        As of `map_clips`.

    Returns
    -------
    folders : dict of str to Path
        By item: where its results lie.
    computed : int
        How many were not remembered.

    Raises
    ------
    DataError
        An item failed; the message says which and why.
    """
    memory = paths.MEMO / stage
    _forget_all_but(memory, set(keys.values()))
    done = {name: memory / keys[name] / name for name in payloads}
    missing = [name for name, folder in done.items() if not _whole(folder)]
    if before and missing:
        before(len(missing))
    tasks = [_Item(function, payloads[name], str(done[name].absolute()), name) for name in missing]
    for index, result in map_clips(
        _compute,
        tasks,
        label=stage,
        name=lambda item: _called(item.name),
        unit=unit,
        devices=devices,
        code=[function, *code],
        apart=apart,
        sharing=sharing,
    ):
        if isinstance(result, Failure):
            raise DataError(f"{stage}, {_called(missing[index])}: {result.reason}")
    for folder in {folder.parent for folder in done.values()}:
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    return done, len(missing)


def _called(item: str) -> str:
    return item.replace("/", ", ").replace("fold-", "fold ")


@dataclass(frozen=True)
class _Item:
    """What a worker is to compute, and where."""

    function: Callable[[Any, Path], None]
    payload: Any
    target: str
    name: str


def _compute(item: _Item) -> None:
    """Compute one item into a folder that appears whole or not at all (in a worker)."""
    target = Path(item.target)
    unfinished = target.with_name(f".{uuid.uuid4().hex}")
    unfinished.mkdir(parents=True)
    item.function(item.payload, unfinished)
    (unfinished / _STAMPS).write_text(json.dumps(_stamps(unfinished)))
    seal(unfinished / _STAMPS)
    try:
        unfinished.rename(target)
    except OSError:
        # A scheduler that took a slow worker for dead gives its fold to another; both may finish.
        if not target.is_dir():
            raise
        shutil.rmtree(unfinished)


def _whole(folder: Path) -> bool:
    """Say whether an item is remembered; drop it where one of its files changed.

    The outputs are further names of these files: who writes into one writes into the memory.
    """
    if not folder.is_dir():
        return False
    said = read_sealed(folder / _STAMPS)
    if said is not None and json.loads(said) == _stamps(folder):
        return True
    logging.getLogger(__name__).warning(f"{folder}: changed since it was kept; computed again")
    shutil.rmtree(folder)
    return False


def _stamps(folder: Path) -> dict[str, list[int | str]]:
    """Return size, time of change and checksum of each file by its name, as JSON knows them."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    return {
        name: [*stamp(path), checksum(path)]
        for name, path in files.items()
        if path.is_file() and name != _STAMPS
    }


def content_key(
    stage: str,
    code: Iterable[Callable[..., Any]],
    params: Mapping[str, Any],
    inputs: Iterable[Path],
) -> str:
    """Return a digest of a stage's name, code, parameters and the content of its input files."""
    digests = {}
    for path in sorted(inputs):
        state = path.stat()
        # A file of our own package is the same wherever the project lies.
        name = path.name if path.is_absolute() else str(path)
        digests[name] = _known_digest(path, state.st_mtime_ns, state.st_size)
    return digest_of([stage, [_known_code(piece) for piece in code], params, digests])


_known_code = functools.cache(code_fingerprint)  # of a process, which no change reaches any more


@functools.cache
def _known_digest(path: Path, _changed: int, _size: int) -> str:
    """Read a file once, however many models of a stage depend on it."""
    return file_digest(path)


def _forget_all_but(memory: Path, keys: Collection[str]) -> None:
    """Drop what was computed from other inputs, and what a killed run left unfinished."""
    if memory.is_dir():
        for path in [*memory.iterdir(), *memory.glob("*/.*"), *memory.glob("*/*/.*")]:
            if path.name in keys or path.name == _STAMPS:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _lay_out(path: Path, target: Path) -> None:
    if path.is_dir():  # DVC wants its outputs, also when empty
        shutil.copytree(path, target, copy_function=link, dirs_exist_ok=True)
    else:
        link(path, target)
