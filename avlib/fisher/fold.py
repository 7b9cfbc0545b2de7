"""One fold of the fisher stage: learn on the training clips, encode every clip."""

import itertools
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.preprocessing import StandardScaler

from avlib.fisher.encoder import FisherEncoder
from avlib.fisher.tables import FISHER
from avlib.runtime import paths, tables
from avlib.runtime.errors import DataError
from avlib.runtime.tables.schema import fixed_size_list

_BATCH = 64  # clips encoded at a time


class ClipVectors:
    """Clips that already are one vector each (functionals of a recording) are standardised.

    The counterpart of `FisherEncoder` for descriptors of level "clip". Fisher vectors have length
    1; these have squared length 1 on average, so that beside each other (svm_concat adds the
    squared distances) neither modality drowns the other.
    """

    backend_ = "none"

    def fit(self, descriptors: Iterable[np.ndarray], n_clips: int | None = None) -> "ClipVectors":
        """Learn each value's mean and standard deviation over the training clips."""
        self._scaler = StandardScaler()
        for clip in descriptors:
            self._scaler.partial_fit(clip.astype(np.float64))
        return self

    def encode(self, descriptors: list[np.ndarray]) -> np.ndarray:
        """Return the standardised vectors over sqrt(d), float32 of shape (n_clips, d)."""
        standardised = self._scaler.transform(np.concatenate(descriptors))
        return (standardised / np.sqrt(standardised.shape[1])).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write mean and scale as npz."""
        np.savez(path, mean_=self._scaler.mean_, scale_=self._scaler.scale_)

    @classmethod
    def load(cls, path: Path) -> "ClipVectors":
        """Read what `save` wrote."""
        vectors = cls()
        with np.load(path, allow_pickle=False) as state:
            vectors._scaler = StandardScaler()
            vectors._scaler.mean_, vectors._scaler.scale_ = state["mean_"], state["scale_"]
        return vectors


_Encoder = FisherEncoder | ClipVectors


def load_encoder(path: Path, level: str, backend: str) -> _Encoder:
    """Read the encoder that `encode_fold` fitted for a modality.

    Parameters
    ----------
    path
        ``data/fisher_encoders/fold-<k>/<modality>.npz``.
    level
        Of the modality's descriptor.
    backend
        ``fisher.backend`` of params.yaml.
    """
    if level == "clip":
        return ClipVectors.load(path)
    return FisherEncoder.load(path, backend=backend)


@dataclass(frozen=True)
class FisherTask:
    """A fold to encode.

    Attributes
    ----------
    fold : int
    modalities : tuple of str
        The modalities to use.
    levels : dict of str to str
        Of each modality's descriptor.
    settings : dict
        Section ``fisher`` of params.yaml.
    """

    fold: int
    modalities: tuple[str, ...]
    levels: dict[str, str]
    settings: dict[str, Any]


def encode_fold(task: FisherTask, folder: Path) -> None:
    """Write ``fisher.parquet`` and ``encoders/<modality>.npz`` of one fold.

    Scaling, PCA and mixture see the fold's training clips only: neither its test clips nor the
    validation clips that settings are chosen on.

    Parameters
    ----------
    task
    folder
        Where to write.

    Raises
    ------
    DataError
        No training clip has any of the modalities.
    """
    fold = task.fold
    folds = tables.read_table(paths.FOLDS)
    folds = folds[folds["fold"] == fold].sort_values("clip_id")
    clip_ids = folds["clip_id"].tolist()
    training = set(folds.loc[folds["part"] == "train", "clip_id"])
    columns: dict[str, Any] = {"clip_id": clip_ids, "fold": [fold] * len(clip_ids)}
    backends = {}
    (folder / "encoders").mkdir()
    for modality, source in paths.DESCRIPTORS.items():
        columns[modality] = pa.nulls(len(clip_ids))
        described = {ref.clip_id for ref in tables.clip_refs(source) if ref.rows}
        learnt_from = training & described
        if modality not in task.modalities or not learnt_from:
            continue
        encoder = _encoder(modality, task.levels[modality], task.settings)
        training_frames = (frames for _, frames in _described(source, learnt_from))
        encoder.fit(training_frames, len(learnt_from))
        encoder.save(folder / "encoders" / f"{modality}.npz")
        backends[modality] = encoder.backend_
        columns[modality] = _encode_all(encoder, source, clip_ids)
    if not backends:
        raise DataError(
            f"none of the {len(training)} training clips has {' or '.join(task.modalities)};"
            " see data/status for the reasons, and check `modalities` in params.yaml"
        )
    metadata = {f"backend_{modality}": name for modality, name in backends.items()}
    tables.write_table(folder / "fisher.parquet", columns, FISHER, metadata)


def _encoder(modality: str, level: str, settings: Mapping[str, Any]) -> _Encoder:
    if level == "clip":
        return ClipVectors()
    fitted = {name: settings[name] for name in ("max_descriptors", "seed", "backend")}
    return FisherEncoder(settings["components"], settings[f"pca_{modality}"], **fitted)


def _described(source: Path, clip_ids: Container[str]) -> Iterator[tuple[str, np.ndarray]]:
    for clip_id, rows in tables.iter_clips(source, ["descriptor"]):
        if clip_id in clip_ids and rows.num_rows:
            yield clip_id, tables.vectors(rows["descriptor"])


def _encode_all(encoder: _Encoder, source: Path, clip_ids: list[str]) -> Any:
    """Encode the clips that have descriptors; the others' vectors are null."""
    row = {clip_id: i for i, clip_id in enumerate(clip_ids)}
    vectors: np.ndarray | None = None
    missing = np.ones(len(clip_ids), dtype=bool)
    described = _described(source, row)
    while batch := dict(itertools.islice(described, _BATCH)):
        encoded = encoder.encode(list(batch.values()))
        if vectors is None:
            vectors = np.zeros((len(clip_ids), encoded.shape[1]), dtype=np.float32)
        where = [row[clip_id] for clip_id in batch]
        vectors[where] = encoded
        missing[where] = False
    assert vectors is not None, "training clips have descriptors"
    return fixed_size_list(vectors, missing)
