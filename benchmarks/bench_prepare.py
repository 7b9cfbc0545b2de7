"""Preparation time over clip duration, stage by stage on one core, against bare decoding."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any
from unittest.mock import patch

import pyarrow as pa

from avlib.corpora.demo.generate import render_clip
from avlib.corpora.demo.plan import clip_plan
from avlib.descriptors.audio_clip import audio_rows
from avlib.descriptors.dlib_resnet import DlibResNetDescriptor
from avlib.descriptors.expression import ExpressionDescriptor
from avlib.descriptors.opensmile import IS10
from avlib.descriptors.video_clip import video_rows
from avlib.faces.clip import face_rows
from avlib.faces.tables import FACES
from avlib.media import read_audio, video_frames
from avlib.params import load
from avlib.runtime.clip_tasks import RecordingInput
from avlib.runtime.per_clip import ClipRows
from avlib.runtime.tables import ClipRef, Schema, clip_refs, write_part
from avlib.runtime.tables.schema import conform_clip
from avlib.speech.clip import speech_rows
from avlib.speech.tables import SPEECH
from benchmarks import ROOT
from benchmarks.bench_face_networks import OURS
from benchmarks.machine import one_core, take_turns
from benchmarks.table import Table

SIZES = {(320, 240): 4, (1280, 720): 2}  # clips by width and height in pixels; RAVDESS: 1280x720
FILMED = 25  # pictures per second, as most corpora have them
LOOKED, DESCRIBED = 12.5, 5.0  # of them, on the demo: its `FPS`, and its `video.fps`
ROUNDS = 3
STAGES = ("faces", "video_features", "speech", "audio_features")
DEMO = ", as on the demo"
OTHER = ", by dlib_resnet"


def tables() -> list[Table]:
    """Time every stage at every picture size."""
    with TemporaryDirectory() as folder, one_core():
        return [measure(Path(folder), size, n_clips) for size, n_clips in SIZES.items()]


def measure(folder: Path, size: tuple[int, int], n_clips: int) -> Table:
    """Render clips of one picture size, decode them and prepare them."""
    width, height = size
    corpus = folder / f"{width}x{height}"
    plan = clip_plan(subjects=n_clips, takes=1, seconds=(2.0, 3.0), seed=0)
    plan = plan[:: len(plan) // n_clips][:n_clips]  # one clip of each subject
    with patch("avlib.corpora.demo.generate.FPS", FILMED):
        clips = [render_clip(clip, corpus, seed=0, width=width, height=height) for clip in plan]
    seconds = sum(clip.duration for clip in plan)

    work: dict[str, list[Callable[[], object]]] = {
        "decoding alone": [functools.partial(decode, clip) for clip in clips]
    }
    for number, clip in enumerate(clips):
        for name, call in stage_calls(clip, corpus / str(number)).items():
            work.setdefault(name, []).append(call)
    each = {name: functools.partial(_all, calls) for name, calls in work.items()}
    times = take_turns(each, ROUNDS, process_time)
    times["the four stages"] = sum(times[name] for name in STAGES)
    times["the four stages" + DEMO] = sum(times.get(name + DEMO, times[name]) for name in STAGES)

    rows = [
        [name, f"{1000 * time / seconds:.0f}", f"{time / times['decoding alone']:.1f}"]
        for name, time in times.items()
    ]
    return Table(
        f"{n_clips} clips of {width}x{height} pixels, {FILMED} a second, {seconds:.1f} s in all.",
        "Below 1000, one core is faster than the clips play; the last column is the price over"
        " reading pictures and sound. Every frame is looked at, and described by `expression`, the"
        f" default; on the demo {LOOKED:g} a second, and {DESCRIBED:g} described by `dlib_resnet`."
        f" CPU time, models loaded before, best of {ROUNDS}.",
        ["stage", "CPU ms per second of clip", "times decoding alone"],
        rows,
    )


def decode(clip: Path) -> None:
    """Read a clip's pictures and its sound, and do nothing with them."""
    for _ in video_frames(clip):
        pass
    read_audio(clip)


def stage_calls(clip: Path, folder: Path) -> dict[str, Callable[[], ClipRows]]:
    """Return what each stage computes of a clip; all of it has been run once."""
    params = load(("faces", "speech"), ROOT / "params.yaml")
    expression = ExpressionDescriptor(weights=OURS)
    persons, fewer_persons = DlibResNetDescriptor(), DlibResNetDescriptor(fps=DESCRIBED)
    recording = RecordingInput(str(clip))
    faces, fewer = (
        functools.partial(face_rows, recording, params.faces.model_dump() | {"fps": fps})
        for fps in (None, LOOKED)
    )
    found, found_of_fewer = kept(FACES, faces(), folder), kept(FACES, fewer(), folder / "demo")
    speech = functools.partial(speech_rows, recording, params.speech.model_dump())
    calls: dict[str, Callable[[], ClipRows]] = {
        "faces": faces,
        "video_features": functools.partial(video_rows, found, expression),
        "video_features" + OTHER: functools.partial(video_rows, found, persons),
        "faces" + DEMO: fewer,
        "video_features" + DEMO: functools.partial(video_rows, found_of_fewer, fewer_persons),
        "speech": speech,
        "audio_features": functools.partial(audio_rows, kept(SPEECH, speech(), folder), IS10()),
    }
    for name in ("video_features", "video_features" + OTHER, "audio_features"):
        calls[name]()
    return calls


def kept(schema: Schema, rows: ClipRows, folder: Path) -> ClipRef:
    """Write the rows of a clip as the next stage finds them; return where they are."""
    path = folder / f"{schema.name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    given: Any = rows.columns
    pieces = [given] if isinstance(given, Mapping | pa.Table) else given
    write_part(path, [("clip", (conform_clip(piece, "clip", schema) for piece in pieces))], schema)
    return clip_refs(path)[0]


def _all(calls: list[Callable[[], object]]) -> None:
    for call in calls:
        call()
