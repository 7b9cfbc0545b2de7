"""Memory that is free again."""

import ctypes


def give_back() -> None:
    """Give freed memory back to the system, where the C library can (glibc).

    What is freed in many small pieces, as a minute of pictures is, it keeps.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
