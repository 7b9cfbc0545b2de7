"""What the systems that learn a metric share: candidates, the choice among them, the final one."""

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from avlib.runtime.errors import DataError
from avlib.systems.common.kernel_svm import Choice, Embedding, KernelSVM
from avlib.systems.common.model import BOTH, VectorClips, complete, concatenate
from avlib.systems.common.vector_model import VectorModel


class MetricModel(VectorModel):
    """A learned metric followed by the RBF-SVM on it.

    The metric is learned on the training clips with each of its candidate settings; the validation
    clips choose among these under the middle C and sigma, then C and sigma. The final metric and
    the final SVM learn from both parts.

    Parameters
    ----------
    n_classes, modalities, **svm
        See `VectorModel`.
    metric : mapping
        Arguments of the metric.

    Attributes
    ----------
    metric_
        The learned metric.
    """

    metric_: Any

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

    @abstractmethod
    def candidates(self, train: VectorClips) -> Iterator[tuple[dict[str, Any], Any]]:
        """Yield settings to try with the metric learned with them; the first of equals wins."""

    @abstractmethod
    def learn(self, clips: VectorClips, settings: Mapping[str, Any], choice: Choice) -> Any:
        """Return the final metric, which a choice on the validation clips may steer."""

    @abstractmethod
    def embedded(self, metric: Any, features: Mapping[str, np.ndarray]) -> Embedding:
        """Return vectors of all modalities in the space of a metric."""

    def fit(self, train: VectorClips, validation: VectorClips) -> Self:
        """Learn metric and SVM; every choice is made on the validation clips.

        Raises
        ------
        DataError
            A part has no clip with all modalities, training has fewer than two emotions, no
            emotion has two clips, or the metric cannot be learned from these vectors.
        """
        train = complete(train, self.modalities, "training")
        validation = complete(validation, self.modalities, "validation")
        everything = concatenate(train, validation)

        def select(metric: Any, svm: KernelSVM) -> Choice:
            return svm.select(*self._labelled(metric, train), *self._labelled(metric, validation))

        tried = [
            (select(metric, self.svm.with_median_grid()).selection_key(), metric, settings)
            for settings, metric in self.candidates(train)
        ]
        _, metric, settings = max(tried, key=lambda trial: trial[0])
        choice = select(metric, self.svm)
        self.metric_ = self.learn(everything, settings, choice)
        self.svm_ = replace(self.svm).fit(*self._labelled(self.metric_, everything), choice)
        self.chosen_ = {"c": choice.c, "sigma": choice.sigma, **settings}
        return self

    def _labelled(self, metric: Any, clips: VectorClips) -> tuple[Embedding, np.ndarray]:
        features = {m: clips.features[m] for m in self.modalities}
        return self.embedded(metric, features), clips.emotion

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""
        return {**super().arguments(), "metric": self.metric}


@contextmanager
def learning(name: str, clips: VectorClips) -> Iterator[None]:
    """Raise DataError where a metric cannot be learned; early stops are on purpose: no warning."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            yield
    except (ValueError, FloatingPointError) as error:
        raise DataError(f"{name} cannot learn from {len(clips)} clips: {error}") from error
