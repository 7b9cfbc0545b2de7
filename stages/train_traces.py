"""Train EmoBed to follow arousal and valence over time, in every fold, and apply it."""

from pathlib import Path

from avlib.params import load
from avlib.runtime import tables
from avlib.runtime.stage import RAW, run
from avlib.systems.emobed.traces.tables import PREDICTED_TRACES

PARAMS = ("corpus", "modalities", "protocol", "traces")


def main() -> None:
    """Write models and predicted traces; a corpus without continuous labels has none."""
    params = load(PARAMS)
    tested = tables.read_table("data/folds.parquet", ["clip_id"])["clip_id"]
    labelled = tables.read_table("data/traces.parquet", ["clip_id"])["clip_id"]
    if not params.traces.train or not labelled.isin(tested).any():
        empty = tables.no_rows(PREDICTED_TRACES)
        tables.write_table("data/predicted_traces.parquet", empty, PREDICTED_TRACES)
        Path("data/trace_models").mkdir(parents=True, exist_ok=True)
        return
    from avlib.systems.emobed.traces.folds import train_traces  # loads torch, which takes seconds

    settings = params.traces.model_dump(exclude={"train"})
    train_traces(settings, params.modalities, params.protocol.name, RAW / params.corpus)


if __name__ == "__main__":
    run(main)
