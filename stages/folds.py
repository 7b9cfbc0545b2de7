"""Divide the clips into training, validation and test parts, and check that nothing leaks."""

from pathlib import Path

from avlib.params import load
from avlib.protocols import FOLDS, check_folds, make_folds
from avlib.runtime import tables
from avlib.runtime.stage import run

PARAMS = ("protocol",)


def main() -> None:
    """Write ``data/folds.parquet``."""
    protocol = load(PARAMS).protocol
    clips = tables.read_table("data/clips.parquet")
    folds = make_folds(
        clips,
        protocol=protocol.name,
        k=protocol.k,
        validation=protocol.validation,
        seed=protocol.seed,
    )
    check_folds(folds, clips, protocol.name)
    tables.write_table(Path("data/folds.parquet"), folds, FOLDS)


if __name__ == "__main__":
    run(main)
