"""List the recordings with their labels, checksums and media properties, and continuous labels."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pandas as pd

from avlib.corpora.common.base import Listing
from avlib.corpora.common.relabel import relabelled
from avlib.corpora.common.remembered import describe_new
from avlib.corpora.common.tables import CLIPS, TRACES, VOTES
from avlib.corpora.common.watched import require_watched
from avlib.params import load
from avlib.registry import reader
from avlib.runtime import paths, tables
from avlib.runtime.errors import DataError
from avlib.runtime.parallel import Failure
from avlib.runtime.per_clip import CLIP_STATUS, stop_when_too_many_failed
from avlib.runtime.stage import run
from avlib.runtime.tables.schema import TEXT

PARAMS = ("corpus", "subset", "members", "labels", "max_failed_fraction")
SAID = 5  # reasons for which clips are degraded, the commonest; the status table has all

# With what a user's own table says beside the columns that all corpora have.
EXTENDED = replace(
    CLIPS, columns={**CLIPS.columns, "extra": TEXT}, nullable=CLIPS.nullable | {"extra"}
)


def main() -> None:
    """Write the tables of clips, votes, continuous labels and statuses, and ``data/corpus.json``.

    A clip is what a table of the corpus names, or a file that looks like one. Clips that cannot be
    had any more (`Listing.missing`) are failed clips, but none that stop the run.
    """
    params = load(PARAMS)
    corpus = reader(params.corpus)
    require_watched(corpus, params.members)
    whole = corpus.recordings(paths.RAW / params.corpus, params.subset)
    found = {"corpus": params.corpus, **_counts(whole)}
    paths.CORPUS.write_text(json.dumps(found, indent=2) + "\n")
    listing = relabelled(whole, params.labels)
    for note in listing.notes:
        print(note)
    status = [(path, "failed", reason) for path, reason in listing.unrecognised]
    rows = []
    for recording, result in describe_new(listing.recordings, paths.RAW):
        clip_id = recording.clip_id
        if isinstance(result, Failure):
            status.append((clip_id, "failed", result.reason))
        else:
            rows.append(result.row)
            status.append((clip_id, result.status, result.reason))
    counted = Counter(reason for _, verdict, reason in status if verdict == "degraded")
    for reason, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:SAID]:
        print(f"{count:,} degraded: {reason}")
    table = pd.DataFrame(status, columns=["clip_id", "status", "reason"]).assign(stage="clips")
    failed = {clip_id: reason for clip_id, verdict, reason in status if verdict == "failed"}
    table = pd.concat([table, _missing(listing)])
    tables.write_table(paths.status("clips"), table, CLIP_STATUS)
    stop_when_too_many_failed("clips", failed, len(status), params.max_failed_fraction)
    if not rows:
        clip_id, reason = next(iter(failed.items()), ("", "no recording is here"))
        raise DataError(f"clips: none of {len(status):,} clips can be used; {clip_id}: {reason}")
    clips = pd.DataFrame(rows)
    tables.write_table(paths.CLIPS, clips, EXTENDED if "extra" in clips else CLIPS)
    tables.write_table(paths.VOTES, listing.votes, VOTES)
    traces = listing.traces[listing.traces["clip_id"].isin([row["clip_id"] for row in rows])]
    traces = traces.assign(frame=traces.groupby("clip_id").cumcount())
    tables.write_table(paths.TRACES, traces, TRACES)


def _counts(listing: Listing) -> dict[str, Any]:
    """Return what a corpus's folder holds, in numbers and words, as JSON knows them."""
    return {
        "clips": len(listing.recordings),
        "subjects": len({recording.subject for recording in listing.recordings}),
        "unrecognised": len(listing.unrecognised),
        "missing": len(listing.missing),
        "left_out": {kind: len(items) for kind, items in sorted(listing.left_out.items())},
        "notes": listing.notes,
    }


def _missing(listing: Listing) -> pd.DataFrame:
    rows = pd.DataFrame(listing.missing, columns=["clip_id", "reason"], dtype=str)
    return rows.assign(status="failed", stage="clips")


if __name__ == "__main__":
    run(main)
