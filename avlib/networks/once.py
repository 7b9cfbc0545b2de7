"""What training computes once, before its first epoch."""

from collections.abc import Callable
from contextvars import ContextVar

# What is done with it in place of computing it; see `avlib.networks.rehearsal`.
COUNTED: ContextVar[Callable[[Callable[[], None]], None] | None] = ContextVar(
    "counted", default=None
)


def once(compute: Callable[[], None]) -> None:
    """Compute something, such as what frozen layers make of all clips; a rehearsal counts it."""
    counted = COUNTED.get()
    if counted is None:
        compute()
    else:
        counted(compute)
