"""What every stage script shares: how it starts and how it ends."""

import atexit
import contextlib
import gc
import inspect
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from avlib.runtime.errors import AvlibError
from avlib.runtime.files import refusal
from avlib.runtime.interrupt import SAID
from avlib.runtime.timings import timed


def run(main: Callable[[], None]) -> None:
    """Run a stage and say what it took; an error to act on becomes one line and exit status 1.

    Ctrl-C is one line, too, and exit status 130.
    """
    # Python's last searches for garbage go through all that was imported, which takes most of a
    # second where torch is among it; the process ends anyway.
    atexit.register(gc.freeze)
    gc.freeze()  # what was imported stays: no search for garbage looks through it
    gc.set_threshold(10_000)  # fewer of them: what is imported from now on is no garbage either
    gc.enable()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        with timed(Path(inspect.getfile(main)).stem):
            main()
        return
    except AvlibError as error:
        said, status = f"error: {error}", 1
    except OSError as error:
        if (refused := refusal(error, Path.cwd())) is None:
            raise
        said, status = f"error: {refused}", 1
    except KeyboardInterrupt:
        said, status = SAID, 130
    print(said, file=sys.stderr)
    _show_params_to_git()
    sys.exit(status)


def _show_params_to_git() -> None:
    """Give params.yaml a later time, so that ``git restore params.yaml`` restores it.

    `dvc exp run -S` writes it within a second of Git's last look; a value that keeps the file's
    size, as comments that stay aligned do, is then none to Git.
    """
    with contextlib.suppress(OSError):
        written = Path("params.yaml").stat().st_mtime
        os.utime("params.yaml", (written, max(time.time(), written + 1)))
