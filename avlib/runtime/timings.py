"""What a stage took: a line at its end, and a record beside it for ``avlib timings``.

Records lie in the memory and in no output of DVC's: the same run gives the same outputs, however
long it took.
"""

import datetime
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from avlib.runtime import paths
from avlib.runtime.errors import DataError
from avlib.runtime.files import atomic_path
from avlib.runtime.progress import Progress, counted, duration, watched

FOLDER = paths.MEMO / "timings"


@dataclass(frozen=True)
class Work:
    """Items that a stage worked on one by one.

    Attributes
    ----------
    label : str
        Of the progress display.
    count : int
    unit : str
        What the items are.
    seconds : float
    """

    label: str
    count: int
    unit: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.label} {duration(self.seconds)} for {counted(self.count, self.unit)}"


@dataclass(frozen=True)
class Timing:
    """What the last run of a stage took.

    Attributes
    ----------
    stage : str
    ended : str
        Date and time of this place, to the second.
    seconds : float
    work : list of Work
        The rest of the time went into starting, reading and writing.
    corpus : str
        That it ran for; "" of records from before this was noted, which count as of another.
    """

    stage: str
    ended: str
    seconds: float
    work: list[Work] = field(default_factory=list)
    corpus: str = ""

    def __str__(self) -> str:
        parts = "".join(f"; {work}" for work in self.work)
        return f"{self.stage}: took {duration(self.seconds)}{parts}"


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """Time a stage that ends without an error, say what it took, and keep a record.

    Parameters
    ----------
    stage
        Its name.
    """
    started = time.monotonic()
    work: list[Work] = []

    def note(ended: Progress) -> None:
        work.append(Work(ended.label, ended.done, ended.unit, round(ended.seconds, 2)))

    with watched(note):
        yield
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    timing = Timing(stage, now, round(time.monotonic() - started, 2), work, _corpus())
    logging.getLogger(__name__).info(str(timing))
    with atomic_path(FOLDER / f"{stage}.json") as path:
        path.write_text(json.dumps(asdict(timing), indent=2) + "\n")


def timings() -> list[Timing]:
    """Return what the last run of each stage took, in the order in which they ended.

    Raises
    ------
    DataError
        A record is damaged.
    """
    return sorted((_read(path) for path in FOLDER.glob("*.json")), key=lambda t: t.ended)


def _corpus() -> str:
    """Return what the first stage checked: params.yaml may have been edited since it began."""
    if not paths.CHECKED.is_file():
        return ""
    return str(json.loads(paths.CHECKED.read_text())["corpus"])


def _read(path: Path) -> Timing:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        work = [Work(**each) for each in found.pop("work")]
        return Timing(work=work, **found)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is no record of a stage's time ({error}); remove it") from None
