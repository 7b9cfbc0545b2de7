"""Chips and sound of all clips, decoded once: what deep systems read while they train.

JPEG chips cost more to decode than a small network costs to run, and every epoch of every fold
reads them again. So they are decoded once, at the size and the rate that a system wants, into flat
files that are memory-mapped: ``.memo/decoded/<settings>/<subject>.<digest>.{chips,sound,json}``.
They hold nothing that cannot be made again from `data/faces` and `data/speech`.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from avlib.runtime import paths
from avlib.runtime.errors import DataError
from avlib.runtime.memo import code_fingerprint, locked
from avlib.runtime.parallel import Failure, map_clips
from avlib.runtime.tables import ClipRef, atomic_path, clip_refs, part_path, read_clip
from avlib.runtime.tables.lazy import LazyColumn
from avlib.systems.common.streams import (
    StoredStreams,
    StreamFormat,
    chips_on_grid,
    resampled,
)

FOLDER = paths.MEMO / "decoded"


def decode(
    stream_format: StreamFormat,
    faces: Path = paths.FACES,
    speech: Path = paths.SPEECH,
    folder: Path = FOLDER,
) -> list[Path]:
    """Decode every clip that is not yet; return the index files, one per subject.

    Files of the same format that belong to other recordings or older tables are removed.

    Raises
    ------
    DataError
        A part cannot be decoded; the message says which and why.
    """
    place = folder / str(stream_format)
    parts = _by_part(faces, speech)
    code = code_fingerprint(_decode_part)
    indices = {
        part: _index_path(place, part, refs, stream_format, code) for part, refs in parts.items()
    }
    with locked(place):
        for path in place.iterdir():
            if path.name.rpartition(".")[0] not in {index.stem for index in indices.values()}:
                path.unlink()
        missing = {part: index for part, index in indices.items() if not index.exists()}
        tasks = [(index, parts[part], stream_format) for part, index in missing.items()]
        label = f"decode at {stream_format}"
        for i, result in map_clips(_decode_part, tasks, label=label, name=_called, unit="parts"):
            if isinstance(result, Failure):
                raise DataError(f"{label}, {_called(tasks[i])}: {result.reason}")
    return list(indices.values())


def read_streams(indices: Sequence[Path]) -> dict[str, StoredStreams]:
    """Return where the streams of each clip lie, by clip_id."""
    found = {}
    for index in indices:
        facts = json.loads(index.read_text())
        stream_format = StreamFormat(**facts["format"])
        place = str(index.parent.absolute()), index.stem
        for clip_id, (chip, flags, sample, n_samples) in facts["clips"].items():
            seen = np.array([flag == "1" for flag in flags], bool)
            found[clip_id] = StoredStreams(stream_format, seen, n_samples, *place, chip, sample)
    return found


_Refs = dict[str, dict[str, ClipRef]]  # by table, by clip_id


def _by_part(faces: Path, speech: Path) -> dict[str, _Refs]:
    parts: dict[str, _Refs] = {}
    for table, where in (("faces", faces), ("speech", speech)):
        for ref in clip_refs(where):
            parts.setdefault(ref.part, {"faces": {}, "speech": {}})[table][ref.clip_id] = ref
    return dict(sorted(parts.items()))


def _index_path(
    place: Path, part: str, refs: _Refs, stream_format: StreamFormat, code: str
) -> Path:
    digests = {table: {c: ref.digest for c, ref in of.items()} for table, of in refs.items()}
    facts = [digests, asdict(stream_format), code]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return part_path(place, part).with_suffix(f".{digest[:16]}.json")


def _called(task: tuple[Path, _Refs, StreamFormat]) -> str:
    return task[0].name


def _decode_part(task: tuple[Path, _Refs, StreamFormat]) -> None:
    """Write the streams of one subject, clip by clip; the index comes last (in a worker)."""
    index, refs, stream_format = task
    clips = {}
    chips_path, sound_path = (index.with_suffix(f".{kind}") for kind in ("chips", "sound"))
    with (
        atomic_path(chips_path) as chips_file,
        atomic_path(sound_path) as sound_file,
        chips_file.open("wb") as chips,
        sound_file.open("wb") as sound,
    ):
        first_chip = first_sample = 0
        for clip_id in sorted({*refs["faces"], *refs["speech"]}):
            seen = []
            for chip in _chips(refs["faces"].get(clip_id), stream_format):
                seen.append(chip is not None)
                blank = bytes(stream_format.size * stream_format.size * 3)
                chips.write(blank if chip is None else chip)
            samples = _sound(refs["speech"].get(clip_id), stream_format.rate)
            sound.write(samples)
            flags = "".join("1" if flag else "0" for flag in seen)
            clips[clip_id] = (first_chip, flags, first_sample, len(samples) // 2)
            first_chip += len(seen)
            first_sample += len(samples) // 2
    with atomic_path(index) as temporary:
        temporary.write_text(json.dumps({"format": asdict(stream_format), "clips": clips}))


def _chips(ref: ClipRef | None, stream_format: StreamFormat) -> Iterator[bytes | None]:
    """Yield the pixels of each time of the grid; None without a face."""
    if ref is not None and ref.rows:
        times = read_clip(ref.path, ref.row_group, ["time"])["time"].to_numpy()
        yield from chips_on_grid(times, LazyColumn(ref, "chip"), stream_format)


def _sound(ref: ClipRef | None, rate: int) -> bytes:
    if ref is None or not ref.rows:
        return b""
    rows = read_clip(ref.path, ref.row_group, ["sample_rate", "pcm"])
    return resampled(rows["pcm"][0].as_py(), rows["sample_rate"][0].as_py(), rate)
