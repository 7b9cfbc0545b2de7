"""Describe every face chip with the face network."""

from pathlib import Path

from avlib.corpora.common.describe import file_digest
from avlib.descriptors.face_network import network_file
from avlib.descriptors.tables import VISUAL
from avlib.descriptors.visual_clip import visual_rows
from avlib.params import load
from avlib.runtime.clip_tasks import failed_clips, table_tasks
from avlib.runtime.per_clip import run_clipwise
from avlib.runtime.stage import STATUS, run

PARAMS = ("max_failed_fraction", "visual")


def main() -> None:
    """Write ``data/visual`` and the status of every clip."""
    params = load(PARAMS)
    status = STATUS / "faces.parquet"
    weights = network_file(Path("data/face_model"))
    extra = {"weights": str(weights.absolute()) if weights else None}
    network = {"network": file_digest(weights) if weights else ""}
    run_clipwise(
        "visual_features",
        visual_rows,
        table_tasks(Path("data/faces"), status, extra),
        skipped=failed_clips(status),
        out=Path("data/visual"),
        status=STATUS / "visual_features.parquet",
        schema=VISUAL,
        params=params.visual.model_dump() | network,
        max_failed_fraction=params.max_failed_fraction,
    )


if __name__ == "__main__":
    run(main)
