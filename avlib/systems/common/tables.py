"""What every system writes about the test clips."""

from avlib.runtime.tables.schema import INT, TEXT, VECTOR, Schema

PREDICTIONS = Schema(
    "predictions",
    key=("clip_id", "fold", "model", "condition"),
    columns={
        "clip_id": TEXT,
        "fold": INT,
        **dict.fromkeys(("model", "condition", "modalities", "emotion", "predicted"), TEXT),
    },
    prefix="prob_",
)
EMBEDDINGS = Schema(
    "embeddings",
    key=("clip_id", "fold", "model"),
    columns={
        "clip_id": TEXT,
        "fold": INT,
        "model": TEXT,
        **dict.fromkeys(("audio", "video", "joint"), VECTOR),
    },
    nullable=frozenset({"audio", "video", "joint"}),
)
