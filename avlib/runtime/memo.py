"""The memory of per-clip stages: values of finished clips, kept outside of DVC's outputs.

DVC deletes a stage's outputs before it runs the stage, so what an earlier run computed survives
only here, under ``.memo/<stage>/``:

``clips/<key>.arrow``
    The value of one clip, written by the worker that computed it; what an interrupted run left.
``parts/<part>.<digest>.parquet`` and ``parts/<part>.json``
    Once a part of the table stands, its clips are dropped and the part is hard-linked here, which
    takes no space; the part that it replaces goes when the run ends. The sidecar says which file
    holds the part, and under which key each clip is.

A value's key is made of everything that the value depends on (see `clip_key`), so a value under
the right key is the right value, as long as its bytes are those that were written: checksums tell,
whenever it is used again. Failures are not remembered: trying again costs little, and the cause may
have been the machine's.
"""

import contextlib
import fcntl
import hashlib
import itertools
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from avlib.runtime import provenance
from avlib.runtime.files import atomic_path, link, remove_temporaries
from avlib.runtime.seal import checksum, is_intact, own_length, read_sealed, seal
from avlib.runtime.tables import Groups, clip_refs, part_path, row_groups


@dataclass(frozen=True)
class Remembered:
    """What is remembered of a clip: its key, its verdict, and where its rows lie.

    They lie in a row group of a part, in several of a clip that came in pieces, or (None) in a file
    of their own.
    """

    key: str
    status: str
    reason: str
    path: Path
    row_group: Groups | None = None

    def rows(
        self, open_part: Callable[[Path], pq.ParquetFile] = pq.ParquetFile
    ) -> pa.Table | Iterator[pa.Table]:
        """Read the clip's rows, from a part as `open_part` gives it; in pieces if they came so."""
        if isinstance(self.row_group, int):
            return open_part(self.path).read_row_group(self.row_group)
        if self.row_group is not None:
            return map(open_part(self.path).read_row_group, self.row_group)
        with pa.OSFile(str(self.path)) as file:
            kept = pa.ipc.open_file(file, footer_offset=own_length(self.path))
            return kept.read_all() if kept.num_record_batches <= 1 else self._pieces()

    def _pieces(self) -> Iterator[pa.Table]:
        with pa.OSFile(str(self.path)) as file:
            kept = pa.ipc.open_file(file, footer_offset=own_length(self.path))
            for number in range(kept.num_record_batches):
                yield pa.Table.from_batches([kept.get_batch(number)])


def code_fingerprint(function: Callable[..., Any], *further: Callable[..., Any]) -> str:
    """Return a digest of the code and library versions that a function's results depend on.

    The code is that of our modules which make results (`provenance.result_files`) in the import
    closure of the function's module, of those of what it reaches without an import (`further`), and
    of the tables, which give the files their bytes. Words are no code: a changed docstring or
    comment leaves the digest.
    """
    files = set(provenance.result_files("avlib.runtime.tables"))
    for code in (function, *further):
        files |= set(provenance.result_files(sys.modules[code.__module__]))
    return digest_of([provenance.code_digests(files), provenance.third_party(files)])


def clip_key(stage: str, clip_id: str, digest: str, params: Any, fingerprint: str) -> str:
    """Return the name of a clip's value: a digest of all that the value depends on.

    Parameters
    ----------
    stage, clip_id
        What is computed, of which clip.
    digest
        Digest of the clip's input bytes.
    params
        The stage's parameters, as JSON knows them; a dataclass stands for its class's name and
        the fields by which two of them are compared.
    fingerprint
        Digest of the code (see `code_fingerprint`).
    """
    return digest_of([stage, clip_id, digest, params, fingerprint])


