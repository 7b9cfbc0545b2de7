"""The table of Fisher vectors."""

from avlib.runtime.tables.schema import INT, TEXT, VECTOR, Schema

FISHER = Schema(
    "fisher",
    key=("clip_id", "fold"),
    columns={"clip_id": TEXT, "fold": INT, "audio": VECTOR, "video": VECTOR},
    nullable=frozenset({"audio", "video"}),
)
