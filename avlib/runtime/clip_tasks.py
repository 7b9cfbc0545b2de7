"""From rows of a table to the tasks of the next per-clip stage."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from avlib.runtime import tables
from avlib.runtime.per_clip import ClipTask
from avlib.runtime.stage import RAW


def recording_tasks(corpus: str, modality: str, modalities: Sequence[str]) -> list[ClipTask]:
    """List every clip for a stage that reads the recordings.

    A clip that lacks the stream, or whose stream is not to be used, has no path: the stage then
    marks it, so that every clip has a status in every stage.

    Parameters
    ----------
    corpus
        Name of the folder under ``data/raw``.
    modality
        The stream that the stage reads: "audio" or "video".
    modalities
        The modalities to use.
    """
    clips = tables.read_table("data/clips.parquet")
    tasks = []
    for clip in clips.to_dict("records"):
        name = clip[f"{modality}_path"]
        path = str((RAW / corpus / name).absolute()) if isinstance(name, str) else None
        span = {key: None if pd.isna(clip[key]) else clip[key] for key in ("start", "end")}
        payload = {"path": path, "used": modality in modalities, **span}
        digest = clip["sha256"] if payload["used"] else ""
        tasks.append(ClipTask(clip["clip_id"], clip["subject"], digest, payload))
    return tasks


def table_tasks(
    folder: Path, status: Path, extra: Mapping[str, Any] | None = None
) -> list[ClipTask]:
    """List the clips of a per-frame table for a stage that reads their rows.

    Parameters
    ----------
    folder
        The table's parts.
    status
        Status table of the stage that wrote it: says why a clip has no rows there.
    extra
        What else each payload holds.
    """
    verdicts = {
        clip_id: (verdict, reason)
        for clip_id, verdict, reason in tables.read_table(status)[
            ["clip_id", "status", "reason"]
        ].itertuples(index=False)
    }
    tasks = []
    for ref in tables.clip_refs(folder):
        verdict, reason = verdicts[ref.clip_id]
        payload = {
            "path": str(ref.path.absolute()),
            "row_group": ref.row_group,
            "rows": ref.rows,
            "status": verdict,
            "reason": reason,
            **(extra or {}),
        }
        tasks.append(ClipTask(ref.clip_id, ref.part, f"{ref.digest} {verdict} {reason}", payload))
    return tasks


def failed_clips(status: Path) -> dict[str, str]:
    """Return the clips that failed in an earlier stage, and why."""
    table = tables.read_table(status)
    failed = table[table["status"] == "failed"]
    return {
        clip_id: f"failed in {stage}: {reason}"
        for clip_id, stage, reason in zip(
            failed["clip_id"], failed["stage"], failed["reason"], strict=True
        )
    }
