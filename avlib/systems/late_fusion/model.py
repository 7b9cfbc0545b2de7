"""Late fusion of the SVM baselines: a weighted mean of their probabilities."""

from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.metrics import confusion_matrix

from avlib.systems.common.decision import negative_log_likelihood
from avlib.systems.common.held_out_scores import held_out_scores
from avlib.systems.common.inner_splits import inner_splits
from avlib.systems.common.model import BOTH, Model, VectorClips, complete, concatenate
from avlib.systems.svm.model import SVMModel


class LateFusionModel(Model[VectorClips]):
    """``(1 - w) p_audio + w p_video``, with w chosen on clips held out of inner splits.

    The two SVMs are those of ``svm_audio`` and ``svm_video``. A clip without one of the modalities
    gets the probabilities of the other.

    Parameters
    ----------
    n_classes : int
        Emotions of the corpus.
    modalities : tuple of str
        What the system uses: both, or there is nothing to fuse.
    weights : sequence of float
        Candidates for w, in [0, 1]; the first of equally good ones is taken.
    **svm
        Arguments `inner_folds`, `c`, `sigma` and `class_weight` of `SVMModel`.

    Attributes
    ----------
    svms_ : dict of str to SVMModel
        By modality.
    weight_ : float
        w.
    chosen_ : dict
        ``weight_video`` and `held_out_scores` with it, and ``c`` and ``sigma`` of each modality.
    """

    svms_: dict[str, SVMModel]
    weight_: float

    def __init__(
        self,
        n_classes: int,
        modalities: tuple[str, ...] = BOTH,
        *,
        weights: tuple[float, ...] = (0.5,),
        **svm: Any,
    ) -> None:
        self.n_classes, self.modalities = n_classes, tuple(modalities)
        self.weights, self.svm = tuple(weights), svm

    def fit(self, train: VectorClips, validation: VectorClips) -> Self:
        """Train both SVMs, and choose the weight that makes held-out labels likeliest.

        Raises
        ------
        DataError
            A part has no clip with one of the modalities, or none with both.
        """
        fusable = complete(train, BOTH, "training"), complete(validation, BOTH, "validation")
        self.svms_, said, self.chosen_ = {}, {}, {}
        for modality in BOTH:
            svm = SVMModel(self.n_classes, (modality,), **self.svm)
            choice = svm.choose(train, validation)
            # The weight is judged by SVMs that have not learned from the clips they judge.
            splits = inner_splits(*fusable, svm.inner_folds)
            said[modality] = np.concatenate(
                [svm.learn(learned, choice).predict_proba(judged) for learned, judged in splits]
            )
            self.svms_[modality] = svm.learn(concatenate(train, validation), choice)
            self.chosen_ |= {f"c_{modality}": choice.c, f"sigma_{modality}": choice.sigma}
        emotion = np.concatenate([judged.emotion for _, judged in splits])
        self.weight_ = min(
            self.weights, key=lambda w: negative_log_likelihood(_fused(said, w), emotion)
        )
        self.chosen_["weight_video"] = self.weight_
        predicted = _fused(said, self.weight_).argmax(axis=1)
        self.chosen_ |= held_out_scores(
            confusion_matrix(emotion, predicted, labels=range(self.n_classes))
        )
        return self

    def predict_proba(self, clips: VectorClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return the probability of each emotion, shape (n_clips, n_classes).

        Raises
        ------
        DataError
            A clip has none of the modalities (ask `scorable` first).
        """
        probabilities = np.zeros((len(clips), self.n_classes))
        for available, rows in self.by_available_modalities(clips, modalities):
            some = clips.select(rows)
            said = {m: self.svms_[m].predict_proba(some, (m,)) for m in available}
            probabilities[rows] = _fused(said, self.weight_)
        return probabilities

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""
        return super().arguments() | {"weights": list(self.weights)} | self.svm

    def save(self, folder: Path) -> None:
        """Write the system into a folder, and each SVM into one of its own in there."""
        super().save(folder)
        for modality, svm in self.svms_.items():
            svm.save(Path(folder) / modality)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a system that `save` wrote."""
        model = super().load(folder)
        model.weight_ = model.chosen_["weight_video"]
        model.svms_ = {m: SVMModel.load(Path(folder) / m) for m in BOTH}
        return model


def _fused(said: dict[str, np.ndarray], weight: float) -> np.ndarray:
    if len(said) == 1:
        return said.popitem()[1]
    return (1 - weight) * said["audio"] + weight * said["video"]
