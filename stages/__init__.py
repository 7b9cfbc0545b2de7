"""One thin script per DVC stage: read parameters, call avlib, write outputs."""

import gc
import sys

import avlib  # noqa: F401 - first of all: it says how the libraries are to compute
from avlib.runtime.interrupt import end_in_one_line

if sys.argv[0] == "-m":  # a stage is being started, and no script of it is imported by others
    end_in_one_line()
    gc.disable()  # until `avlib.runtime.stage.run`: imports make no garbage
