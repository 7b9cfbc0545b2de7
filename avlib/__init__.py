"""Audio-visual emotion recognition: from recordings to scores, under one honest protocol."""

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avlib.recognizer.recognizer import Recognizer

__all__ = ["Recognizer"]


def __getattr__(name: str) -> Any:
    """Import what users of the library ask for, which takes seconds, only when they do."""
    if name == "Recognizer":
        return resolve_name("avlib.recognizer.recognizer:Recognizer")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
