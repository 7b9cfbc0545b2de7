"""Corrupted test clips: their vectors, and what is predicted of them."""

from avlib.runtime.tables.schema import FLOAT, INT, TEXT, VECTOR, Schema

ROBUSTNESS = Schema(
    "robustness",
    key=("clip_id", "fold", "model", "corruption", "level"),
    columns={
        "clip_id": TEXT,
        "fold": INT,
        **dict.fromkeys(("model", "corruption"), TEXT),
        "level": FLOAT,
        **dict.fromkeys(("modalities", "emotion", "predicted"), TEXT),
    },
    prefix="prob_",
)
CORRUPTED = Schema(  # lies in the memory alone
    "corrupted",
    key=("clip_id", "corruption", "level"),
    columns={"clip_id": TEXT, "corruption": TEXT, "level": FLOAT, "vector": VECTOR},
    per_clip=True,
)
