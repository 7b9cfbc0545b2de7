"""AVEC's own features of RECOLA, instead of those that the pipeline extracts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from avlib.corpora.recola import feature_files
from avlib.runtime.errors import DataError
from avlib.systems.emobed.traces import DIMENSIONS
from avlib.systems.emobed.traces.avec_memory import frames_once

KINDS = {"audio": "audio", "geometry": "video_geometric", "appearance": "video_appearance"}


def avec_paths(folder: Path, kinds: Iterable[str]) -> list[Path]:
    """Return the feature files of these kinds of ours.

    Raises
    ------
    DataError
        There is none of a kind.
    """
    files = feature_files(folder)
    for kind in kinds:
        if not any(key[1] == KINDS[kind] for key in files):
            raise DataError(
                f"{folder}: no file in a folder features_{KINDS[kind]}, which traces.avec asks for:"
                " unpack AVEC's features there, or set traces.avec: false"
            )
    return sorted(path for key, path in files.items() if key[1] in {KINDS[k] for k in kinds})


def avec_features(
    folder: Path,
    kind: str,
    moments: Mapping[str, np.ndarray | None],
    step: float,
    dimensions: Sequence[str] = DIMENSIONS,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the features of recordings at given moments.

    AVEC chose a window of its functionals for arousal and another one for valence. For a network
    that predicts both, features of both windows stand side by side.

    Parameters
    ----------
    folder
        Of the corpus.
    kind
        "audio", "geometry" or "appearance".
    moments
        By clip_id: s, of shape (n_moments,); None, those of the files, from 0 to their last row.
    step
        Between two moments, s. A row of a file counts for the moment that it is within half of it.
    dimensions
        Those that are predicted.

    Yields
    ------
    clip_id : str
    values : float64 array of shape (n_moments, d)
        NaN at moments for which a file has no row or no value.

    Raises
    ------
    DataError
        A recording has features for one of the dimensions alone.
    CorpusError
        A file cannot be read, or its times do not increase.
    """
    files = feature_files(folder)
    for name, at in sorted(moments.items()):
        found = {
            d: files[name, KINDS[kind], d] for d in DIMENSIONS if (name, KINDS[kind], d) in files
        }
        if not found:
            continue  # the recording lacks the modality
        if len(found) < len(DIMENSIONS):
            raise DataError(
                f"{name}: {folder} holds its features_{KINDS[kind]} for {', '.join(found)} alone;"
                f" expected files for {' and '.join(DIMENSIONS)}: unpack AVEC's features again"
            )
        frames = [frames_once(found[dimension]).set_index("time") for dimension in dimensions]
        if at is None:
            last = min(table.index[-1] for table in frames)
            at = np.arange(round(last / step) + 1) * step
        near = [f.reindex(at, method="nearest", tolerance=step / 2) for f in frames]
        yield name, np.hstack(near)
