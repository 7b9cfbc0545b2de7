"""Memory that is free again."""

import ctypes
import gc


def give_back() -> None:
    """Give freed memory back to the system, where the C library can (glibc).

    What is freed in many small pieces, as a minute of pictures is, it keeps. Few but large things
    that refer to each other would wait long for Python to look for them.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
