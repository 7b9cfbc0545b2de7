"""Divide the clips into training, validation and test parts, and check that nothing leaks."""

from avlib.corpora.published_folds import published_folds, remarks
from avlib.params import load
from avlib.protocols import FOLDS, check_folds, drawn_from, enrol, make_folds
from avlib.runtime import paths, tables
from avlib.runtime.stage import run

PARAMS = ("corpus", "protocol", "speakers")


def main() -> None:
    """Write ``data/folds.parquet``."""
    params = load(PARAMS)
    protocol = params.protocol
    clips = tables.read_table(paths.CLIPS)
    published: list[list[str]] = []
    if protocol.folds is not None:
        published = published_folds(params.corpus, protocol.folds)
        for remark in remarks(protocol.folds, published, clips["subject"].dropna()):
            print(remark)
    settings = protocol.model_dump(exclude={"name", "folds"})
    folds = make_folds(clips, protocol=protocol.name, published=published, **settings)
    if params.speakers.normalise == "enrolled":
        folds = enrol(folds, clips, params.speakers.enrolled_clips)
    check_folds(folds, clips, protocol.name, protocol.validation_by)
    tables.write_table(paths.FOLDS, folds, FOLDS, {"drawn_from": drawn_from(clips)})


if __name__ == "__main__":
    run(main)
