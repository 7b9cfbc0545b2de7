"""Clips as the stages faces and speech store them: coloured noise in place of faces and sound."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from avlib.faces.tables import FACES
from avlib.runtime.tables import conform, part_path, write_part
from avlib.speech.tables import SPEECH
from avlib.systems.common.model import BOTH
from avlib.systems.common.sequences import SequenceClips
from avlib.systems.common.stream_cache import decode, read_streams
from avlib.systems.common.streams import StreamFormat

FPS = 25.0  # pictures per second
_COARSE = 56  # pixels; noise of so many a side, made larger, takes 14 kB as faces of CREMA-D do


def stored_clips(
    folder: Path, number: int, seconds: float, classes: int, wanted: StreamFormat
) -> SequenceClips:
    """Write clips of one subject into a folder, and return them as a system wants them."""
    rng = np.random.default_rng(0)
    faces, sounds = [], []
    for k in range(number):
        clip_id, n = f"c{k:03d}", round(seconds * FPS)
        columns = {
            "clip_id": [clip_id] * n,
            "frame": list(range(n)),
            "time": [i / FPS for i in range(n)],
            "state": ["tracked"] * n,
            **{name: pa.nulls(n) for name in ("box", "score", "landmarks")},
            "chip": [chip(rng) for _ in range(n)],
            "thumbnail": [b""] * n,
        }
        faces.append((clip_id, conform(columns, FACES)))
        pcm = rng.integers(-3000, 3000, round(seconds * 16000), np.int16).tobytes()
        heard = {"clip_id": [clip_id], "sample_rate": [16000], "pcm": [pcm], "intervals": [[]]}
        sounds.append((clip_id, conform(heard, SPEECH)))
    write_part(part_path(folder / "faces", "S"), faces, FACES)
    write_part(part_path(folder / "speech", "S"), sounds, SPEECH)
    indices = decode(wanted.rate, folder / "faces", folder / "speech", folder / "decoded")
    found = read_streams(indices, wanted)
    names, there = np.array(sorted(found)), np.ones(number, bool)
    streams = np.empty(number, object)
    streams[:] = [found[name] for name in names]
    present = dict.fromkeys(BOTH, there)
    return SequenceClips(names, names, np.arange(number) % classes, present, streams)


def chip(rng: np.random.Generator) -> bytes:
    """Return a picture of 224x224 pixels as JPEG, of the quality that params.yaml has."""
    data, noise = io.BytesIO(), rng.integers(90, 166, (_COARSE, _COARSE, 3), np.uint8)
    image = Image.fromarray(noise).resize((224, 224), Image.Resampling.BICUBIC)
    image.save(data, "JPEG", quality=95)
    return data.getvalue()
