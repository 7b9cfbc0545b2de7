"""One task of many: what it raises costs that task alone."""

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avlib.runtime.errors import AvlibError


@dataclass(frozen=True)
class Failure:
    """A task that could not be computed.

    Parameters
    ----------
    reason
        One line for the status table.
    details
        The traceback, when the reason is not an error that we foresaw.
    absent
        Files that were not found, as far as the errors say.
    """

    reason: str
    details: str = ""
    absent: tuple[str, ...] = ()


CRASHED = Failure("crashed the worker")


def attempt(function: Callable[[Any], Any], task: Any) -> Any:
    """Return what the function makes of a task, or a `Failure` that says what it raised."""
    try:
        return function(task)
    except AvlibError as error:
        return Failure(one_line(error), absent=_absent(error))
    except (Exception, SystemExit) as error:
        return unforeseen(error)


def unforeseen(error: BaseException) -> Failure:
    """Return a failure by an error that is not of ours."""
    details = "".join(traceback.format_exception(error))
    return Failure(f"{type(error).__name__}: {one_line(error)}", details, _absent(error))


def _absent(error: BaseException) -> tuple[str, ...]:
    """Return the files that an error, or one that led to it, did not find."""
    found = []
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, FileNotFoundError) and isinstance(seen.filename, str | os.PathLike):
            found.append(os.fspath(seen.filename))
        seen = seen.__cause__ or seen.__context__
    return tuple(found)


def one_line(text: object) -> str:
    """Return a text without line breaks, its files named from the folder that the stage runs in.

    Workers are handed whole paths; a table must not depend on where the project lies.
    """
    return " ".join(str(text).split()).replace(f"{Path.cwd()}/", "")
