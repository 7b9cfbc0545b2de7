"""Imported first by the server of worker processes, which does nothing but import and fork.

Imports make no garbage, and Python's searches for it would take a good part of the time that torch
and Lightning need. Workers search as usual, but not among what was imported before their fork.
"""

import atexit
import gc

gc.disable()
atexit.register(gc.freeze)  # as in `avlib.runtime.stage`


def search_for_garbage() -> None:
    """Search from now on, in a fork of the server."""
    gc.freeze()
    gc.enable()
