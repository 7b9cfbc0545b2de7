"""From rows of a table to the tasks of the next per-clip stage."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from avlib.runtime import paths, tables
from avlib.runtime.per_clip import ClipTask


@dataclass(frozen=True)
class RecordingInput:
    """Where a clip's recording is.

    Attributes
    ----------
    path : str
    start, end : float or None
        The clip's span in the recording, s, where it is not the whole.
    """

    path: str
    start: float | None = None
    end: float | None = None


def recording_tasks(modality: str, modalities: Sequence[str]) -> list[ClipTask]:
    """List every clip, with its `RecordingInput`, for a stage that reads the recordings.

    A clip that lacks the stream, or whose stream is not to be used, is among them, with nothing to
    compute: every clip has a status in every stage.

    Parameters
    ----------
    modality
        The stream that the stage reads: "audio" or "video".
    modalities
        The modalities to use.
    """
    clips = tables.read_table(paths.CLIPS)
    tasks = []
    for clip in clips.to_dict("records"):
        name, where = clip[f"{modality}_path"], (clip["clip_id"], clip["subject"])
        if modality not in modalities:
            tasks.append(ClipTask(*where, "", without=("ok", "")))
        elif not isinstance(name, str):
            lacking = ("degraded", f"no {modality} stream")
            tasks.append(ClipTask(*where, clip["sha256"], without=lacking))
        else:
            start, end = (None if pd.isna(clip[key]) else clip[key] for key in ("start", "end"))
            path = str((paths.RAW / clip["corpus"] / name).absolute())
            tasks.append(ClipTask(*where, clip["sha256"], RecordingInput(path, start, end)))
    return tasks


def table_tasks(folder: Path, status: Path) -> list[ClipTask]:
    """List the clips of a per-frame table, each with its `tables.ClipRef`, for the next stage.

    Parameters
    ----------
    folder
        The table's parts.
    status
        Status table of the stage that wrote it: says why a clip has no rows there.
    """
    table = tables.read_table(status)
    verdicts = {row["clip_id"]: (row["status"], row["reason"]) for row in table.to_dict("records")}
    tasks = []
    for ref in tables.clip_refs(folder):
        verdict, reason = verdicts[ref.clip_id]
        digest = f"{ref.digest} {verdict} {reason}"
        without = None if ref.rows else (verdict, reason)
        tasks.append(ClipTask(ref.clip_id, ref.part, digest, ref, without))
    return tasks


def failed_clips(status: Path) -> dict[str, str]:
    """Return the clips that failed in an earlier stage, and why."""
    table = tables.read_table(status)
    failed = table[table["status"] == "failed"].to_dict("records")
    return {row["clip_id"]: f"failed in {row['stage']}: {row['reason']}" for row in failed}
