"""The tables of test clips and moments in the space that both modalities share, on request."""

from dataclasses import replace

from avlib.runtime.tables.schema import FLOAT, INT, TEXT, VECTOR, Schema

SHARED_FILE = "shared_space.parquet"  # in a model's folder

# A test clip as a modality's subnetwork embeds it, in the network that was trained for a target.
SHARED_SPACE = Schema(
    "shared_space",
    key=("target", "modality", "clip_id"),
    columns={**dict.fromkeys(("target", "modality", "clip_id"), TEXT), "embedding": VECTOR},
)
# Likewise a moment. Labels are what the network was to say of it, less their training mean.
SHARED_MOMENTS = replace(
    SHARED_SPACE,
    name="shared_moments",
    key=(*SHARED_SPACE.key, "frame"),
    columns={
        **SHARED_SPACE.columns,
        "frame": INT,
        "part": TEXT,
        **dict.fromkeys(("arousal", "valence"), FLOAT),
    },
    nullable=frozenset({"arousal", "valence"}),
)
