"""The table of predicted arousal and valence over time, of validation and test recordings."""

import pyarrow as pa

from avlib.runtime.tables.schema import INT, TEXT, Schema

PREDICTED_TRACES = Schema(
    "predicted_traces",
    key=("clip_id", "fold", "model", "scenario", "seed", "frame"),
    columns={
        "clip_id": TEXT,
        "fold": INT,
        **dict.fromkeys(("part", "model", "scenario"), TEXT),
        **dict.fromkeys(("seed", "frame"), INT),
        **dict.fromkeys(("arousal", "valence", "arousal_raw", "valence_raw"), pa.float32()),
    },
)
