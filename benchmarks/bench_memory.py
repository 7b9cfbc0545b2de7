"""What it costs to check a remembered table for changed bytes, against reading it."""

import hashlib
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np

from avlib.descriptors.tables import VIDEO
from avlib.faces.tables import FACES
from avlib.runtime.seal import checksum
from avlib.runtime.tables import Schema, conform, iter_clips, read_table, write_part
from avlib.speech.tables import SPEECH
from benchmarks.machine import one_core, take_turns
from benchmarks.table import Table

CLIPS = 200
FRAMES = 75  # 3 s at 25 per second
ROUNDS = 5


def tables() -> list[Table]:
    """Read and check a part of each kind of table."""
    rows = []
    with TemporaryDirectory() as folder, one_core():
        for schema in (SPEECH, FACES, VIDEO):
            path = Path(folder) / f"{schema.name}.parquet"
            clips = ((f"{number:03}", made(schema, number)) for number in range(CLIPS))
            write_part(path, ((name, conform(rows, schema)) for name, rows in clips), schema)
            ways: dict[str, Callable[[], object]] = {
                "read whole": partial(read_table, path),
                "read clip by clip": partial(clip_by_clip, path),
                "checksum": partial(checksum, path),
                "CRC-32 (zlib)": partial(crc_32, path),
                "SHA-256": partial(sha_256, path),
            }
            seconds = take_turns(ways, ROUNDS, process_time)
            size = path.stat().st_size / 1e6
            whole, by_clip = seconds["read whole"], seconds["read clip by clip"]
            rows += [
                [
                    f"{schema.name}, {size:.0f} MB: {way}",
                    f"{1000 * time:.1f}",
                    f"{time / whole:.3f}",
                    f"{time / by_clip:.3f}",
                ]
                for way, time in seconds.items()
            ]
    return [
        Table(
            f"{CLIPS} clips of {FRAMES / 25:g} s.",
            "Target of the checksum: 0.1 in the last two columns. Most of it is the copy out of the"
            f" system's cache, which every reader needs too. CPU time, best of {ROUNDS}.",
            ["table", "ms", "times reading it whole", "times reading it clip by clip"],
            rows,
        )
    ]


def made(schema: Schema, seed: int) -> dict[str, Any]:
    """Return a clip's rows as the stages make them, of random values."""
    rng = np.random.default_rng(seed)
    clip_id = f"{seed:03}"
    if schema is SPEECH:
        sound = {"sample_rate": [16000], "pcm": [rng.bytes(2 * 16000 * FRAMES // 25)]}
        return {"clip_id": [clip_id], **sound, "intervals": [[[0.5, 2.5]]]}
    frames = np.arange(FRAMES)
    told = {"clip_id": [clip_id] * FRAMES, "frame": frames, "time": frames / 25}
    if schema is VIDEO:
        return {**told, "descriptor": rng.normal(size=(FRAMES, 128)).astype(np.float32)}
    return {
        **told,
        "state": ["tracked"] * FRAMES,
        "box": rng.random((FRAMES, 4), np.float32),
        "score": rng.random(FRAMES, np.float32),
        "landmarks": rng.random((FRAMES, 136), np.float32),
        "chip": [rng.bytes(15_000) for _ in frames],  # a JPEG of 224 x 224
        "thumbnail": [rng.bytes(256) for _ in frames],
    }


def clip_by_clip(path: Path) -> None:
    """Read a table as stages do."""
    for _ in iter_clips(path):
        pass


def crc_32(path: Path) -> int:
    """Return the CRC-32 of a file, block by block."""
    block, crc = memoryview(bytearray(2**18)), 0
    with path.open("rb", buffering=0) as file:
        while n := file.readinto(block):
            crc = zlib.crc32(block[:n], crc)
    return crc


def sha_256(path: Path) -> bytes:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
