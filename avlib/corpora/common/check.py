"""What is wrong with a corpus, before a pipeline runs on it."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from avlib.corpora.common.base import Listing, Recording
from avlib.corpora.common.describe import describe_all
from avlib.protocols.labelled import has_label
from avlib.runtime.parallel import Failure


@dataclass(frozen=True)
class Findings:
    """What reading a whole corpus has found.

    Attributes
    ----------
    problems : list of (str, str)
        The clip, file or line of a table, and what is wrong with it.
    warnings : list of str
        What protocols will stumble over.
    emotions : Counter
        Clips of each emotion.
    usable, subjects : int
    labelled : int
        Subjects of clips that a protocol can divide.
    modalities : set of str
        Which of audio and video some clip has; none of features alone.
    duration : float
        Of all usable clips, s.
    """

    problems: list[tuple[str, str]]
    warnings: list[str]
    emotions: Counter[str]
    usable: int
    subjects: int
    labelled: int
    modalities: set[str]
    duration: float


def check(listing: Listing, raw: Path) -> Findings:
    """Read every recording as stage ``clips`` does.

    Parameters
    ----------
    listing
        Of a reader.
    raw
        The folder of the corpora.
    """
    problems = [*listing.unrecognised, *listing.missing]
    usable: list[Recording] = []
    rows: list[dict[str, Any]] = []
    duration = 0.0
    for recording, result in describe_all(listing.recordings, raw):
        if isinstance(result, Failure):
            problems.append((_where(listing, recording), result.reason))
            continue
        if result.status != "ok":
            problems.append((_where(listing, recording), result.reason))
        usable.append(recording)
        rows.append(result.row)
        duration += result.row["duration"] or 0.0  # of features alone: not known
    emotions = Counter(r.emotion for r in usable if r.emotion is not None)
    subjects = {r.subject for r in usable}
    clips = pd.DataFrame(rows)
    labelled = clips.loc[has_label(clips), "subject"].nunique() if rows else 0
    modalities = {m for m in ("audio", "video") if any(row[f"{m}_path"] for row in rows)}
    return Findings(
        sorted(problems, key=_by_number),
        _warnings(usable),
        emotions,
        len(usable),
        len(subjects),
        labelled,
        modalities,
        duration,
    )


def _where(listing: Listing, recording: Recording) -> str:
    """Call a clip by its row of a table too, where there is one."""
    row = listing.rows.get(recording.clip_id)
    return f"{row}, clip {recording.clip_id}" if row else recording.clip_id


def _by_number(problem: tuple[str, str]) -> list[tuple[int, str]]:
    """Order by names, the numbers in them by size: line 5 before line 12."""
    parts = re.split(r"(\d+)", problem[0])
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _warnings(recordings: list[Recording]) -> list[str]:
    warnings = []
    shown_by: dict[str, set[str]] = {}
    parts: dict[str, set[str]] = {}
    for recording in recordings:
        if recording.emotion is not None:
            shown_by.setdefault(recording.emotion, set()).add(recording.subject)
        if recording.partition is not None:
            parts.setdefault(recording.subject, set()).add(recording.partition)
    corpora: dict[str, set[str]] = {}
    for recording in recordings:
        if recording.emotion is not None:
            corpora.setdefault(recording.emotion, set()).add(recording.corpus)
    several = len({recording.corpus for recording in recordings}) > 1
    for emotion, found in sorted(corpora.items()):
        if several and len(found) == 1:
            warnings.append(
                f"emotion {emotion!r} is in {min(found)} alone, so that no other corpus teaches it:"
                f" map it to another, or to null (members.{min(found)}.labels in corpus.yaml),"
                " where corpora are tested on each other"
            )
    people = {recording.subject for recording in recordings}
    if len(people) < 3:
        warnings.append(
            f"{len(people)} subjects; training, validation and test need one each: three at least"
        )
    for emotion, subjects in sorted(shown_by.items()):
        if len(subjects) < 2:
            warnings.append(
                f"emotion {emotion!r} is shown by {min(subjects)} alone, so that nobody learns it"
                " where it is tested: join it with another, or leave it out (`labels` in"
                " params.yaml)"
            )
    for subject, found in sorted(parts.items()):
        if len(found) > 1:
            warnings.append(
                f"subject {subject} is in parts {' and '.join(sorted(found))}; under protocol"
                " official the tested part keeps the subject's clips, the others lose them"
            )
    return warnings
