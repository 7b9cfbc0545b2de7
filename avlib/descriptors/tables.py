"""The tables of described frames, one for each modality."""

from avlib.runtime.tables.schema import FLOAT, INT, TEXT, VECTOR, Schema


def _described(name: str) -> Schema:
    return Schema(
        name,
        key=("clip_id", "frame"),
        columns={"clip_id": TEXT, "frame": INT, "time": FLOAT, "descriptor": VECTOR},
        per_clip=True,
    )


AUDIO, VIDEO = _described("audio"), _described("video")
