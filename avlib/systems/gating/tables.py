"""The table of decisions after each window."""

from avlib.runtime.tables.schema import FLOAT, INT, TEXT, Schema

GATES = Schema(
    "gates",
    key=("clip_id", "fold", "model", "condition", "gate"),
    columns={
        "clip_id": TEXT,
        "fold": INT,
        **dict.fromkeys(("model", "condition"), TEXT),
        "gate": INT,
        "time": FLOAT,
        "open": INT,
        **dict.fromkeys(("emotion", "predicted"), TEXT),
    },
    prefix="prob_",
)
