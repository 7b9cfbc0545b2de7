"""The tables that the clips stage makes of a corpus."""

from avlib.runtime.tables.schema import FLOAT, INT, TEXT, Schema

_NUMBERS = ("arousal", "valence", "age", "start", "end", "duration", "fps")
_COUNTS = ("width", "height", "sample_rate", "channels")
_COLUMNS = (
    *("clip_id", "corpus", "subject", "emotion", "arousal", "valence", "sentence", "intensity"),
    *("take", "partition", "sex", "age", "vote_voice", "vote_face", "vote_multimodal"),
    *("original_emotion", "binary_arousal", "binary_valence", "video_path", "audio_path"),
    *("sha256", "video_sha256", "audio_sha256", "start", "end", "duration", "fps", *_COUNTS),
)
CLIPS = Schema(
    "clips",
    key=("clip_id",),
    columns={
        column: FLOAT if column in _NUMBERS else INT if column in _COUNTS else TEXT
        for column in _COLUMNS
    },
    nullable=frozenset(_COLUMNS) - {"clip_id", "corpus", "subject", "sha256"},
)
VOTES = Schema(
    "votes",
    key=("clip_id", "modality", "emotion"),
    columns={**dict.fromkeys(("clip_id", "modality", "emotion"), TEXT), "ratings": INT},
)
TRACES = Schema(
    "traces",
    key=("clip_id", "frame"),
    columns={"clip_id": TEXT, "frame": INT, **dict.fromkeys(("time", "arousal", "valence"), FLOAT)},
    nullable=frozenset({"arousal", "valence"}),
    per_clip=True,
)
