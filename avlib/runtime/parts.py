"""Parts of bounded size: a subject with many clips has several, so that each fits in memory."""

import glob
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from avlib.runtime.tables import part_path

MOST = 1000  # clips of a part, whose listing a reader holds
Task = TypeVar("Task", bound=Any)  # with a clip_id and a part


def bounded(tasks: Sequence[Task]) -> list[Task]:
    """Return tasks sorted by part and clip; those beyond the first 1000 of a part get further ones.

    What was divided before stays: no part of these is too large.
    """
    found = []
    ordered = sorted(tasks, key=lambda task: (task.part, task.clip_id))
    for part, of_part in itertools.groupby(ordered, key=lambda task: task.part):
        for place, task in enumerate(of_part):
            number = place // MOST
            found.append(replace(task, part=f"{part}#{number}") if number else task)
    return found


def part_files(folder: Path, subject: str) -> Iterator[Path]:
    """Yield the files that hold a subject's clips."""
    first = part_path(folder, subject)
    if first.is_file():
        yield first
    yield from sorted(folder.glob(f"{glob.escape(first.stem)}%23*.parquet"))
