"""Sound of all clips at a rate, and where their chips are: what deep systems read as they train.

For each rate in Hz there is a folder with two files a subject, ``.memo/decoded/<rate>Hz/
<subject>.<digest>.{sound,json}``, whatever size and number of chips a system wants: the sound is
memory-mapped, the index says when each frame of a clip is and where `data/faces` holds its chip,
which stays a JPEG there. They hold nothing that cannot be made again from `data/faces` and
`data/speech`.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from avlib.runtime import paths
from avlib.runtime.errors import DataError
from avlib.runtime.memo import code_fingerprint, locked
from avlib.runtime.parallel import Failure, map_clips
from avlib.runtime.tables import ClipRef, atomic_path, clip_refs, part_path, read_clip
from avlib.runtime.tables.opened import OpenPart
from avlib.systems.common.stored_streams import StoredStreams
from avlib.systems.common.streams import StreamFormat, frames_on_grid, resampled

FOLDER = paths.MEMO / "decoded"


class Wider(Protocol):
    """A clip's sound from where there is more of it than in table ``speech``."""

    @property
    def digest(self) -> str:
        """What tells the sound from others, wherever the project lies."""

    def pcm(self, rate: int) -> bytes:
        """Return the sound at a rate, Hz, as of `avlib.speech.pcm`."""


def decode(
    rate: int,
    faces: Path = paths.FACES,
    speech: Path = paths.SPEECH,
    folder: Path = FOLDER,
    wider: Mapping[str, Wider] = MappingProxyType({}),
) -> list[Path]:
    """Make sound and index of every clip that has none yet; return the index files, one a subject.

    Files of the same rate that belong to other recordings or older tables are removed, and so is
    what earlier versions kept: chips as pixels, a folder for each size.

    Parameters
    ----------
    rate
        Of the sound, Hz.
    faces, speech
        Tables.
    folder
        Where to keep it.
    wider
        By clip_id: where there is more sound than in table ``speech``, which is of 16 kHz. A clip
        that has none there has none.

    Raises
    ------
    DataError
        A part cannot be decoded; the message says which and why.
    """
    place = folder / f"{rate}Hz"
    parts = _by_part(faces, speech)
    kinds: list[Callable[..., Any]] = sorted({type(sound) for sound in wider.values()}, key=str)
    code = [code_fingerprint(piece) for piece in (_decode_part, *kinds)]
    of_parts = {
        part: {c: wider[c] for c in refs["speech"] if c in wider} for part, refs in parts.items()
    }
    indices = {
        part: _index_path(place, part, refs, of_parts[part], code) for part, refs in parts.items()
    }
    with locked(place):
        for older in folder.glob("*px-*"):
            if older.is_dir():
                shutil.rmtree(older, ignore_errors=True)  # another system's stage may be faster
            else:  # its lock
                older.unlink(missing_ok=True)
        for path in place.iterdir():
            if path.name.rpartition(".")[0] not in {index.stem for index in indices.values()}:
                path.unlink()
        missing = {
            part: index
            for part, index in indices.items()
            if not (index.exists() and _sounds(index).exists())
        }
        tasks = [(index, parts[part], of_parts[part], rate) for part, index in missing.items()]
        label = f"sound at {rate} Hz"
        for i, result in map_clips(
            _decode_part, tasks, label=label, name=_called, unit="parts", code=kinds
        ):
            if isinstance(result, Failure):
                raise DataError(f"{label}, {_called(tasks[i])}: {result.reason}")
    return list(indices.values())


def read_streams(indices: Sequence[Path], stream_format: StreamFormat) -> dict[str, StoredStreams]:
    """Return the streams of each clip by clip_id, as a system wants them.

    Parameters
    ----------
    indices
        What `decode` returned for the format's rate.
    stream_format
    """
    found = {}
    for index in indices:
        facts = json.loads(index.read_text())
        faces, listing = facts["faces"]
        sounds = str(_sounds(index).absolute())
        for clip_id, (times, flags, groups, first_sample, samples) in facts["clips"].items():
            has_chip = np.array([flag == "1" for flag in flags], bool)
            frames = frames_on_grid(np.array(times, float), has_chip, stream_format)
            held = faces, listing, np.array(groups, int).reshape(-1, 2), sounds
            found[clip_id] = StoredStreams(
                stream_format, frames >= 0, samples, frames, *held, first_sample
            )
    return found


_Refs = dict[str, dict[str, ClipRef]]  # by table, by clip_id


def _by_part(faces: Path, speech: Path) -> dict[str, _Refs]:
    parts: dict[str, _Refs] = {}
    for table, where in (("faces", faces), ("speech", speech)):
        for ref in clip_refs(where):
            parts.setdefault(ref.part, {"faces": {}, "speech": {}})[table][ref.clip_id] = ref
    return dict(sorted(parts.items()))


def _index_path(
    place: Path, part: str, refs: _Refs, wider: Mapping[str, Wider], code: list[str]
) -> Path:
    digests = {table: {c: ref.digest for c, ref in of.items()} for table, of in refs.items()}
    sounds = {c: sound.digest for c, sound in wider.items()}
    facts = [digests, sounds, _faces_of(refs), code]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return part_path(place, part).with_suffix(f".{digest[:16]}.json")


def _sounds(index: Path) -> Path:
    return index.with_suffix(".sound")


def _faces_of(refs: _Refs) -> str:
    """Return the part of table `faces`, if there is one."""
    return next((str(ref.path) for ref in refs["faces"].values()), "")


_Task = tuple[Path, _Refs, Mapping[str, Wider], int]


def _called(task: _Task) -> str:
    return task[0].name


def _decode_part(task: _Task) -> None:
    """Write the sound of one subject, clip by clip; the index comes last (in a worker)."""
    index, refs, wider, rate = task
    clips = {}
    with atomic_path(_sounds(index)) as scratch, scratch.open("wb") as sound:
        first = 0
        for clip_id in sorted({*refs["faces"], *refs["speech"]}):
            samples = _sound(refs["speech"].get(clip_id), wider.get(clip_id), rate)
            sound.write(samples)
            clips[clip_id] = (*_frames(refs["faces"].get(clip_id)), first, len(samples) // 2)
            first += len(samples) // 2
    faces = _faces_of(refs)
    held = faces, OpenPart(faces).listing if faces else ""
    with atomic_path(index) as temporary:
        temporary.write_text(json.dumps({"faces": held, "clips": clips}))


def _frames(ref: ClipRef | None) -> tuple[list[float], str, list[tuple[int, int]]]:
    """Return a clip's times, which frames have a chip, and its row groups with their first."""
    times: list[float] = []
    flags, groups = "", []
    if ref is not None and ref.rows:
        for group in (ref.row_group,) if isinstance(ref.row_group, int) else ref.row_group:
            rows = read_clip(ref.path, group, ["time", "state"])
            groups.append((group, len(times)))
            times += rows["time"].to_pylist()
            flags += "".join("01"[state != "missing"] for state in rows["state"].to_pylist())
    return times, flags, groups


def _sound(ref: ClipRef | None, wider: Wider | None, rate: int) -> bytes:
    if ref is None or not ref.rows:
        return b""
    if wider is not None:
        return wider.pcm(rate)
    rows = read_clip(ref.path, ref.row_group, ["sample_rate", "pcm"])
    return resampled(rows["pcm"][0].as_py(), rows["sample_rate"][0].as_py(), rate)
