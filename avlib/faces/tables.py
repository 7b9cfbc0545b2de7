"""The table of the face in every frame."""

import pyarrow as pa

from avlib.runtime.tables.schema import BYTES, FLOAT, INT, TEXT, Schema, list_of

FACES = Schema(
    "faces",
    key=("clip_id", "frame"),
    columns={
        "clip_id": TEXT,
        "frame": INT,
        "time": FLOAT,
        "state": TEXT,
        "box": list_of(pa.float32(), 4),
        "score": pa.float32(),
        "landmarks": list_of(pa.float32(), 136),
        "chip": BYTES,
        "thumbnail": BYTES,
    },
    nullable=frozenset({"box", "score", "landmarks", "chip"}),
    per_clip=True,
)
