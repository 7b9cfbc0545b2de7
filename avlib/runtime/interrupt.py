"""Ctrl-C while a command is still importing what it needs, which takes seconds."""

import os
import sys
from types import TracebackType

SAID = "interrupted; run again to go on"


def end_in_one_line() -> None:
    """Have Ctrl-C end this process with one line and exit status 130, wherever it is."""
    sys.excepthook = _end


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    print(SAID, file=sys.stderr, flush=True)
    os._exit(130)
