"""Find clips whose sound or pictures are those of another, though their bytes may differ."""

from avlib.copies.corpus import MEDIA, copies_among, fingerprints_of
from avlib.copies.tables import COPIES, FINGERPRINTS
from avlib.runtime import paths, tables
from avlib.runtime.stage import run

PARAMS = ()


def main() -> None:
    """Write ``data/fingerprints.parquet`` and ``data/copies.parquet``."""
    fingerprints = fingerprints_of(paths.SPEECH, paths.FACES)
    copies = copies_among(fingerprints)
    for medium in MEDIA:
        alike = copies[copies["medium"] == medium]
        if len(alike):
            one, other = alike.loc[alike["same_as"] == alike["same_as"].iloc[0], "clip_id"].iloc[:2]
            print(
                f"{len(alike)} clips have the {medium} of another, {one} and {other} for example"
                f" ({paths.COPIES}); a fold that puts such clips on both sides stops the run"
            )
    tables.write_table(paths.FINGERPRINTS, fingerprints, FINGERPRINTS)
    tables.write_table(paths.COPIES, copies, COPIES)


if __name__ == "__main__":
    run(main)
