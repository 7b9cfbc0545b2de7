"""One fold of the fisher stage: learn on the training clips, encode every clip."""

import itertools
import json
import logging
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from avlib.fisher.pooling import best, candidates
from avlib.fisher.speakers import Means, reference_clips, speaker_means, without_means
from avlib.fisher.tables import FISHER
from avlib.fisher.view import View, ViewEncoder, save_encoders, spread
from avlib.protocols import AUXILIARY
from avlib.runtime import paths, tables
from avlib.runtime.errors import DataError
from avlib.runtime.tables.schema import fixed_size_list

log = logging.getLogger(__name__)

_BATCH = 64  # clips encoded at a time


@dataclass(frozen=True)
class FisherTask:
    """A fold to encode.

    Attributes
    ----------
    fold : int
    views : dict of str to sequence of View
        By modality to use; the first is the modality's own descriptor.
    pooling : dict of str to sequence of str
        Section ``pooling`` of params.yaml.
    speakers : dict
        Section ``speakers``.
    settings : dict
        Section ``fisher``.
    """

    fold: int
    views: Mapping[str, Sequence[View]]
    pooling: Mapping[str, Sequence[str]]
    speakers: Mapping[str, Any]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class _Encoded:
    """A modality's vectors of all clips of a fold, and what made them."""

    vectors: np.ndarray
    missing: np.ndarray
    encoders: dict[str, ViewEncoder]
    widths: list[tuple[str, int]]


def encode_fold(task: FisherTask, folder: Path) -> None:
    """Write ``fisher.parquet`` and ``encoders/<modality>.npz`` of one fold.

    Scaling, PCA and mixture see the fold's training clips only. The way of pooling is chosen on the
    training and validation clips; labels of test clips are never looked at, and test clips not at
    all but for their own speaker's mean, where ``speakers.normalise`` asks for it.

    Parameters
    ----------
    task
    folder
        Where to write.

    Raises
    ------
    DataError
        No training clip has any of the modalities.
    ParamsError
        A way of pooling does not fit the descriptor.
    """
    folds = tables.read_table(paths.FOLDS)
    here = (folds["fold"] == task.fold) & (folds["part"] != AUXILIARY)
    encode_clips(task, folds[here], folder)


def encode_clips(task: FisherTask, parts: pd.DataFrame, folder: Path) -> None:
    """Do the same with clips that are divided in another way.

    Parameters
    ----------
    task, folder
        As of `encode_fold`.
    parts
        Rows as of table ``folds``, all of the task's fold.

    Raises
    ------
    DataError, ParamsError
        As of `encode_fold`.
    """
    clips = tables.read_table(paths.CLIPS, ["clip_id", "subject", "emotion"])
    fold = parts.merge(clips, on="clip_id").sort_values("clip_id", ignore_index=True)
    columns: dict[str, Any] = {"clip_id": fold["clip_id"], "fold": [task.fold] * len(fold)}
    metadata: dict[str, str] = {}
    widths: list[tuple[str, int]] = []
    (folder / "encoders").mkdir()
    for modality in paths.DESCRIPTORS:
        columns[modality] = pa.nulls(len(fold))
        encoded = _encode_modality(task, modality, fold)
        if encoded is None:
            continue
        columns[modality] = fixed_size_list(encoded.vectors, encoded.missing)
        save_encoders(folder / "encoders" / f"{modality}.npz", encoded.encoders)
        widths += encoded.widths
        metadata |= {
            f"backend_{modality}": next(iter(encoded.encoders.values())).pooling.backend_,
            f"chosen_{modality}": ", ".join(
                f"{view}: {encoder.pooling.chosen()}" for view, encoder in encoded.encoders.items()
            ),
        }
    if not widths:
        n_training = (fold["part"] == "train").sum()
        raise DataError(
            f"none of the {n_training} training clips has {' or '.join(task.views)};"
            " see data/status for the reasons, and check `modalities` in params.yaml"
        )
    metadata[tables.VIEWS] = json.dumps(widths)
    tables.write_table(folder / "fisher.parquet", columns, FISHER, metadata)


def _encode_modality(task: FisherTask, modality: str, fold: pd.DataFrame) -> _Encoded | None:
    """Encode the views of a modality; a clip that lacks one of them lacks the modality.

    None where no training clip has the modality.
    """
    vectors, missing, encoders, widths = [], np.zeros(len(fold), bool), {}, []
    described = {view: _described_by(view, fold) for view in task.views.get(modality, ())}
    learned = (fold["part"] == "train").to_numpy()
    if lacking := [view.name for view, here in described.items() if not here[learned].any()]:
        if len(lacking) < len(described):
            raise DataError(
                f"view {lacking[0]} describes none of the {learned.sum()} training clips of fold"
                f" {task.fold}, others do; see data/status, or take it out of {modality}.views"
            )
        return None
    for view, here in described.items():
        encoder = ViewEncoder(_chosen_pooling(task, modality, view, fold, here))
        pooled = _encode_all(encoder, view.source, fold["clip_id"].tolist(), here)
        here = _learn_speakers_and_scale(encoder, pooled, fold, here, task)
        vectors.append(encoder.finish(pooled, fold["subject"].to_numpy(dtype=str)))
        missing |= ~here
        encoders[view.name] = encoder
        widths.append((view.name, vectors[-1].shape[1]))
    if not vectors:
        return None
    return _Encoded(np.hstack(vectors), missing, encoders, widths)


