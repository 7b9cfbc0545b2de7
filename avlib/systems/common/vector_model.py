"""What the systems on one vector per clip and modality share: embed, then the RBF-SVM."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from avlib.systems.common.kernel_svm import Embedding, KernelSVM
from avlib.systems.common.model import BOTH, Model, VectorClips, require_finite, without_prefix

Embed = Callable[[dict[str, np.ndarray]], Embedding]


class VectorModel(Model[VectorClips]):
    """An embedding of each modality followed by the RBF-SVM on the weighted distance.

    A clip is scored by those of its modalities that the system uses and the caller allows. Learning
    uses the clips that have all of them.

    Parameters
    ----------
    n_classes : int
        Emotions of the corpus.
    modalities : tuple of str
        Modalities that the system uses.
    inner_folds : int
        Divisions of training and validation clips on which settings are chosen (`inner_splits`).
    **svm
        Arguments `c`, `sigma` and `class_weight` of `KernelSVM`.

    Attributes
    ----------
    svm : KernelSVM
        Not fitted, with the candidates.
    svm_ : KernelSVM
    """

    svm_: KernelSVM

    def __init__(
        self,
        n_classes: int,
        modalities: tuple[str, ...] = BOTH,
        *,
        inner_folds: int = 4,
        **svm: Any,
    ) -> None:
        if not modalities or not set(modalities) <= set(BOTH):
            raise ValueError(f"modalities must be of {list(BOTH)}, got {list(modalities)}")
        self.n_classes = n_classes
        self.modalities = tuple(m for m in BOTH if m in modalities)
        self.inner_folds = inner_folds
        self.svm = KernelSVM(n_classes, **svm)

    @abstractmethod
    def embed(self, features: dict[str, np.ndarray]) -> Embedding:
        """Embed vectors of one or more of the system's modalities."""

    def _each_alone(self, clips: VectorClips, embed: Embed) -> dict[str, Embedding]:
        """Return the clips as each modality alone shows them; nothing where there is but one."""
        if len(self.modalities) == 1:
            return {}
        return {m: embed({m: clips.features[m]}) for m in self.modalities}

    def learned_spaces(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the vectors in the spaces that the system learned; none by default.

        Parameters
        ----------
        features : dict of str to array of shape (n, d_modality)
            Of one or more of the system's modalities.

        Returns
        -------
        dict of str to float32 array of shape (n, p)
            "audio" and "video" where a modality has a space of its own; "joint", which needs all
            modalities, where there is one for all of them. Distances are Euclidean.
        """
        return {}

    def embeddings(self, clips: VectorClips) -> dict[str, np.ndarray]:
        """Return `learned_spaces` of clips that may lack a modality.

        Parameters
        ----------
        clips : VectorClips
            Each has at least one of the system's modalities (ask `scorable`).

        Returns
        -------
        dict of str to float32 array of shape (n_clips, p)
            Rows of NaN for the clips that have no place in a space.
        """
        columns: dict[str, np.ndarray] = {}
        for available, rows in self.by_available_modalities(clips, BOTH):
            spaces = self.learned_spaces({m: clips.features[m][rows] for m in available})
            for name, vectors in spaces.items():
                empty = np.full((len(clips), vectors.shape[1]), np.nan, np.float32)
                columns.setdefault(name, empty)[rows] = vectors
        return columns

    def predict_proba(self, clips: VectorClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return the probability of each emotion.

        Parameters
        ----------
        clips : VectorClips
            A clip without one of the modalities is scored by the other.
        modalities : tuple of str
            Modalities allowed.

        Returns
        -------
        array of shape (n_clips, n_classes)
            Rows sum to one; the largest decides.

        Raises
        ------
        DataError
            A clip has none of the modalities (ask `scorable` first), or a vector is not finite.
        """
        probabilities = np.zeros((len(clips), self.n_classes))
        for available, rows in self.by_available_modalities(clips, modalities):
            features = {m: clips.features[m][rows] for m in available}
            require_finite(features, clips.clip_id[rows])
            alone = available[0] if len(available) < len(self.modalities) else None
            probabilities[rows] = self.svm_.predict_proba(self.embed(features), alone)
        return probabilities

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""
        return super().arguments() | {"inner_folds": self.inner_folds} | asdict(self.svm)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the SVM; a subclass adds what `embed` needs."""
        return {f"svm_{name}": values for name, values in self.svm_.state().items()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take back the SVM."""
        self.svm_ = replace(self.svm).restore(without_prefix("svm_", arrays))
