"""LMNN, ITML and GMML as systems: one metric on both modalities side by side, in the RBF-SVM."""

import itertools
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from avlib.metric_learning.gmml import GMML
from avlib.metric_learning.itml import ITML
from avlib.metric_learning.linear import LinearMetric
from avlib.metric_learning.lmnn import LMNN
from avlib.metric_learning.training_subspace import TrainingSubspace
from avlib.runtime.errors import DataError
from avlib.systems.common.kernel_svm import Choice, Embedding, KernelSVM
from avlib.systems.common.model import (
    BOTH,
    VectorClips,
    complete,
    concatenate,
)
from avlib.systems.common.vector_model import VectorModel

METHODS: dict[str, type[LinearMetric]] = {"lmnn": LMNN, "itml": ITML, "gmml": GMML}
CANDIDATES = {"lmnn": ("max_iter",), "itml": ("gamma",), "gmml": ("t", "regularisation")}
JOINT = {"joint": 1.0}  # one vector, one weight


class LinearMetricModel(VectorModel):
    """PCA of the concatenated vectors, a metric on it, the RBF-SVM on that (MERML sec. 5).

    The metric is learned on the training clips with each of its candidate settings; the validation
    clips choose among these under the middle C and sigma, as for MERML, then C and sigma. The final
    metric and the final SVM learn from both parts.

    A joint map has no distance for one modality alone. Where a clip lacks a modality its vector is
    taken to be the training clips' mean: the map then sees only what the other modality says.

    Parameters
    ----------
    n_classes, modalities
        See `VectorModel`.
    method : {"lmnn", "itml", "gmml"}
    metric : mapping
        Arguments of the method; those in `CANDIDATES` are lists to choose from, where given.
    **svm
        Arguments `c`, `sigma` and `class_weight` of `KernelSVM`.

    Attributes
    ----------
    metric_ : LinearMetric
    widths_ : dict of str to int
        Columns of each modality.
    """

    metric_: LinearMetric
    widths_: dict[str, int]

    def __init__(
        self,
        n_classes: int,
        modalities: tuple[str, ...] = BOTH,
        *,
        method: str,
        metric: Mapping[str, Any] | None = None,
        **svm: Any,
    ) -> None:
        super().__init__(n_classes, modalities, **svm)
        if method not in METHODS:
            raise ValueError(f"method must be one of {sorted(METHODS)}, got {method!r}")
        self.method = method
        self.metric = dict(metric or {})

    def fit(self, train: VectorClips, validation: VectorClips) -> Self:
        """Learn metric and SVM; every choice is made on the validation clips.

        Raises
        ------
        DataError
            A part has no clip with all modalities, training has fewer than two emotions, no
            emotion has two clips, or the method cannot learn from these vectors.
        """
        train = complete(train, self.modalities, "training")
        validation = complete(validation, self.modalities, "validation")
        self.widths_ = {m: train.features[m].shape[1] for m in self.modalities}
        svm = self._new_svm()
        subspace = METHODS[self.method](**self.metric).reduce(self._side_by_side(train.features))
        tried = []
        for settings in self._candidates():
            metric = self._learn(train, settings, subspace)
            merit = self._select(svm.with_median_grid(), metric, train, validation).selection_key()
            tried.append((merit, metric, settings))
        _, metric, settings = max(tried, key=lambda trial: trial[0])
        choice = self._select(svm, metric, train, validation)
        everything = concatenate(train, validation)
        self.metric_ = self._learn(everything, settings)
        self.svm_ = svm.fit(self._embedded(self.metric_, everything), everything.emotion, choice)
        self.chosen_ = {"c": choice.c, "sigma": choice.sigma, **settings}
        return self

    def _candidates(self) -> Iterator[dict[str, Any]]:
        """Yield every combination of the candidate settings; the first of equals wins."""
        names = [name for name in CANDIDATES[self.method] if name in self.metric]
        for values in itertools.product(*(self.metric[name] for name in names)):
            yield dict(zip(names, values, strict=True))

    def _learn(
        self,
        clips: VectorClips,
        settings: Mapping[str, Any],
        subspace: TrainingSubspace | None = None,
    ) -> LinearMetric:
        metric = METHODS[self.method](**{**self.metric, **settings})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early is on purpose
                return metric.fit(self._side_by_side(clips.features), clips.emotion, subspace)
        except ValueError as error:
            raise DataError(
                f"{self.method.upper()} cannot learn from {len(clips)} clips: {error}"
            ) from error

    def _select(
        self, svm: KernelSVM, metric: LinearMetric, train: VectorClips, validation: VectorClips
    ) -> Choice:
        return svm.select(
            self._embedded(metric, train),
            train.emotion,
            self._embedded(metric, validation),
            validation.emotion,
        )

    def _side_by_side(self, features: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.hstack([features[m] for m in self.modalities])

    def _embedded(self, metric: LinearMetric, clips: VectorClips) -> Embedding:
        return Embedding({"joint": metric.transform(self._side_by_side(clips.features))}, JOINT)

    def embed(self, features: dict[str, np.ndarray]) -> Embedding:
        """Map the concatenation; a missing modality's columns are the training clips' mean."""
        n = len(next(iter(features.values())))
        filled, begin = {}, 0
        for modality, width in self.widths_.items():
            mean = self.metric_.mean_[begin : begin + width]
            filled[modality] = features.get(modality, np.broadcast_to(mean, (n, width)))
            begin += width
        return Embedding({"joint": self.metric_.transform(self._side_by_side(filled))}, JOINT)

    def learned_spaces(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the joint space, where all modalities are there."""
        if len(features) < len(self.modalities):
            return {}
        return dict(self.embed(features).vectors)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""
        return {**super().arguments(), "method": self.method, "metric": self.metric}

    def embedding_state(self) -> dict[str, np.ndarray]:
        """Return the map, the mean, the classes and the columns of each modality."""
        return {
            "metric_components": self.metric_.components_,
            "metric_mean": self.metric_.mean_,
            "metric_classes": self.metric_.classes_,
            **{f"width_{m}": np.array(width) for m, width in self.widths_.items()},
        }

    def restore_embedding(self, arrays: dict[str, np.ndarray]) -> None:
        """Take the metric back."""
        chosen = {n: v for n, v in self.chosen_.items() if n in CANDIDATES[self.method]}
        self.metric_ = METHODS[self.method](**{**self.metric, **chosen})
        self.metric_.components_ = arrays["metric_components"]
        self.metric_.mean_ = arrays["metric_mean"]
        self.metric_.classes_ = arrays["metric_classes"]
        self.metric_.n_features_in_ = len(arrays["metric_mean"])
        self.widths_ = {m: int(arrays[f"width_{m}"]) for m in self.modalities}
