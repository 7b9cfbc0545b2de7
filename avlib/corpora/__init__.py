"""Corpora: one reader each, from the authors' files to recordings.

A new corpus is a folder with a `Reader` and one line in `avlib.registry`.
"""
