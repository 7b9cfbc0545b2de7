"""Recordings in worker processes, which may crash without harm to the other recordings."""

import functools
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avlib.recognizer import WINDOW
from avlib.recognizer.recognizer import Recognizer, Said, printable, said_of
from avlib.runtime.errors import AvlibError
from avlib.runtime.files import atomic_path
from avlib.runtime.limits import Limits
from avlib.runtime.parallel import Failure, map_clips

# A recording is read span by span, whatever its length; more memory is damage.
LIMITS = Limits(memory=16.0, time=43200.0)
SILENT = 15.0  # s, after which a long recording is told of


@dataclass(frozen=True)
class Task:
    """A recording to recognise.

    Attributes
    ----------
    path : str
    model : str
        Folder of a kept model.
    every : float or None
    window : float
        As of `Recognizer.predict`.
    picture, page : Path or None
        Where to draw it, and where to write its page; the latter needs `every`.
    """

    path: str
    model: str
    every: float | None = None
    window: float = WINDOW
    picture: Path | None = None
    page: Path | None = None


@dataclass(frozen=True)
class Rows:
    """What is said of a recording: columns of the whole, and of each moment."""

    whole: dict[str, Any]
    moments: list[dict[str, Any]]
    read: bool = True  # False where it is no recording, and has neither picture nor page


def recognise_all(tasks: Sequence[Task]) -> list[Rows]:
    """Recognise recordings in workers; each has its rows, also where nothing can be said."""
    found: dict[int, Rows] = {}
    for index, result in map_clips(
        recognise,
        tasks,
        label="predict",
        name=lambda task: printable(task.path),
        limits=LIMITS,
    ):
        if isinstance(result, Failure):
            result = _nothing(tasks[index], result.reason)
        found[index] = result
    return [found[index] for index in range(len(tasks))]


def recognise(task: Task) -> Rows:
    """Recognise one recording, draw it and write its page where that is asked for (in a worker)."""
    recognizer = _loaded(task.model)
    try:
        found = recognizer.recognise(task.path, task.every, task.window, teller(task.path))
    except AvlibError as error:
        return _nothing(task, said_of(task.path, error))
    whole = recognizer.row(found.whole)
    if task.picture is not None:
        from avlib.recognizer.picture import draw  # matplotlib: a second

        title = f"{Path(printable(task.path)).name}: {whole['emotion'] or 'nothing can be said'}"
        with atomic_path(task.picture) as temporary:
            temporary.write_bytes(draw(title, recognizer.emotions, found))
    if task.page is not None and task.every is not None:
        from avlib.recognizer.page import page

        with atomic_path(task.page) as temporary:
            text = page(task.path, recognizer, found, task.every, task.window)
            temporary.write_text(text, encoding="utf-8")
    clip = {"clip": printable(task.path)}
    return Rows(clip | whole, recognizer.moments(clip, found))


def teller(path: str) -> Callable[[float, float], None]:
    """Return what says how far a long recording is done, now and then."""
    last = time.monotonic()

    def told(done: float, of: float) -> None:
        nonlocal last
        if done < of and time.monotonic() - last >= SILENT:
            last = time.monotonic()
            print(f"{printable(path)}: {done:.0f} of {of:.0f} s", file=sys.stderr, flush=True)

    return told


def _nothing(task: Task, reason: str) -> Rows:
    said = _loaded(task.model).row(Said(None, (), reason))
    return Rows({"clip": printable(task.path)} | said, [], read=False)


@functools.cache
def _loaded(model: str) -> Recognizer:
    """Read a model once in a process; its folder stays as it is while the process lives."""
    return Recognizer.load(model)