def save_clip(path: Path, rows: pa.Table | Iterator[pa.Table], status: str, reason: str) -> None:
    """Write the value of one clip, whole or not at all, and seal it; rows may come in pieces."""
    pieces = iter([rows]) if isinstance(rows, pa.Table) else rows
    first = next(pieces)
    schema = first.schema.with_metadata({"status": status, "reason": reason})
    with atomic_path(path) as temporary:
        with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            for piece in itertools.chain([first], pieces):
                writer.write_table(piece)
        seal(temporary)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder of the memory; a second process that wants it waits for the first."""
    inherit(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logging.getLogger(__name__).info("%s: waiting for another run to end", folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:  # a file system without locks: names are unique, so nothing breaks
            pass
        yield


def inherit(folder: Path) -> None:
    """Let the copy of the project that DVC makes for a queued experiment begin with our memory.

    DVC tells the copy's stages where the project itself is, in ``DVC_ROOT``. Files are linked; what
    is being written there meanwhile is not whole here, and is computed again. Checkpoints are left
    out: training writes into them.
    """
    root = Path(os.environ.get("DVC_ROOT", "."))
    own = folder.absolute()
    if folder.exists() or root.resolve() == Path.cwd() or not own.is_relative_to(Path.cwd()):
        return
    ours = root / own.relative_to(Path.cwd())
    left_out = shutil.ignore_patterns("checkpoints", "*.tmp", "*.lock")
    with contextlib.suppress(OSError, shutil.Error):
        shutil.copytree(ours, own, copy_function=os.link, ignore=left_out)


class Memo:
    """What is remembered for one stage.

    Parameters
    ----------
    folder
        The memory of all stages.
    stage
        Name of the stage.
    """

    def __init__(self, folder: Path, stage: str) -> None:
        self.clips = folder / stage / "clips"
        self.parts = folder / stage / "parts"
        self._known: dict[str, Remembered] | None = None
        self._seals: dict[Path, tuple[list[int], str]] = {}  # of each part, as its sidecar has them
        self._intact: dict[Path, bool] = {}

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the stage's memory; a second run of the same stage waits for the first."""
        with locked(self.clips.parent):
            self.clips.mkdir(exist_ok=True)
            self.parts.mkdir(exist_ok=True)
            for folder in (self.clips, self.parts):
                remove_temporaries(folder)
            yield

    def clip_path(self, key: str) -> Path:
        """Return the file of a clip's value that stands on its own."""
        return self.clips / f"{key}.arrow"

    def find(self, clip_id: str, key: str) -> Remembered | None:
        """Return what is remembered of a clip under a key."""
        if self._known is None:
            self._known = dict(self._read_parts())
        known = self._known.get(clip_id)
        if known is not None and known.key == key and self._is_intact(known.path):
            return known
        path = self.clip_path(key)
        if not path.is_file():
            return None
        if not is_intact(path):  # or cut short by a power failure
            _drop(path)
            return None
        with pa.OSFile(str(path)) as file:
            metadata = pa.ipc.open_file(file, footer_offset=own_length(path)).schema.metadata
        return Remembered(key, metadata[b"status"].decode(), metadata[b"reason"].decode(), path)

    def _read_parts(self) -> Iterator[tuple[str, Remembered]]:
        for sidecar in sorted(self.parts.glob("*.json")):
            if (text := read_sealed(sidecar)) is None:
                _drop(sidecar)
                continue
            facts = json.loads(text)
            path = self.parts / facts["file"]
            self._seals[path] = facts["stamp"], facts["checksum"]
            # A part has a row group for each of its clips, or several, in their order.
            groups = row_groups([said.pop("groups", 1) for said in facts["clips"].values()])
            for (clip_id, said), group in zip(facts["clips"].items(), groups, strict=True):
                yield clip_id, Remembered(**said, path=path, row_group=group)

    def _is_intact(self, part: Path) -> bool:
        """Say whether a part is as it was kept; drop it where it is not.

        It may have been changed by whoever wrote into it, through whichever of its links, or by the
        disk. A part is read for that once, and only if a clip of it is asked for.
        """
        if part not in self._intact:
            said = self._seals[part]
            self._intact[part] = part.is_file() and said == (stamp(part), checksum(part))
            if not self._intact[part]:
                _drop(part)
        return self._intact[part]

    def keep_part(self, part: str, file: Path, found: Mapping[str, Remembered]) -> None:
        """Link a finished part of the table here, and drop what its clips had of their own.

        Where the file system has no hard links the part is copied, which takes its space twice.

        Parameters
        ----------
        part
            Name of the part.
        file
            The finished part file.
        found
            By clip_id, for exactly the clips in the file.
        """
        clips: dict[str, dict[str, Any]] = {
            clip_id: {"key": one.key, "status": one.status, "reason": one.reason}
            for clip_id, one in sorted(found.items())
        }
        for ref in clip_refs(file):
            if not isinstance(ref.row_group, int):
                clips[ref.clip_id]["groups"] = len(ref.row_group)
        sidecar = part_path(self.parts, part).with_suffix(".json")
        linked = self.parts / f"{sidecar.stem}.{digest_of(clips)[:16]}.parquet"
        if not (self._intact.get(linked) and linked.samefile(file)):  # else it is kept already
            link(file, linked)
            # The new file has its own name, so this one step switches from the old part to the new.
            with atomic_path(sidecar) as temporary:
                facts = {"file": linked.name, "stamp": stamp(linked), "checksum": checksum(linked)}
                temporary.write_text(json.dumps({**facts, "clips": clips}))
                seal(temporary)
        for one in found.values():
            self.clip_path(one.key).unlink(missing_ok=True)

    def forget_all_but(self, parts: Collection[str]) -> None:
        """Drop what is no part of the table any more, and values of clips that nothing uses."""
        sidecars = [part_path(self.parts, part).with_suffix(".json") for part in parts]
        known = [json.loads(read_sealed(path) or b"{}") for path in sidecars]
        kept = {self.parts / facts["file"] for facts in known if facts}
        for path in set(self.parts.iterdir()) - kept - set(sidecars):
            path.unlink()
        for path in self.clips.iterdir():
            path.unlink(missing_ok=True)


def _drop(path: Path) -> None:
    logging.getLogger(__name__).warning(
        "%s: changed since it was kept; what it held is computed again", path
    )
    path.unlink(missing_ok=True)


def stamp(path: Path) -> list[int]:
    """Return what changes when somebody writes into a file: its size, and when it changed, ns."""
    facts = path.stat()
    return [facts.st_size, facts.st_mtime_ns]


def digest_of(value: Any) -> str:
    """Return the sha256 of what JSON knows; of a dataclass's name and fields it compares by."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_settings
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _settings(value: Any) -> dict[str, Any]:
    """Return what a dataclass is, by which it is compared with others."""
    if not is_dataclass(value):
        raise TypeError(
            f"{value!r} has no place in a key; expected what JSON knows, or dataclasses"
        )
    compared = {f.name: getattr(value, f.name) for f in fields(value) if f.compare}
    return {"class": type(value).__qualname__, **compared}
