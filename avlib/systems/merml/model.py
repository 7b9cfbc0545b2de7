"""MERML as a system: the learned metric in the RBF-SVM (MERML sec. 3)."""

import logging
import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from avlib.metric_learning.merml import MERML
from avlib.runtime.errors import DataError
from avlib.systems.common.kernel_svm import Choice, Embedding, KernelSVM
from avlib.systems.common.model import (
    BOTH,
    VectorClips,
    complete,
    concatenate,
)
from avlib.systems.common.vector_model import VectorModel

log = logging.getLogger(__name__)


class MERMLModel(VectorModel):
    """MERML's metric followed by the RBF-SVM on it (eqs. 4-9).

    The metric is learned on the training clips with a quarter of the epochs and with all of them,
    and taken at its start (PCA) too. The validation clips choose among these under the middle
    C and sigma, so that a small corpus stops early; then C and sigma. Their confusions steer the
    hard pairs (sec. 3.6) of the final metric, which like the final SVM learns from both parts.

    Parameters
    ----------
    n_classes, modalities
        See `VectorModel`.
    metric : mapping
        Arguments of `MERML`.
    **svm
        Arguments `c`, `sigma` and `class_weight` of `KernelSVM`.

    Attributes
    ----------
    metric_ : MERML
    """

    def __init__(
        self,
        n_classes: int,
        modalities: tuple[str, ...] = BOTH,
        *,
        metric: Mapping[str, Any] | None = None,
        **svm: Any,
    ) -> None:
        super().__init__(n_classes, modalities, **svm)
        self.metric = dict(metric or {})

    def fit(self, train: VectorClips, validation: VectorClips) -> Self:
        """Learn metric and SVM; every choice is made on the validation clips.

        Raises
        ------
        DataError
            A part has no clip with all modalities, training has fewer than two emotions, or no
            emotion has two clips.
        """
        train = complete(train, self.modalities, "training")
        validation = complete(validation, self.modalities, "validation")
        svm = self._new_svm()
        stops = {epochs: self._learn(train, epochs) for epochs in self._stops()}
        merit = {
            epochs: self._select(svm.with_median_grid(), metric, train, validation).selection_key()
            for epochs, metric in stops.items()
        }
        epochs = max(stops, key=lambda epochs: (merit[epochs], epochs))
        choice = self._select(svm, stops[epochs], train, validation)
        everything = concatenate(train, validation)
        self.metric_ = self._learn(everything, epochs, choice.confusion)
        self.svm_ = svm.fit(_embedded(self.metric_, everything), everything.emotion, choice)
        self.chosen_ = {"c": choice.c, "sigma": choice.sigma, "epochs": epochs}
        self.chosen_["b"] = float(self.metric_.b_)
        if self.metric_.omega_ is not None:
            self.chosen_["omega"] = float(self.metric_.omega_)
        if epochs == max(stops) > 1 and not self.metric_.converged_:
            log.warning("MERML's loss still fell when it stopped after %d epochs", epochs)
        return self

    def _select(
        self, svm: KernelSVM, metric: MERML, train: VectorClips, validation: VectorClips
    ) -> Choice:
        return svm.select(
            _embedded(metric, train),
            train.emotion,
            _embedded(metric, validation),
            validation.emotion,
        )

    def _stops(self) -> list[int]:
        """Return the numbers of epochs to try, the full one first: it wins ties."""
        full = MERML(**self.metric).epochs
        return sorted({full, full // 4, min(1, full), 0}, reverse=True)

    def _learn(self, clips: VectorClips, epochs: int, confusion: np.ndarray | None = None) -> MERML:
        if confusion is not None:  # the metric knows only the classes that it sees
            seen = np.unique(clips.emotion)
            confusion = confusion[np.ix_(seen, seen)]
        metric = MERML(**{**self.metric, "epochs": epochs})
        features = {m: clips.features[m] for m in self.modalities}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early is on purpose
                return metric.fit(features, clips.emotion, clips.subject, confusion)
        except (ValueError, FloatingPointError) as error:
            raise DataError(f"MERML cannot learn from {len(clips)} clips: {error}") from error

    def embed(self, features: dict[str, np.ndarray]) -> Embedding:
        """Project each modality; the weights are omega and 1 - omega."""
        return Embedding(self.metric_.project(features), self.metric_.weights_)

    def learned_spaces(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return W_m x_m of each modality, and jointly [sqrt(1 - omega) W_a x_a ; ...] (eq. 4)."""
        spaces = self.metric_.project(features)
        if len(features) == len(self.modalities) > 1:
            spaces["joint"] = self.metric_.transform(features)
        return spaces

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""
        return {**super().arguments(), "metric": self.metric}

    def embedding_state(self) -> dict[str, np.ndarray]:
        """Return W, b, the weights and the loss curve of the metric."""
        metric = self.metric_
        return {
            **{f"metric_W_{m}": W for m, W in metric.W_.items()},
            **{f"metric_weight_{m}": np.array(w) for m, w in metric.weights_.items()},
            "metric_b": np.array(metric.b_),
            "metric_loss_curve": np.array(metric.loss_curve_, np.float64),
        }

    def restore_embedding(self, arrays: dict[str, np.ndarray]) -> None:
        """Take the metric back."""
        metric = MERML(**self.metric)
        metric.W_ = {m: arrays[f"metric_W_{m}"] for m in self.modalities}
        metric.weights_ = {m: float(arrays[f"metric_weight_{m}"]) for m in self.modalities}
        metric.omega_ = metric.weights_["video"] if len(self.modalities) == 2 else None
        metric.b_ = float(arrays["metric_b"])
        metric.loss_curve_ = arrays["metric_loss_curve"].tolist()
        self.metric_ = metric


def _embedded(metric: MERML, clips: VectorClips) -> Embedding:
    features = {m: clips.features[m] for m in metric.weights_}
    return Embedding(metric.project(features), metric.weights_)
