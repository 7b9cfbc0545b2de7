"""What a recording shows and lets hear, as the stages `speech` and `faces` find it."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from avlib.descriptors.video import Faces
from avlib.descriptors.video_clip import faces_of
from avlib.faces.clip import face_rows
from avlib.faces.tables import FACES
from avlib.media import MediaInfo
from avlib.runtime.clip_tasks import RecordingInput
from avlib.runtime.errors import MediaError
from avlib.runtime.tables.schema import conform_clip
from avlib.speech.clip import speech_rows
from avlib.speech.pcm import SAMPLE_RATE, from_pcm
from avlib.speech.recorded import recorded_sound

# s; what is longer is taken span by span, so that memory does not grow with a recording. Longer
# than any clip of the corpora that models learn from.
LONGEST = 60.0


@dataclass(frozen=True)
class Span:
    """A piece of a recording, its times counted from `start`.

    Attributes
    ----------
    start : float
        In the recording, s.
    own : tuple of (float, float), or None
        The part that no other span has, s; None where the recording is this one span.
    length : float
        Of that part, s.
    sound : float32 array of shape (n,), or None
        16 kHz, as the table `speech` keeps it.
    voiced : array of shape (n_intervals, 2)
        Where somebody speaks, s.
    faces : Faces or None
    lacking : dict of str to str
        By modality that is not there: why.
    doubts : dict of str to str
        By modality that is there, but not to be relied on: why.
    wider : (int, float32 array of shape (n,)), or None
        See `avlib.systems.common.pieces.Piece`.
    """

    start: float
    own: tuple[float, float] | None
    length: float
    sound: np.ndarray | None
    voiced: np.ndarray
    faces: Faces | None
    lacking: Mapping[str, str]
    doubts: Mapping[str, str] = field(default_factory=dict)
    wider: tuple[int, np.ndarray] | None = None


def spans(
    path: Path,
    info: MediaInfo,
    modalities: tuple[str, ...],
    margin: float,
    settings: Mapping,
    rate: int = SAMPLE_RATE,
) -> Iterator[Span]:
    """Read a recording, one span in memory at a time; one of up to `LONGEST` s is one span.

    Parameters
    ----------
    path, info
        The recording, and what `probe` says of it.
    modalities
        What to look for.
    margin
        s that a span overlaps its neighbours.
    settings
        Sections ``speech`` and ``faces`` of params.yaml.
    rate
        Of the sound that is wanted beside that at 16 kHz, where the recording holds more than that,
        Hz.
    """
    rate = rate if (info.sample_rate or 0) > SAMPLE_RATE else SAMPLE_RATE
    n = max(1, math.ceil(info.duration / LONGEST))
    edges = np.linspace(0.0, info.duration, n + 1).tolist()
    for start, end in itertools.pairwise(edges):
        if n == 1:  # as the stages read it, to the last sample
            yield _read(RecordingInput(str(path)), info, modalities, settings, rate, None, end)
            return
        first, last = max(0.0, start - margin), min(info.duration, end + margin)
        # The last one goes as far as there is anything.
        recording = RecordingInput(str(path), first, last if end < info.duration else None)
        own = start - first, end - first
        yield _read(recording, info, modalities, settings, rate, own, end - start)


def _read(
    recording: RecordingInput,
    info: MediaInfo,
    modalities: tuple[str, ...],
    settings: Mapping[str, Any],
    rate: int,
    own: tuple[float, float] | None,
    length: float,
) -> Span:
    sound, wider, voiced, faces = None, None, np.empty((0, 2)), None
    lacking: dict[str, str] = {}
    doubts: dict[str, str] = {}
    if "audio" in modalities and not info.has_audio:
        lacking["audio"] = "no audio stream"
    elif "audio" in modalities:
        try:
            found = speech_rows(recording, settings["speech"])
            columns: Any = found.columns
            doubts["audio"] = _but(found.reason, "silence")
            sound = from_pcm(columns["pcm"][0])
            if rate > SAMPLE_RATE:
                wider = rate, recorded_sound(recording, rate, settings["speech"])
            voiced = np.array(columns["intervals"][0], float).reshape(-1, 2)
        except MediaError as error:
            lacking["audio"] = _reason(error, recording.path)
    if "video" in modalities and not info.has_video:
        lacking["video"] = "no video stream"
    elif "video" in modalities:
        try:
            seen = face_rows(recording, settings["faces"])
            doubts["video"] = _but(seen.reason, "no face found")
            # The table keeps single precision, and what describes faces reads it there.
            rows = seen.columns
            pieces: Any = [rows] if isinstance(rows, pa.Table) else rows
            faces = faces_of(pa.concat_tables(conform_clip(piece, "", FACES) for piece in pieces))
        except MediaError as error:
            lacking["video"] = _reason(error, recording.path)
    return Span(recording.start or 0.0, own, length, sound, voiced, faces, lacking, doubts, wider)


def _but(reason: str, known: str) -> str:
    """Return a stage's reasons without the one that a modality is not used for."""
    return "; ".join(part for part in reason.split("; ") if part and not part.startswith(known))


def _reason(error: MediaError, path: str) -> str:
    return str(error).removeprefix(f"{path}: ")


def part_of_sound(span: Span, start: float, end: float) -> np.ndarray:
    """Return the samples between two times of the span, s; none where it has no sound."""
    if span.sound is None:
        return np.empty(0, np.float32)
    return span.sound[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]


def part_of_faces(faces: Faces, start: float, end: float) -> Faces:
    """Return the frames with start <= time < end, their times counted from `start`."""
    chosen = slice(*np.searchsorted(faces.times, [start, end]))
    return Faces(faces.times[chosen] - start, faces.landmarks[chosen], faces.jpegs[chosen])
