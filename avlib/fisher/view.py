"""A view of a modality: one descriptor, pooled, freed of its speakers and brought to one scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from avlib.fisher.pooling import Pooling
from avlib.fisher.speakers import Means, without_means
from avlib.runtime.arrays import save_arrays


@dataclass(frozen=True)
class View:
    """A table of descriptors.

    Attributes
    ----------
    name : str
        Modality and descriptor, such as "audio.egemaps_clip".
    source : Path
        Folder of the table.
    level : {"frames", "windows", "clip"}
        What a row of it describes.
    """

    name: str
    source: Path
    level: str


@dataclass
class ViewEncoder:
    """From a clip's rows to its vector, as a fold has learned it.

    Attributes
    ----------
    pooling : Pooling
    means : dict of str to array of shape (d,)
        Of each speaker; none without speaker normalisation.
    scale : float
        What vectors are divided by: the mean squared distance of two training clips is then 2, as
        of Fisher vectors that have nothing in common, and no view drowns another beside it.
    """

    pooling: Pooling
    means: Means = field(default_factory=dict)
    scale: float = 1.0

    def encode(self, descriptors: Sequence[np.ndarray], subjects: np.ndarray) -> np.ndarray:
        """Return the vectors of clips, float32 of shape (n_clips, d)."""
        return self.finish(self.pooling.encode(descriptors), subjects)

    def finish(self, pooled: np.ndarray, subjects: np.ndarray) -> np.ndarray:
        """Take the speakers' means off pooled vectors and bring them to the scale."""
        return (without_means(pooled, subjects, self.means) / self.scale).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """Return everything as arrays."""
        speakers = sorted(self.means)
        return {
            **self.pooling.state(),
            "pooling": np.array(self.pooling.name),
            "speakers": np.array(speakers, dtype=str),
            "means": np.array([self.means[speaker] for speaker in speakers]),
            "scale": np.array(self.scale),
        }

    @classmethod
    def restored(cls, state: Mapping[str, np.ndarray], backend: str) -> Self:
        """Return the encoder whose `state` this is."""
        pooling = Pooling(str(state["pooling"]), backend=backend).restore(state)
        means = dict(zip(state["speakers"].tolist(), state["means"], strict=True))
        return cls(pooling, means, float(state["scale"]))


def spread(vectors: np.ndarray) -> float:
    """Return the root of half the mean squared distance of two rows; 1 where all are equal."""
    value = float(np.sqrt(vectors.var(axis=0, dtype=np.float64).sum()))
    return value if value > 0 else 1.0


def save_encoders(path: Path, encoders: Mapping[str, ViewEncoder]) -> None:
    """Write the encoders of a modality's views as npz; equal ones give equal bytes."""
    arrays = {f"{view}/{n}": v for view, e in encoders.items() for n, v in e.state().items()}
    save_arrays(path, {"views": np.array(list(encoders), dtype=str), **arrays})


def load_encoders(path: Path, backend: str) -> dict[str, ViewEncoder]:
    """Read what `save_encoders` wrote, by view, in order.

    Parameters
    ----------
    path
        ``data/fisher_encoders/fold-<k>/<modality>.npz``.
    backend
        ``fisher.backend`` of params.yaml.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    return {
        view: ViewEncoder.restored(
            {n.removeprefix(f"{view}/"): v for n, v in arrays.items() if n.startswith(f"{view}/")},
            backend,
        )
        for view in arrays["views"].tolist()
    }
