"""Clips that somebody else computed: what `dvc pull` brought is as good as a memory.

A stage writes beside its table under which key each clip's value stands there (``data/keys``). DVC
removes both before it runs the stage again, but its cache has them still, and ``dvc.lock`` says
under which digests.
"""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from avlib.runtime.memo import Memo, Remembered
from avlib.runtime.seal import read_sealed
from avlib.runtime.tables import clip_refs, part_path

_LOCK = Path("dvc.lock")


def recall(memo: Memo, out: Path, keys_file: Path) -> None:
    """Fill a memory that holds no part from DVC's cache, where that has the stage's last run.

    Parameters
    ----------
    memo
        Of the stage, held.
    out
        Folder of the table; an output of DVC's, or a folder in one.
    keys_file
        What `write_keys` wrote.
    """
    if any(memo.parts.glob("*.json")):
        return
    cached = _cached(out, keys_file.parent)
    if not (listed := cached.get(keys_file)):
        return
    for part, clips in json.loads(listed.read_text()).items():
        file = cached.get(part_path(out, part))
        if file is not None and [ref.clip_id for ref in clip_refs(file)] == sorted(clips):
            found = {
                clip: Remembered(said["key"], said["status"], said["reason"], file)
                for clip, said in clips.items()
            }
            memo.keep_part(part, file, found)


def write_keys(memo: Memo, parts: list[str], keys_file: Path) -> None:
    """Write under which key each clip of some parts stands, for `recall`."""
    known = {}
    for part in sorted(parts):
        sidecar = part_path(memo.parts, part).with_suffix(".json")
        known[part] = json.loads(read_sealed(sidecar) or b'{"clips": {}}')["clips"]
    keys_file.parent.mkdir(parents=True, exist_ok=True)
    keys_file.write_text(json.dumps(known, indent=0, sort_keys=True) + "\n")


def _cached(*folders: Path) -> Mapping[Path, Path]:
    """Return where DVC's cache holds the files of the outputs that hold some folders, by name."""
    if not _LOCK.is_file():
        return {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    stages = (yaml.load(_LOCK.read_text(), loader) or {}).get("stages", {})
    digests = {
        Path(said["path"]): said["md5"]
        for stage in stages.values()
        for said in stage.get("outs", ())
        if "md5" in said and any(folder.is_relative_to(said["path"]) for folder in folders)
    }
    if len(digests) < len(folders):
        return {}
    from dvc.exceptions import NotDvcRepoError  # half a second
    from dvc.repo import Repo

    found: dict[Path, Path] = {}
    with contextlib.suppress(NotDvcRepoError), Repo() as repo:
        for folder, digest in digests.items():
            listing = Path(repo.cache.local.oid_to_path(digest))
            if not listing.is_file():  # never pulled
                return {}
            for entry in json.loads(listing.read_text()):
                file = Path(repo.cache.local.oid_to_path(entry["md5"]))
                if file.is_file():
                    found[folder / entry["relpath"]] = file
    return found
