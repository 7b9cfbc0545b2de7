"""The tables that the clips stage makes of a corpus."""

from avlib.runtime.tables import FLOAT, INT, TEXT, Schema

_CLIP = {
    **dict.fromkeys(("clip_id", "corpus", "subject", "emotion"), TEXT),
    **dict.fromkeys(("arousal", "valence"), FLOAT),
    **dict.fromkeys(("sentence", "intensity", "take", "partition", "sex"), TEXT),
    "age": FLOAT,
    **dict.fromkeys(("vote_voice", "vote_face", "vote_multimodal"), TEXT),
    **dict.fromkeys(("original_emotion", "binary_arousal", "binary_valence"), TEXT),
    **dict.fromkeys(("video_path", "audio_path", "sha256"), TEXT),
    **dict.fromkeys(("start", "end"), FLOAT),
    **dict.fromkeys(("duration", "fps"), FLOAT),
    **dict.fromkeys(("width", "height", "sample_rate", "channels"), INT),
}
CLIPS = Schema(
    "clips",
    key=("clip_id",),
    columns=_CLIP,
    nullable=frozenset(_CLIP) - {"clip_id", "corpus", "subject", "sha256"},
)
VOTES = Schema(
    "votes",
    key=("clip_id", "modality", "emotion"),
    columns={**dict.fromkeys(("clip_id", "modality", "emotion"), TEXT), "ratings": INT},
)
TRACES = Schema(
    "traces",
    key=("clip_id", "frame"),
    columns={
        "clip_id": TEXT,
        "frame": INT,
        **dict.fromkeys(("time", "arousal", "valence"), FLOAT),
    },
    nullable=frozenset({"arousal", "valence"}),
    per_clip=True,
)
