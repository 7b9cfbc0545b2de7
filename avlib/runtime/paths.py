"""Where the pipeline's artifacts stand, below the folder that a stage runs in.

docs/architecture.md says what each one holds.
"""

from pathlib import Path

DATA = Path("data")
RAW = DATA / "raw"
WEIGHTS = DATA / "weights"
STATUS = DATA / "status"
CHECKED = DATA / "checked.json"
CORPUS = DATA / "corpus.json"
READER = DATA / "reader.json"
MEMBERS = DATA / "members"
CLIPS = DATA / "clips.parquet"
VOTES = DATA / "votes.parquet"
TRACES = DATA / "traces.parquet"
FOLDS = DATA / "folds.parquet"
FINGERPRINTS = DATA / "fingerprints.parquet"
COPIES = DATA / "copies.parquet"
FACES = DATA / "faces"
SPEECH = DATA / "speech"
FACE_MODEL = DATA / "face_model"
DESCRIPTORS = {"audio": DATA / "audio", "video": DATA / "video"}
FISHER = DATA / "fisher"
FISHER_ENCODERS = DATA / "fisher_encoders"
MODELS = DATA / "models"
PREDICTIONS = DATA / "predictions"
FINAL = DATA / "final"
ROBUSTNESS = DATA / "robustness"
EMBEDDINGS = DATA / "embeddings"
METRICS = Path("metrics")
REPORT = Path("report")
MEMO = Path(".memo")  # what is remembered beside DVC's outputs


def views(modality: str) -> Path:
    """Return the folder of the tables that describe a modality beside its own descriptor."""
    return DATA / f"{modality}_views"


def status(stage: str) -> Path:
    """Return the status table of a per-clip stage."""
    return STATUS / f"{stage}.parquet"


def keys_file(stage: str, table: str = "") -> Path:
    """Return the file that says under which key each clip of a stage's table stands."""
    return DATA / "keys" / stage / f"{table or stage}.json"


def fold_number(path: Path) -> int:
    """Return the fold that a file or folder named ``fold-<k>`` belongs to."""
    return int(path.stem.removeprefix("fold-"))
