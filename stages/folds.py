"""Divide the clips into training, validation and test parts, and check that nothing leaks."""

from avlib.params import load
from avlib.protocols import FOLDS, check_folds, make_folds
from avlib.runtime import paths, tables
from avlib.runtime.stage import run

PARAMS = ("protocol",)


def main() -> None:
    """Write ``data/folds.parquet``."""
    protocol = load(PARAMS).protocol
    clips = tables.read_table(paths.CLIPS)
    settings = protocol.model_dump(exclude={"name"})
    folds = make_folds(clips, protocol=protocol.name, **settings)
    check_folds(folds, clips, protocol.name)
    tables.write_table(paths.FOLDS, folds, FOLDS)


if __name__ == "__main__":
    run(main)
