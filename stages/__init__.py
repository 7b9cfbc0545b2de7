"""One thin script per DVC stage: read parameters, call avlib, write outputs."""
