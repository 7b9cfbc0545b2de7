"""Chips and sound of all clips, decoded once: what deep systems read while they train.

JPEG chips cost more to decode than a small network costs to run, and every epoch of every fold
reads them again. So they are decoded once, at the size and the rate that a system wants, into flat
files that are memory-mapped: ``.memo/decoded/<settings>/<subject>.<digest>.{chips,sound,json}``.
They hold nothing that cannot be made again from `data/faces` and `data/speech`.
"""

import functools
import hashlib
import io
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr
from PIL import Image

from avlib.runtime import paths
from avlib.runtime.errors import DataError
from avlib.runtime.memo import code_fingerprint, locked
from avlib.runtime.parallel import Failure, map_clips
from avlib.runtime.tables import ClipRef, atomic_path, clip_refs, part_path, read_clip
from avlib.speech.pcm import from_pcm, to_pcm

FOLDER = paths.MEMO / "decoded"


@dataclass(frozen=True)
class StreamFormat:
    """How streams are kept.

    Attributes
    ----------
    size : int
        Side of a chip, pixels.
    fps : float
        Chips per second; the frame nearest in time stands for each.
    rate : int
        Samples of sound per second, Hz.
    """

    size: int
    fps: float
    rate: int

    def __str__(self) -> str:
        return f"{self.size}px-{self.fps:g}fps-{self.rate}Hz"


@dataclass(frozen=True)
class Streams:
    """Where the decoded streams of one clip lie.

    Attributes
    ----------
    folder, part : str
        The files are ``<folder>/<part>.chips`` and ``<folder>/<part>.sound``.
    format : StreamFormat
    first_chip, first_sample : int
        Place in the files.
    seen : bool array of shape (n_chips,)
        Whether a face was found; the chip is black where not.
    samples : int
        Number of samples of sound.
    """

    folder: str
    part: str
    format: StreamFormat
    first_chip: int
    first_sample: int
    seen: np.ndarray
    samples: int

    @property
    def duration(self) -> float:
        """Length of the longer stream, s."""
        return max(len(self.seen) / self.format.fps, self.samples / self.format.rate)

    def chips(self) -> np.ndarray:
        """Return the chips, uint8 of shape (n_chips, size, size, 3), mapped from disk."""
        shape = (self.format.size, self.format.size, 3)
        return self._mapped("chips", "u1", self.first_chip, len(self.seen), shape)

    def sound(self) -> np.ndarray:
        """Return the sound, int16 of shape (samples,), mapped from disk."""
        return self._mapped("sound", "<i2", self.first_sample, self.samples)

    def _mapped(
        self, kind: str, dtype: str, first: int, n: int, shape: tuple[int, ...] = ()
    ) -> np.ndarray:
        if not n:  # an empty file cannot be mapped
            return np.zeros((0, *shape), dtype)
        values = _mapped_file(f"{self.folder}/{self.part}.{kind}", dtype)
        return values.reshape(-1, *shape)[first : first + n]


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


def read_streams(indices: Sequence[Path]) -> dict[str, Streams]:
    """Return where the streams of each clip lie, by clip_id."""
    found = {}
    for index in indices:
        facts = json.loads(index.read_text())
        stream_format = StreamFormat(**facts["format"])
        place = str(index.parent.absolute()), index.stem
        for clip_id, (chip, flags, sample, n_samples) in facts["clips"].items():
            seen = np.array([flag == "1" for flag in flags], bool)
            found[clip_id] = Streams(*place, stream_format, chip, sample, seen, n_samples)
    return found


@functools.lru_cache(maxsize=128)  # each holds a file open
def _mapped_file(path: str, dtype: str) -> np.ndarray:
    """Map a file once for all of its clips: a mapping costs more than what is read through it."""
    return np.memmap(path, dtype, "r")


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
            for chip in _chips_on_grid(refs["faces"].get(clip_id), stream_format):
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


def _chips_on_grid(ref: ClipRef | None, stream_format: StreamFormat) -> Iterator[bytes | None]:
    """Yield the pixels of the frame nearest to each time of the grid; None without a face."""
    if ref is None or not ref.rows:
        return
    rows = read_clip(ref.path, ref.row_group, ["time", "chip"])
    frames = nearest_frames(rows["time"].to_numpy(), stream_format.fps)
    for frame, places in itertools.groupby(frames.tolist()):
        jpeg = rows["chip"][frame].as_py() if frame >= 0 else None
        pixels = None if jpeg is None else _pixels(jpeg, stream_format.size)
        yield from (pixels for _ in places)


def nearest_frames(times: np.ndarray, fps: float) -> np.ndarray:
    """Return which frame stands for each time k / fps, from the first frame's time on.

    Parameters
    ----------
    times : array of shape (n_frames,)
        Seconds, increasing.
    fps : float

    Returns
    -------
    int array of shape (n_chips,)
        Indices into `times`; -1 where the nearest frame is farther than both spacings allow, that
        is where the recording has a hole.
    """
    spacing = float(np.median(np.diff(times))) if len(times) > 1 else 1 / fps
    duration = times[-1] + spacing
    grid = np.arange(max(1, round(duration * fps))) / fps
    nearest = nearest_places(times, grid)
    reach = max(spacing, 1 / fps) + 1e-6
    return np.where(np.abs(times[nearest] - grid) <= reach, nearest, -1)


def nearest_places(places: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the index of the nearest of some places, ascending, for each that is wanted.

    Of two equally near ones it is the earlier, whatever rounding says.
    """
    after = np.clip(np.searchsorted(places, wanted), 0, len(places) - 1)
    before = np.maximum(after - 1, 0)
    is_before = wanted - places[before] <= places[after] - wanted + 1e-9
    return np.where(is_before, before, after)


def _pixels(jpeg: bytes, size: int) -> bytes:
    image = Image.open(io.BytesIO(jpeg))
    image.draft("RGB", (size, size))  # lets the decoder skip detail that would be averaged away
    chip = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    return chip.tobytes()


def _sound(ref: ClipRef | None, rate: int) -> bytes:
    if ref is None or not ref.rows:
        return b""
    rows = read_clip(ref.path, ref.row_group, ["sample_rate", "pcm"])
    pcm, own = rows["pcm"][0].as_py(), rows["sample_rate"][0].as_py()
    if own == rate:
        return pcm
    return to_pcm(soxr.resample(from_pcm(pcm), own, rate))
