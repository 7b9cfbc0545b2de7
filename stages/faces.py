"""Find, follow, landmark and align the face in every frame."""

from pathlib import Path

from avlib.clipwise import run_clipwise
from avlib.faces.clip import face_rows
from avlib.params import load
from avlib.stage import STATUS, run
from avlib.tasks import failed_clips, recording_tasks

PARAMS = ("corpus", "faces", "max_failed_fraction", "modalities")


def main() -> None:
    """Write ``data/faces`` and the status of every clip."""
    params = load(PARAMS)
    run_clipwise(
        "faces",
        face_rows,
        recording_tasks(params.corpus, "video", params.modalities),
        skipped=failed_clips(STATUS / "clips.parquet"),
        out=Path("data/faces"),
        status=STATUS / "faces.parquet",
        schema_name="faces",
        params=params.faces.model_dump(),
        max_failed_fraction=params.max_failed_fraction,
    )


if __name__ == "__main__":
    run(main)