def _described_by(view: View, fold: pd.DataFrame) -> np.ndarray:
    """Tell which clips have rows, bool of shape (n_clips,)."""
    described = {ref.clip_id for ref in tables.clip_refs(view.source) if ref.rows}
    return fold["clip_id"].isin(described).to_numpy()


def _chosen_pooling(
    task: FisherTask, modality: str, view: View, fold: pd.DataFrame, here: np.ndarray
) -> Any:
    """Return the fitted way of pooling by which most held-out training clips are recognised."""
    ways = candidates(modality, view.level, task.pooling[modality], task.settings)
    training = set(fold.loc[here & (fold["part"] == "train"), "clip_id"])
    known = fold["part"].isin(("train", "validation")) & fold["emotion"].notna()
    judges = fold[here & known]
    judged = []
    if len(ways) > 1:
        rows = dict(_described(view.source, set(judges["clip_id"])))
        judged = [rows[clip_id] for clip_id in judges["clip_id"]]
    subjects = judges["subject"].to_numpy(dtype=str)

    def freed(vectors: np.ndarray) -> np.ndarray:
        return without_means(vectors, subjects, _means(vectors, judges, task.speakers))

    return best(
        ways,
        lambda: (frames for _, frames in _described(view.source, training)),
        len(training),
        judged,
        judges["emotion"].to_numpy(dtype=str),
        subjects,
        freed,
    )


def _means(vectors: np.ndarray, clips: pd.DataFrame, speakers: Mapping[str, Any]) -> Means:
    """Return each speaker's mean vector, as ``speakers.normalise`` asks for it."""
    if (normalise := speakers["normalise"]) == "none":
        return {}
    subjects, clip_ids = (clips[name].to_numpy(dtype=str) for name in ("subject", "clip_id"))
    counted = reference_clips(subjects, clip_ids, normalise, speakers["enrolled_clips"])
    if normalise == "enrolled":  # where subjects are shared, those clips may be scored ones
        counted &= (clips["part"] != "test").to_numpy()
    return speaker_means(vectors, subjects, counted)


def _learn_speakers_and_scale(
    encoder: ViewEncoder, pooled: np.ndarray, fold: pd.DataFrame, here: np.ndarray, task: FisherTask
) -> np.ndarray:
    """Learn each speaker's mean, without labels, and the scale of the training clips.

    Returns
    -------
    bool array of shape (n_clips,)
        Clips that have a vector: those of a speaker whose mean is not known have none.
    """
    subjects = fold["subject"].to_numpy(dtype=str)
    if task.speakers["normalise"] != "none":
        encoder.means = _means(pooled[here], fold[here], task.speakers)
        unknown = here & ~np.isin(subjects, list(encoder.means))
        if unknown.any():
            log.warning(
                "fold %d: %d clips of %s left out, none of the clips that would tell the"
                " speaker's mean has a vector",
                task.fold,
                unknown.sum(),
                ", ".join(np.unique(subjects[unknown])),
            )
        here = here & ~unknown
    training = here & (fold["part"] == "train").to_numpy()
    encoder.scale = spread(encoder.finish(pooled[training], subjects[training]))
    return here


def _described(source: Path, clip_ids: Container[str]) -> Iterator[tuple[str, np.ndarray]]:
    for clip_id, rows in tables.iter_clips(source, ["descriptor"]):
        if clip_id in clip_ids and rows.num_rows:
            yield clip_id, tables.vectors(rows["descriptor"])


def _encode_all(
    encoder: ViewEncoder, source: Path, clip_ids: list[str], here: np.ndarray
) -> np.ndarray:
    """Pool the clips that have descriptors; the others' rows hold zeros."""
    row = {clip_id: i for i, clip_id in enumerate(clip_ids) if here[i]}
    vectors: np.ndarray | None = None
    described = _described(source, row)
    while batch := dict(itertools.islice(described, _BATCH)):
        pooled = encoder.pooling.encode(list(batch.values()))
        if vectors is None:
            vectors = np.zeros((len(clip_ids), pooled.shape[1]), dtype=np.float32)
        vectors[[row[clip_id] for clip_id in batch]] = pooled
    assert vectors is not None, "training clips have descriptors"
    return vectors
