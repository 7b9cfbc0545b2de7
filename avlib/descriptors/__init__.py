"""Descriptors of sound and of faces: a class in a file, and a line in `avlib.registry`."""
