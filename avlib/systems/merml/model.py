"""MERML as a system: the learned metric in the RBF-SVM (MERML sec. 3)."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from avlib.metric_learning.merml import MERML
from avlib.systems.common.kernel_svm import Choice, Embedding
from avlib.systems.common.metric_model import MetricModel, learning
from avlib.systems.common.model import VectorClips

log = logging.getLogger(__name__)


class MERMLModel(MetricModel):
    """MERML's metric followed by the RBF-SVM on it (eqs. 4-9).

    The metric is learned on the training clips with a quarter of the epochs and with all of them,
    and taken at its start (PCA) too. The validation clips choose among these under the middle
    C and sigma, so that a small corpus stops early; then C and sigma. Their confusions steer the
    hard pairs (sec. 3.6) of the final metric, which like the final SVM learns from both parts.

    Parameters
    ----------
    n_classes, modalities, metric, **svm
        See `MetricModel`.

    Attributes
    ----------
    metric_ : MERML
    """

    def fit(self, train: VectorClips, validation: VectorClips) -> Self:
        """Learn metric and SVM; see `MetricModel`."""
        super().fit(train, validation)
        self.chosen_["b"] = float(self.metric_.b_)
        if self.metric_.omega_ is not None:
            self.chosen_["omega"] = float(self.metric_.omega_)
        epochs = self.metric_.epochs
        if epochs == MERML(**self.metric).epochs > 1 and not self.metric_.converged_:
            log.warning("MERML's loss still fell when it stopped after %d epochs", epochs)
        return self

    def candidates(self, train: VectorClips) -> Iterator[tuple[dict[str, Any], MERML]]:
        """Yield the metric after each number of epochs to try, the full one first."""
        full = MERML(**self.metric).epochs
        for epochs in sorted({full, full // 4, min(1, full), 0}, reverse=True):
            yield {"epochs": epochs}, self.learn(train, {"epochs": epochs})

    def learn(
        self, clips: VectorClips, settings: Mapping[str, Any], choice: Choice | None = None
    ) -> MERML:
        """Return the metric, steered by a choice's confusions of the classes that it sees."""
        seen = np.unique(clips.emotion)
        confusion = None if choice is None else choice.confusion[np.ix_(seen, seen)]
        metric = MERML(**{**self.metric, **settings})
        features = {m: clips.features[m] for m in self.modalities}
        with learning("MERML", clips):
            return metric.fit(features, clips.emotion, clips.subject, confusion)

    def embedded(self, metric: MERML, features: Mapping[str, np.ndarray]) -> Embedding:
        """Project each modality; the weights are omega and 1 - omega."""
        return Embedding(metric.project(features), metric.weights_)

    def embed(self, features: dict[str, np.ndarray]) -> Embedding:
        """Project the modalities that are there."""
        return self.embedded(self.metric_, features)

    def learned_spaces(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return W_m x_m of each modality, and jointly [sqrt(1 - omega) W_a x_a ; ...] (eq. 4)."""
        spaces = self.metric_.project(features)
        if len(features) == len(self.modalities) > 1:
            spaces["joint"] = self.metric_.transform(features)
        return spaces

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
