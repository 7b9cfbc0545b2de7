"""How the rows that describe a clip become one vector, and the choice between several ways."""

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import SVC

from avlib.fisher.clip_vectors import ClipVectors, Moments
from avlib.fisher.encoder import FisherEncoder
from avlib.runtime.errors import DataError, ParamsError
from avlib.runtime.threads import single_thread

log = logging.getLogger(__name__)

POOLINGS = ("fisher", "moments", "both", "none")
INNER_FOLDS = 4
C = 10.0  # of the SVM that judges; the systems choose theirs
Frames = Callable[[], Iterator[np.ndarray]]  # the rows of each training clip, anew at each call


class Pooling:
    """One way of pooling: Fisher vectors, moments, both side by side, or none for clip vectors.

    Parameters
    ----------
    name : {"fisher", "moments", "both", "none"}
    backend : str
        Of `FisherEncoder`.
    settings
        Other arguments of `FisherEncoder`, where it is one or both.

    Attributes
    ----------
    parts : list of FisherEncoder, Moments or ClipVectors
    """

    def __init__(self, name: str, backend: Any = "auto", **settings: Any) -> None:
        self.name, self.settings = name, settings
        self.parts: list[Any] = []
        if name in ("fisher", "both"):
            self.parts.append(FisherEncoder(**settings, backend=backend))
        if name in ("moments", "both"):
            self.parts.append(Moments())
        if name == "none":
            self.parts.append(ClipVectors())

    @property
    def backend_(self) -> str:
        """What encodes Fisher vectors; "none" where there are none."""
        return self.parts[0].backend_

    def fit(self, frames: Frames, n_clips: int) -> Self:
        """Learn from the training clips' rows."""
        for part in self.parts:
            part.fit(frames(), n_clips)
        return self

    def encode(self, descriptors: Sequence[np.ndarray]) -> np.ndarray:
        """Return vectors of squared length 1 on average, float32 of shape (n_clips, d)."""
        vectors = [part.encode(descriptors) for part in self.parts]
        return np.hstack(vectors) / np.float32(np.sqrt(len(vectors)))

    def chosen(self) -> str:
        """Return in a word or two what this is: "fisher K=32 D=16"."""
        if self.name not in ("fisher", "both"):
            return self.name
        axes = self.settings["pca_dim"] or "all"
        return f"{self.name} K={self.settings['n_components']} D={axes}"

    def state(self) -> dict[str, Any]:
        """Return what was learned, as arrays."""
        return {
            f"part{i}_{name}": values
            for i, part in enumerate(self.parts)
            for name, values in part.state().items()
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> Self:
        """Take on what `state` returned."""
        for i, part in enumerate(self.parts):
            prefix = f"part{i}_"
            part.restore(
                {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}
            )
        return self


def candidates(
    modality: str, level: str, poolings: Sequence[str], settings: Mapping[str, Any]
) -> list[Pooling]:
    """Return the ways of pooling to choose from.

    Parameters
    ----------
    modality
    level
        Of the descriptor; a row a clip is taken as it is.
    poolings
        Of section ``pooling``.
    settings
        Section ``fisher``.

    Raises
    ------
    ParamsError
        Rows of frames shall not be pooled.
    """
    if level == "clip":
        return [Pooling("none")]
    if "none" in poolings:
        raise ParamsError(
            f"pooling.{modality} names none, but {modality} is described by {level}: only a"
            f" descriptor of level clip is one vector already; choose from fisher, moments, both"
        )
    fixed = {name: settings[name] for name in ("max_descriptors", "seed", "backend")}
    mixtures = itertools.product(settings["components"], settings[f"pca_{modality}"])
    of_mixture = [{"n_components": k, "pca_dim": d, **fixed} for k, d in mixtures]
    return [
        Pooling(name, **arguments)
        for name in poolings
        for arguments in ([{}] if name == "moments" else of_mixture)
    ]


def held_out_accuracy(vectors: np.ndarray, emotions: np.ndarray, subjects: np.ndarray) -> float:
    """Return how many clips an RBF-SVM recognises that learned from other subjects.

    Parameters
    ----------
    vectors : array of shape (n, d)
        Of training and validation clips.
    emotions, subjects : str arrays of shape (n,)

    Returns
    -------
    float
        In [0, 1]; 0 where there are not two subjects, or two clips of an emotion.
    """
    commonest = int(np.unique(emotions, return_counts=True)[1].max(initial=0))
    n = min(INNER_FOLDS, len(np.unique(subjects)), commonest)  # scikit-learn refuses more
    if n < 2:
        return 0.0
    with single_thread():
        gamma = 1.0 / max(2.0 * vectors.var(axis=0, dtype=np.float64).sum(), 1e-12)
        kernel = rbf_kernel(vectors, gamma=gamma)
    hits = 0
    dealer = StratifiedGroupKFold(n, shuffle=True, random_state=0)
    for learned, judged in dealer.split(emotions, emotions, subjects):
        if len(judged) and len(np.unique(emotions[learned])) > 1:
            svm = SVC(C=C, kernel="precomputed")
            svm.fit(kernel[np.ix_(learned, learned)], emotions[learned])
            hits += int((svm.predict(kernel[np.ix_(judged, learned)]) == emotions[judged]).sum())
    return hits / len(vectors)


def best(
    ways: Sequence[Pooling],
    frames: Frames,
    n_clips: int,
    judged: Sequence[np.ndarray],
    emotions: np.ndarray,
    subjects: np.ndarray,
    freed: Callable[[np.ndarray], np.ndarray],
) -> Pooling:
    """Fit each way of pooling; return the one by which most held-out clips are recognised.

    Parameters
    ----------
    ways
        The first of equals wins; of one alone nothing is judged. One that cannot be fitted loses.
    frames, n_clips
        The training clips.
    judged : sequence of arrays of shape (n_i, d)
        Rows of the training and validation clips, with their emotions and subjects.
    freed : function
        Takes the speakers' means off these clips' vectors, where the systems get such.

    Raises
    ------
    DataError
        No way can be fitted.
    """
    if len(ways) == 1:
        return ways[0].fit(frames, n_clips)
    scores: list[tuple[float, Pooling]] = []
    problem: DataError | None = None
    for way in ways:
        try:
            vectors = way.fit(frames, n_clips).encode(judged)
        except DataError as error:
            problem = error
            log.warning("%s: not chosen, %s", way.chosen(), error)
            continue
        scores.append((held_out_accuracy(freed(vectors), emotions, subjects), way))
    if problem is not None and not scores:
        raise problem
    return max(scores, key=lambda score: score[0])[1]
