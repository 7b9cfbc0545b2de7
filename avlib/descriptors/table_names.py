"""Which clip a table, or a cell of a table, names."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import pandas as pd

_QUOTES = " '\""


@dataclass(frozen=True)
class ClipNames:
    """What clips and their recordings are called.

    Attributes
    ----------
    clip_ids : set of str
    recordings : dict of str
        The clip_id by the path of its recording in the corpus, without the ending, and by each
        end of that path (``video/s1/an1``, ``s1/an1``, ``an1``) that no other clip's has.
    whole : set of str
        Those of these names that are a recording's path from the corpus's folder on.
    folders : dict of set of str
        By clip_id: the names of the folders that its recordings lie in.
    """

    clip_ids: frozenset[str]
    recordings: Mapping[str, str]
    whole: frozenset[str]
    folders: Mapping[str, Collection[str]]

    @classmethod
    def of(cls, clips: pd.DataFrame) -> "ClipNames":
        """Take them from the clips table."""
        owners: dict[str, set[str]] = {}
        paths: dict[str, set[str]] = {}
        folders: dict[str, set[str]] = {}
        for clip in clips[["clip_id", "video_path", "audio_path"]].to_dict("records"):
            for path in (clip["video_path"], clip["audio_path"]):
                if isinstance(path, str):
                    recording = PurePosixPath(path).with_suffix("")
                    folders.setdefault(clip["clip_id"], set()).update(recording.parent.parts)
                    if recording.parent.parts:
                        paths.setdefault(str(recording), set()).add(clip["clip_id"])
                    for end in _ends(recording):
                        owners.setdefault(end, set()).add(clip["clip_id"])
        owners |= paths  # s1/an1 is that recording, though there be an x/s1/an1 too
        recordings = {name: next(iter(ids)) for name, ids in owners.items() if len(ids) == 1}
        return cls(frozenset(clips["clip_id"]), recordings, frozenset(paths), folders)

    @cached_property
    def known_folders(self) -> frozenset[str]:
        """The names of all folders that recordings lie in."""
        return frozenset().union(*self.folders.values())

    def find(self, name: str, folders: Collection[str]) -> str | None:
        """Return the clip that has a name; None without one.

        Parameters
        ----------
        name
            A clip_id, or of a recording the path or an end of it.
        folders
            What lies above the table. There the folder of another clip's recording contradicts all
            but a clip_id and a whole path: ``s2/an1.csv`` is not of ``s1/an1.avi``, though there be
            no other ``an1``.
        """
        if name in self.clip_ids:
            return name
        clip_id = self.recordings.get(name)
        if clip_id is None or name in self.whole:
            return clip_id
        known, own = self.known_folders, self.folders[clip_id]
        return None if any(f in known and f not in own for f in folders) else clip_id


def clip_of(
    called: str, names: ClipNames, clip_name: str | None = None, folder: str = ""
) -> str | None:
    """Return the clip that a table, or a cell of a table, names; None where there is no such.

    Of a path the whole is tried first, then less and less of it from its end: of
    ``/data/rml/s1/an1.avi`` at last ``s1/an1`` and ``an1``.

    Parameters
    ----------
    called
        A name or a path, with an ending or without.
    names
        What there is.
    clip_name
        Regular expression of the name, or of an end of the path, without ending or with it; what
        its one group matches stands in its place.
    folder
        What a name without folders stands in.
    """
    path = PurePosixPath(called.strip(_QUOTES).replace("\\", "/"))
    if not path.name:
        return None
    path = PurePosixPath(folder) / path
    paths = [path, path.with_suffix("")]
    if clip_name is not None:
        paths = list(_renamed(paths, clip_name))
    found = (names.find(end, path.parent.parts) for named in paths for end in _ends(named))
    return next((clip_id for clip_id in found if clip_id is not None), None)


def _renamed(paths: list[PurePosixPath], clip_name: str) -> Iterator[PurePosixPath]:
    """Yield the paths whose name, or else more of their end, is as it should be."""
    for path in reversed(paths):
        for length in range(1, len(path.parts) + 1):
            above, end = path.parts[:-length], path.parts[-length:]
            match = re.fullmatch(clip_name, "/".join(end))
            if match and match[1]:
                yield PurePosixPath(*above, match[1])


def _ends(path: PurePosixPath) -> Iterator[str]:
    """Yield a path, and less and less of it from its end."""
    parts = path.parts[1:] if path.is_absolute() else path.parts
    for start in range(len(parts)):
        yield "/".join(parts[start:])
