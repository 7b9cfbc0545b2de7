"""What every stage script shares: how it starts and how it ends."""

import gc
import inspect
import logging
import sys
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
    gc.freeze()  # what was imported stays: no search for garbage looks through it
    gc.set_threshold(10_000)  # fewer of them: what is imported from now on is no garbage either
    gc.enable()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        with timed(Path(inspect.getfile(main)).stem):
            main()
    except AvlibError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if (said := refusal(error, Path.cwd())) is None:
            raise
        print(f"error: {said}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(SAID, file=sys.stderr)
        sys.exit(130)
