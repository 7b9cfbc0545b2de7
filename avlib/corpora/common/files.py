"""What lies in a corpus folder: the one place that looks at the names and links in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from avlib.runtime.raw_folder import escaped, unwritable

SOUND_SUFFIXES = frozenset(
    [
        *(".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".caf", ".flac", ".m4a"),
        *(".mka", ".mp2", ".mp3", ".oga", ".ogg", ".opus", ".w64", ".wav", ".weba", ".wma", ".wv"),
    ]
)
MEDIA_SUFFIXES = SOUND_SUFFIXES.union(
    [
        *(".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".m2ts", ".m4v", ".mkv"),
        *(".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".qt", ".ts", ".vob"),
        *(".webm", ".wmv"),
    ]
)
# Tables, texts and the like, which come with corpora and which nobody expects to be read as clips.
_PAPERS = frozenset(
    [
        *(".arff", ".csv", ".json", ".parquet", ".tsv", ".xls", ".xlsx", ".xml", ".yaml", ".yml"),
        *(".bib", ".doc", ".docx", ".htm", ".html", ".log", ".md", ".pdf", ".rst", ".rtf", ".txt"),
        *(".lab", ".srt", ".textgrid", ".vtt", ".m", ".py", ".r", ".rmd", ".sh"),
        *(".gif", ".jpeg", ".jpg", ".png"),
    ]
)


@dataclass(frozen=True)
class Files:
    """What lies in a folder.

    Attributes
    ----------
    paths : list of str
        Files that can be named: relative to the folder, posix, sorted within each folder.
    unusable : list of (path, reason)
        Files and folders that cannot be read as parts of the corpus; of their paths, what cannot be
        written down is escaped.
    linked_folders, linked_files : list of str
        Links to folders, and to files that lie outside of the corpus.
    """

    paths: list[str]
    unusable: list[tuple[str, str]]
    linked_folders: list[str]
    linked_files: list[str]


def look(folder: Path) -> Files:
    """List a folder at any depth, through links, without loops.

    Hidden files and folders are passed over (archives leave `.DS_Store` and `._*` behind).
    """
    root = Path(os.path.realpath(folder))
    seen = {str(root)}
    found = Files([], [], [], [])

    def unlisted(error: OSError) -> None:
        path = Path(os.fsdecode(error.filename)).relative_to(folder).as_posix()
        found.unusable.append((escaped(path), f"cannot be listed ({error.strerror})"))

    for base, folders, files in os.walk(folder, followlinks=True, onerror=unlisted):
        place = Path(base).relative_to(folder)
        kept = []
        for name in sorted(folders):
            path, real = (place / name).as_posix(), os.path.realpath(Path(base) / name)
            if name.startswith(".") or name == "__MACOSX" or real in seen:
                continue
            if root.is_relative_to(real):
                reason = "is a link to a folder that holds the corpus itself; remove the link"
                found.unusable.append((escaped(path), reason))
                continue
            if (Path(base) / name).is_symlink():
                found.linked_folders.append(escaped(path))
            seen.add(real)
            kept.append(name)
        folders[:] = kept
        for name in sorted(files):
            if name.startswith("."):
                continue
            path = (place / name).as_posix()
            if reason := unwritable(path):
                if is_media(path):
                    found.unusable.append((escaped(path), reason))
                continue
            found.paths.append(path)
            if _leads_out(Path(base) / name, root):
                found.linked_files.append(path)
    return found


def walk(folder: Path) -> Iterator[str]:
    """Yield every file under a folder that can be named; see `look`."""
    yield from look(folder).paths


def _leads_out(path: Path, root: Path) -> bool:
    """Tell whether a file is a link to one that lies outside of the corpus."""
    return path.is_symlink() and path.exists() and not path.resolve().is_relative_to(root)


def is_media(path: str) -> bool:
    """Tell by the suffix whether a path names a recording."""
    return PurePosixPath(path).suffix.lower() in MEDIA_SUFFIXES


def is_sound(path: str) -> bool:
    """Tell by the suffix whether a path names a recording without pictures."""
    return PurePosixPath(path).suffix.lower() in SOUND_SUFFIXES


def kind_left_out(path: str) -> str:
    """Return what to call a file that no reader reads, "" where nobody expects it to be read."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in MEDIA_SUFFIXES:
        return "recordings that no clip needs"
    if suffix in _PAPERS:
        return ""
    return f"{suffix} files" if suffix else "files without a suffix"


def original_files(folder: Path) -> tuple[list[str], dict[str, list[str]]]:
    """List the recordings in a folder without the sound that users extracted from its videos.

    Returns
    -------
    paths : list of str
        Without sound files that lie beside a video of the same name.
    left_out : dict of str to list of str
        Those, as `Listing.left_out` has them.
    """
    found = list(filter(is_media, walk(folder)))
    videos = {PurePosixPath(path).with_suffix("") for path in found if not is_sound(path)}
    sounds = [p for p in filter(is_sound, found) if PurePosixPath(p).with_suffix("") in videos]
    kind = "sound files beside videos of the same name"
    return [path for path in found if path not in set(sounds)], {kind: sounds} if sounds else {}
