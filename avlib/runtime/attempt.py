"""One task of many: what it raises costs that task alone."""

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
    """

    reason: str
    details: str = ""


CRASHED = Failure("crashed the worker")


def attempt(function: Callable[[Any], Any], task: Any) -> Any:
    """Return what the function makes of a task, or a `Failure` that says what it raised."""
    try:
        return function(task)
    except AvlibError as error:
        return Failure(one_line(error))
    except (Exception, SystemExit) as error:
        return unforeseen(error)


def unforeseen(error: BaseException) -> Failure:
    """Return a failure by an error that is not of ours."""
    details = "".join(traceback.format_exception(error))
    return Failure(f"{type(error).__name__}: {one_line(error)}", details)


def one_line(text: object) -> str:
    """Return a text without line breaks, its files named from the folder that the stage runs in.

    Workers are handed whole paths; a table must not depend on where the project lies.
    """
    return " ".join(str(text).split()).replace(f"{Path.cwd()}/", "")
