"""Corpora: one reader each, from the authors' files to recordings.

A new corpus is one module with a `Reader` and one line in `registry.READERS`.
"""
