"""Descriptions of recordings, each made once: what stage `clips` remembers of an earlier run."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from avlib.corpora.common.base import Recording
from avlib.corpora.common.describe import Described, describe, describe_all, version
from avlib.runtime import paths
from avlib.runtime.files import atomic_path
from avlib.runtime.memo import code_fingerprint, digest_of, locked
from avlib.runtime.parallel import Failure
from avlib.runtime.seal import read_sealed, seal

STAGE = "clips"


def describe_new(
    recordings: Sequence[Recording], raw: Path
) -> Iterator[tuple[Recording, Described | Failure]]:
    """Describe the recordings that were not described before; return the others as they were.

    A recording is known again by its facts and by time, size and inode of its files, as DVC knows
    them. Failures are not remembered.

    Parameters
    ----------
    recordings, raw
        As of `describe_all`.
    """
    memory = paths.MEMO / STAGE
    code = code_fingerprint(describe)
    with locked(memory):
        places = {one.clip_id: memory / f"{_key(one, raw, code)}.json" for one in recordings}
        known = {clip_id: _read(place) for clip_id, place in places.items()}
        rest = []
        for recording in recordings:
            if found := known[recording.clip_id]:
                yield recording, found
            else:
                rest.append(recording)
        for recording, result in describe_all(rest, raw):
            if isinstance(result, Described):
                _write(places[recording.clip_id], result)
            yield recording, result
        for path in set(memory.iterdir()) - set(places.values()):
            path.unlink()
    logging.getLogger(__name__).info(
        f"{STAGE}: described {len(rest)}, from memory {len(recordings) - len(rest)}"
    )


def _key(recording: Recording, raw: Path, code: str) -> str:
    files = [raw / recording.corpus / path for path in sorted(recording.files)]
    return digest_of([STAGE, code, recording, [(str(path), version(path)) for path in files]])


def _write(place: Path, described: Described) -> None:
    with atomic_path(place) as temporary:
        temporary.write_text(json.dumps(asdict(described)))
        seal(temporary)


def _read(place: Path) -> Described | None:
    text = read_sealed(place)
    if text is None and place.is_file():
        logging.getLogger(__name__).warning(f"{place}: changed since it was kept; described again")
    return None if text is None else Described(**json.loads(text))
