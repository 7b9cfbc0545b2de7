"""Fingerprints of all clips of a corpus, from what the stages speech and faces have decoded."""

from pathlib import Path

import numpy as np
import pandas as pd

from avlib.copies import pictures, sound
from avlib.copies.search import same_as
from avlib.faces.thumbnail import cells_of
from avlib.runtime import tables
from avlib.runtime.errors import DataError
from avlib.runtime.parallel import Failure, map_clips
from avlib.runtime.tables import ClipRef
from avlib.speech.pcm import from_pcm

MEDIA = {"sound": sound, "pictures": pictures}


def fingerprints_of(speech: Path, faces: Path) -> pd.DataFrame:
    """Return the fingerprint of every clip, in parallel.

    Parameters
    ----------
    speech, faces
        Folders of the tables.

    Returns
    -------
    DataFrame
        Columns clip_id, sound and pictures; bytes of int8 (`sound_fingerprint`,
        `picture_fingerprint`), None where a clip has no such stream or too little happens in it.
    """
    refs = {
        medium: {ref.clip_id: ref for ref in tables.clip_refs(folder) if ref.rows}
        for medium, folder in zip(MEDIA, (speech, faces), strict=True)
    }
    clip_ids = sorted({clip_id for found in refs.values() for clip_id in found})
    tasks = [tuple(refs[medium].get(clip_id) for medium in MEDIA) for clip_id in clip_ids]
    rows: list[tuple[str, bytes | None, bytes | None]] = []
    for index, result in map_clips(
        _fingerprints, tasks, label="copies", name=lambda task: (task[0] or task[1]).clip_id
    ):
        if isinstance(result, Failure):
            raise DataError(f"copies: clip {clip_ids[index]}: {result.reason}")
        rows.append((clip_ids[index], *result))
    return pd.DataFrame(rows, columns=["clip_id", *MEDIA]).sort_values("clip_id")


def copies_among(fingerprints: pd.DataFrame) -> pd.DataFrame:
    """Return the clips that are copies, and of which clip each is one.

    Parameters
    ----------
    fingerprints
        As of `fingerprints_of`.

    Returns
    -------
    DataFrame
        Columns clip_id, medium ("sound" or "pictures") and same_as, the first clip_id of those
        that are alike; it has a row of its own. Clips that are like no other have none.
    """
    found = []
    for medium, module in MEDIA.items():
        known = fingerprints.dropna(subset=[medium]).sort_values("clip_id")
        if known.empty:
            continue
        values = np.stack([np.frombuffer(given, np.int8) for given in known[medium]])
        first = same_as(values, module.variants, module.ALIKE)
        clip_id = known["clip_id"].to_numpy(dtype=object)
        alike = pd.DataFrame({"clip_id": clip_id, "medium": medium, "same_as": clip_id[first]})
        found.append(alike[alike["same_as"].duplicated(keep=False)])
    if not found:
        return pd.DataFrame(columns=["clip_id", "medium", "same_as"], dtype=str)
    return pd.concat(found, ignore_index=True)


def _fingerprints(task: tuple[ClipRef | None, ClipRef | None]) -> tuple[bytes | None, bytes | None]:
    """Describe a clip by its rows in the two tables (in a worker)."""
    heard = seen = None
    if task[0]:
        heard = sound.sound_fingerprint(_signal(task[0]))
    if task[1]:
        groups = task[1].row_group  # the first holds the seconds that a fingerprint is of
        first = groups if isinstance(groups, int) else groups[0]
        rows = tables.read_clip(task[1].path, first, ["time", "thumbnail"])
        cells = np.stack([cells_of(one) for one in rows["thumbnail"].to_pylist()])
        seen = pictures.picture_fingerprint(rows["time"].to_numpy(), cells)
    return _bytes(heard), _bytes(seen)


def _signal(clip: ClipRef) -> np.ndarray:
    rows = tables.read_clip(clip.path, clip.row_group, ["pcm"])
    return from_pcm(tables.cell_bytes(rows["pcm"]))


def _bytes(values: np.ndarray | None) -> bytes | None:
    return None if values is None else values.tobytes()
