"""Errors that a user can act on.

Each message says what was found, where (file, clip or key), what was expected and what to do.
Stage scripts print them as one line; anything else is a defect of ours and keeps its traceback.
"""


class AvlibError(Exception):
    """Base of every error whose message is written for the user."""


class ParamsError(AvlibError):
    """``params.yaml`` holds a wrong type, an unknown key or an impossible value."""


class CorpusError(AvlibError):
    """A corpus folder is missing, empty, or not laid out as its authors distribute it."""


class MediaError(AvlibError):
    """A recording cannot be decoded."""


class LeakError(AvlibError):
    """A subject or a clip stands on both sides of a fold."""


class WeightsError(AvlibError):
    """Weights are missing, unknown, or not of the expected names and shapes."""


class DataError(AvlibError):
    """Too many clips failed, or a table is not what its schema says."""
