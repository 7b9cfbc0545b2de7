"""Progress of long work on stderr: count, rate, remaining time, failures.

On a terminal a bar in one row, however narrow that is; elsewhere (a log file, a CI job) one plain
line every ten seconds.
"""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column
from rich.text import Text

_LINE_EVERY = 10.0  # seconds between two plain lines
_SHOWN_FAILURES = 5  # the rest is in the status table
_FEW = 10  # items whose pace is taken from the start of the work
_ENOUGH = 20  # items after which a remaining time is said; fewer where they are a tenth of all
_SUMMARY = 26  # columns for a summary without its pace: a long label is cut short for it
_LEAST = 8  # columns of a label, however narrow the terminal is

_watchers: list[Callable[["Progress"], None]] = []


@contextmanager
def watched(watcher: Callable[["Progress"], None]) -> Iterator[None]:
    """Have a function called with each work that ends while the block runs."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


class _Summary(ProgressColumn):
    """In one row: where there is little room the bar gives way, then the pace."""

    def __init__(self, console: Console) -> None:
        super().__init__(Column(no_wrap=True))
        self._console = console

    def render(self, task: Task) -> Text:
        progress = task.fields["progress"]
        whole = progress.summary()
        room = self._console.width - len(progress.label) - 2
        return Text(whole if len(whole) <= room else progress.summary(pace=False))


class Progress:
    """Count finished items while the block runs.

    Parameters
    ----------
    label
        What is going on, e.g. the stage's name.
    total
        Number of items.
    unit
        What is counted.

    Attributes
    ----------
    at_once : int
        How many items are worked on at the same time.

    Examples
    --------
    >>> with Progress("fisher", 10, "folds") as progress:
    ...     for fold in range(10):
    ...         progress.advance()
    """

    def __init__(self, label: str, total: int, unit: str = "clips") -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = self.failed = 0
        self.at_once = 1
        self._start = self._first = self._last = self._last_line = time.monotonic()
        console = Console(stderr=True)
        self._bar: Bar | None = None
        if console.is_terminal:
            short = Column(no_wrap=True, max_width=max(_LEAST, console.width - _SUMMARY))
            called = TextColumn("{task.description}", table_column=short)
            self._bar = Bar(called, BarColumn(), _Summary(console), console=console)
            self._task = self._bar.add_task(label, total=total, progress=self)

    def __enter__(self) -> "Progress":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()
        for watcher in _watchers:
            watcher(self)

    @property
    def seconds(self) -> float:
        """Since the work began."""
        return time.monotonic() - self._start

    def advance(self) -> None:
        """Count one more finished item."""
        self.done += 1
        self._last = time.monotonic()
        if self.done == 1:
            self._first = self._last
        if self._bar:
            self._bar.advance(self._task)
        elif time.monotonic() - self._last_line >= _LINE_EVERY:
            self._last_line = time.monotonic()
            self._print(f"{self.label}: {self.summary()}")

    def fail(self, name: str, reason: str) -> None:
        """Count one more item, a failed one, and show the reason of the first few."""
        self.failed += 1
        if self.failed <= _SHOWN_FAILURES:
            self._print(f"{self.label}: {name} failed: {reason}")
        self.advance()

    def summary(self, *, pace: bool = True) -> str:
        """Say how far the work is, in one line; without its pace where there is little room."""
        elapsed = self.seconds
        rate = self.done / elapsed if elapsed > 0 else 0.0
        parts = [f"{self.done}/{self.total} {self.unit}"]
        if self.done and pace:
            parts.append(f"{rate:.2g} {self.unit}/s" if rate < 10 else f"{rate:.0f} {self.unit}/s")
        if (left := self.left()) is not None:
            parts.append(f"{duration(left)} left")
        if self.failed:
            parts.append(f"{self.failed} failed")
        return ", ".join(parts)

    def left(self) -> float | None:
        """Return the seconds that the rest will take; None where nothing tells yet, or of no rest.

        Workers take seconds to start, so that of many items the pace is that from the first one
        that was finished on. Few items end in rounds of as many as are worked on at once: of three
        at once the other two are nearly done where the first one is. Of the last round nothing
        tells how far it is.
        """
        if self.done >= self.total or self.done < min(_ENOUGH, self.total / 10):
            return None
        if self.done > _FEW:
            pace = (time.monotonic() - self._first) / (self.done - 1)
            return pace * (self.total - self.done)
        ended, rounds = (math.ceil(n / self.at_once) for n in (self.done, self.total))
        left = (self._last - self._start) * rounds / ended - self.seconds
        return left if left > 0 else None

    def _print(self, line: str) -> None:
        if self._bar:
            self._bar.console.print(Text(line))
        else:
            print(line, file=sys.stderr, flush=True)


def counted(count: int, plural: str) -> str:
    """Return a count and what is counted, e.g. ``36 clips``, ``1 clip``."""
    return f"{count:,} {plural.removesuffix('s') if count == 1 else plural}"


def duration(seconds: float) -> str:
    """Return a duration in words, e.g. ``6 min 50 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
