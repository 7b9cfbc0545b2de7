"""LMNN, ITML and GMML as systems: one metric on both modalities side by side, in the RBF-SVM."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from avlib.metric_learning.gmml import GMML
from avlib.metric_learning.itml import ITML
from avlib.metric_learning.linear import LinearMetric
from avlib.metric_learning.lmnn import LMNN
from avlib.metric_learning.training_subspace import TrainingSubspace
from avlib.systems.common.kernel_svm import Choice, Embedding
from avlib.systems.common.metric_model import MetricModel, learning
from avlib.systems.common.model import BOTH, VectorClips

METHODS: dict[str, type[LinearMetric]] = {"lmnn": LMNN, "itml": ITML, "gmml": GMML}
CANDIDATES = {"lmnn": ("max_iter",), "itml": ("gamma",), "gmml": ("t", "regularisation")}


class LinearMetricModel(MetricModel):
    """PCA of the concatenated vectors, a metric on it, the RBF-SVM on that (MERML sec. 5).

    A joint map has no distance for one modality alone. Where a clip lacks a modality its vector is
    taken to be the training clips' mean: the map then sees only what the other modality says.

    Parameters
    ----------
    n_classes, modalities, **svm
        See `MetricModel`.
    method : {"lmnn", "itml", "gmml"}
    metric : mapping
        Arguments of the method; those in `CANDIDATES` are lists to choose from, where given.

    Attributes
    ----------
    metric_ : LinearMetric
    widths_ : dict of str to int
        Columns of each modality.
    """

    metric_: LinearMetric
    widths_: dict[str, int]

    def __init__(
        self, n_classes: int, modalities: tuple[str, ...] = BOTH, *, method: str, **settings: Any
    ) -> None:
        super().__init__(n_classes, modalities, **settings)
        if method not in METHODS:
            raise ValueError(f"method must be one of {sorted(METHODS)}, got {method!r}")
        self.method = method

    def candidates(
        self, train: VectorClips
    ) -> Iterator[tuple[list[dict[str, Any]], Callable[[], list[LinearMetric]]]]:
        """Yield every combination of the candidate settings."""
        subspace = METHODS[self.method](**self.metric).reduce(self._side_by_side(train.features))
        names = [name for name in CANDIDATES[self.method] if name in self.metric]
        for values in itertools.product(*(self.metric[name] for name in names)):
            settings = dict(zip(names, values, strict=True))
            yield [settings], partial(_alone, partial(self.learn, train, settings, None, subspace))

    def learn(
        self,
        clips: VectorClips,
        settings: Mapping[str, Any],
        _: Choice | None = None,
        subspace: TrainingSubspace | None = None,
    ) -> LinearMetric:
        """Return the metric with these settings, in the clips' subspace where it is known."""
        self.widths_ = {m: clips.features[m].shape[1] for m in self.modalities}
        metric = METHODS[self.method](**{**self.metric, **settings})
        with learning(self.method.upper(), clips):
            return metric.fit(self._side_by_side(clips.features), clips.emotion, subspace)

    def _side_by_side(self, features: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.hstack([features[m] for m in self.modalities])

    def weights(self, metric: LinearMetric) -> Mapping[str, float]:
        """Return 1, of the one vector that there is."""
        return {"joint": 1.0}

    def embedded(self, metric: LinearMetric, features: Mapping[str, np.ndarray]) -> Embedding:
        """Map the concatenation; a missing modality's columns are the training clips' mean."""
        mean, ends = metric.mean_, np.cumsum(list(self.widths_.values()))
        everywhere = np.broadcast_to(mean, (len(next(iter(features.values()))), len(mean)))
        means = np.split(everywhere, ends[:-1], axis=1)
        filled = dict(zip(self.widths_, means, strict=True)) | dict(features)
        vectors = {"joint": metric.transform(self._side_by_side(filled))}
        return Embedding(vectors, self.weights(metric))

    def learned_spaces(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the joint space, where all modalities are there."""
        if len(features) < len(self.modalities):
            return {}
        return dict(self.embed(features).vectors)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""
        return {**super().arguments(), "method": self.method}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the SVM, the map, the mean, the classes and the columns of each modality."""
        return super().arrays() | {
            "metric_components": self.metric_.components_,
            "metric_mean": self.metric_.mean_,
            "metric_classes": self.metric_.classes_,
            **{f"width_{m}": np.array(width) for m, width in self.widths_.items()},
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take back the SVM and the metric."""
        super().restore(arrays)
        chosen = {n: v for n, v in self.chosen_.items() if n in CANDIDATES[self.method]}
        self.metric_ = METHODS[self.method](**{**self.metric, **chosen})
        self.metric_.components_ = arrays["metric_components"]
        self.metric_.mean_ = arrays["metric_mean"]
        self.metric_.classes_ = arrays["metric_classes"]
        self.metric_.n_features_in_ = len(arrays["metric_mean"])
        self.widths_ = {m: int(arrays[f"width_{m}"]) for m in self.modalities}


def _alone(learn: Callable[[], LinearMetric]) -> list[LinearMetric]:
    return [learn()]
