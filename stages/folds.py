"""Divide the clips into training, validation and test parts, and check that nothing leaks."""

from typing import Any

from avlib.corpora.published_folds import published_folds, remarks
from avlib.params import load
from avlib.protocols import (
    FOLDS,
    check_folds,
    drawn_from,
    enrol,
    left_by_partition,
    make_folds,
    set_apart,
    with_auxiliary,
)
from avlib.runtime import paths, tables
from avlib.runtime.errors import ParamsError
from avlib.runtime.stage import run

PARAMS = ("avef.transfer", "corpus", "emobed.auxiliary", "protocol", "speakers")


def main() -> None:
    """Write ``data/folds.parquet``."""
    params = load(PARAMS)
    protocol = params.protocol
    setting, helpers = _helpers(params.emobed.auxiliary, params.avef.transfer)
    if protocol.name == "cross_corpus" and (both := {*protocol.train, *protocol.test} & {*helpers}):
        raise ParamsError(
            f"{setting} names {', '.join(sorted(both))}, and so does protocol.train or test: what"
            " only helps to train is neither; take it out of one of the two"
        )
    clips = tables.read_table(paths.CLIPS)
    published: list[list[str]] = []
    if protocol.folds is not None:
        published = published_folds(params.corpus, protocol.folds)
        for remark in remarks(protocol.folds, published, clips["subject"].dropna()):
            print(remark)
    divided, helping = set_apart(clips, helpers, setting) if helpers else (clips, None)
    settings = protocol.model_dump(exclude={"name", "folds"})
    folds = make_folds(divided, protocol=protocol.name, published=published, **settings)
    if protocol.name == "official" and (line := left_by_partition(divided, folds)):
        print(line)
    if params.speakers.normalise == "enrolled":
        folds = enrol(folds, clips, params.speakers.enrolled_clips)
    if helping is not None:
        folds = with_auxiliary(folds, clips, helping)
    check_folds(folds, clips, protocol.name, protocol.validation_by)
    tables.write_table(paths.FOLDS, folds, FOLDS, {"drawn_from": drawn_from(clips)})


def _helpers(auxiliary: Any, transfer: list[str]) -> tuple[str, list[str]]:
    """Return the setting that names members that only help to train, and these."""
    if auxiliary and transfer:
        raise ParamsError(
            f"emobed.auxiliary is {auxiliary.corpus} and avef.transfer is {transfer}, and what"
            " helps one system must not be unknown to the other: set one of the two"
        )
    if auxiliary:
        return "emobed.auxiliary", [auxiliary.corpus]
    return "avef.transfer", transfer


if __name__ == "__main__":
    run(main)
