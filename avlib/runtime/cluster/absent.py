"""Files that a failed task names and that this process does not see."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

_DEPTH = 6  # of things in things that are looked through


def absent_files(thing: Any, named: Iterable[str]) -> tuple[str, ...]:
    """Return files that are not there, by whole paths.

    Parameters
    ----------
    thing
        A function and its task: paths in it are what it may have wanted, and texts that look so.
    named
        Files that an exception said were not found.
    """
    wanted = {*named, *_paths(thing, _DEPTH)}
    return tuple(sorted(str(Path(path).absolute()) for path in wanted if not _exists(path)))


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # no path after all
        return True


def _paths(thing: Any, depth: int) -> Iterator[str]:
    if isinstance(thing, Path) or (isinstance(thing, str) and "/" in thing):
        yield str(thing)
        return
    parts: Iterable[Any] = ()
    if depth == 0 or isinstance(thing, str | bytes):
        return
    if isinstance(thing, functools.partial):
        parts = (*thing.args, *thing.keywords.values())
    elif isinstance(thing, Mapping):
        parts = thing.values()
    elif isinstance(thing, list | tuple | set | frozenset):
        parts = thing
    elif is_dataclass(thing) and not isinstance(thing, type):
        parts = (getattr(thing, field.name) for field in fields(thing))
    for part in parts:
        yield from _paths(part, depth - 1)
