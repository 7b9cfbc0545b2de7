"""Find, follow, landmark and align the face in every frame."""

from avlib.faces.clip import face_rows
from avlib.faces.tables import FACES
from avlib.params import load
from avlib.runtime import paths
from avlib.runtime.clip_tasks import failed_clips, recording_tasks
from avlib.runtime.per_clip import run_per_clip
from avlib.runtime.stage import run

PARAMS = ("faces", "limits", "max_failed_fraction", "modalities")


def main() -> None:
    """Write ``data/faces`` and the status of every clip."""
    params = load(PARAMS)
    run_per_clip(
        "faces",
        face_rows,
        recording_tasks("video", params.modalities),
        skipped=failed_clips(paths.status("clips")),
        out=paths.FACES,
        status=paths.status("faces"),
        keys_file=paths.keys_file("faces"),
        schema=FACES,
        params=params.faces.model_dump(),
        max_failed_fraction=params.max_failed_fraction,
        limits=params.limits,
    )


if __name__ == "__main__":
    run(main)
