"""The table of predicted arousal and valence over time."""

import pyarrow as pa

from avlib.runtime.tables.schema import INT, TEXT, Schema

PREDICTED_TRACES = Schema(
    "predicted_traces",
    key=("clip_id", "fold", "model", "modality", "frame"),
    columns={
        "clip_id": TEXT,
        "fold": INT,
        **dict.fromkeys(("model", "modality"), TEXT),
        "frame": INT,
        **dict.fromkeys(("arousal", "valence", "arousal_raw", "valence_raw"), pa.float32()),
    },
)
