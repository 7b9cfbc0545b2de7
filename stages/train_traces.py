"""Train EmoBed to follow arousal and valence over time, in every fold, and apply it."""

from avlib import tables
from avlib.models.traces import folds
from avlib.params import load
from avlib.stage import run

PARAMS = ("modalities", "protocol", "traces")


def main() -> None:
    """Write models and predicted traces; a corpus without continuous labels has none."""
    params = load(PARAMS)
    tested = tables.read_table("data/folds.parquet", ["clip_id"])["clip_id"]
    labelled = tables.read_table("data/traces.parquet", ["clip_id"])["clip_id"]
    if not params.traces.train or not labelled.isin(tested).any():
        folds.skip()
        return
    settings = params.traces.model_dump(exclude={"train"})
    folds.train_traces(settings, params.modalities, params.protocol.name)


if __name__ == "__main__":
    run(main)
