"""One thin script per DVC stage: read parameters, call avlib, write outputs."""

import avlib  # noqa: F401 - first of all: it says how the libraries are to compute
