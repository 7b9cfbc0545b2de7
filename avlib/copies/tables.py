"""The tables of fingerprints, and of clips that are copies of each other."""

from avlib.runtime.tables.schema import BYTES, TEXT, Schema

FINGERPRINTS = Schema(
    "fingerprints",
    key=("clip_id",),
    columns={"clip_id": TEXT, "sound": BYTES, "pictures": BYTES},
    nullable=frozenset({"sound", "pictures"}),
)
COPIES = Schema(
    "copies",
    key=("clip_id", "medium"),
    columns=dict.fromkeys(("clip_id", "medium", "same_as"), TEXT),
)
