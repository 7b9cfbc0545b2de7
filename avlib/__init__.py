"""Audio-visual emotion recognition: from recordings to scores, under one honest protocol."""

import os
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from avlib.runtime.processor import hold_arithmetic

if TYPE_CHECKING:
    from avlib.recognizer.recognizer import Recognizer
    from avlib.runtime.catalogue import read

__all__ = ["Recognizer", "read"]
hold_arithmetic()  # before NumPy and torch are loaded
# Arrow's own allocator keeps what is freed: of hours of sound as much again as is in use.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
_STAND_IN = {
    "Recognizer": "avlib.recognizer.recognizer:Recognizer",
    "read": "avlib.runtime.catalogue:read",
}


def __getattr__(name: str) -> Any:
    """Import what users of the library ask for, which takes seconds, only when they do."""
    if name in _STAND_IN:
        return resolve_name(_STAND_IN[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
