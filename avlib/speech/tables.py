"""The table of each recording's sound."""

from avlib.runtime.tables.schema import BYTES, FLOAT, INT, TEXT, Schema, list_of

SPEECH = Schema(
    "speech",
    key=("clip_id",),
    columns={
        "clip_id": TEXT,
        "sample_rate": INT,
        "pcm": BYTES,
        "intervals": list_of(list_of(FLOAT, 2)),
    },
    per_clip=True,
)
