"""The table of decisions on binary arousal and valence."""

from avlib.runtime.tables.schema import FLOAT, INT, TEXT, Schema

BINARY = Schema(
    "binary",
    key=("clip_id", "fold", "model", "condition", "task"),
    columns={
        "clip_id": TEXT,
        "fold": INT,
        **dict.fromkeys(("model", "condition", "task", "modalities", "label", "predicted"), TEXT),
        "probability": FLOAT,  # of what is predicted; one less that is the other label's
    },
)
