"""What the systems that learn a metric share: candidates, the choice among them, the final one."""

import logging
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from avlib.runtime.errors import DataError
from avlib.systems.common.held_out_scores import held_out_scores
from avlib.systems.common.inner_splits import Divisions, Split, inner_splits
from avlib.systems.common.kernel_svm import Choice, Embedding, HeldOut, Labelled
from avlib.systems.common.model import BOTH, VectorClips, complete, concatenate
from avlib.systems.common.vector_model import VectorModel

log = logging.getLogger(__name__)


@dataclass
class Trial:
    """Settings that are tried: by division, the metric and what its SVM decides of others."""

    settings: dict[str, Any]
    metrics: list[Any] = field(default_factory=list)
    held_out: list[HeldOut] = field(default_factory=list)


class MetricModel(VectorModel):
    """A learned metric followed by the RBF-SVM on it.

    The metric is learned with each of its candidate settings, in each inner split; the clips held
    out of these choose among the settings under the middle C and sigma, then C and sigma. The final
    metric and the final SVM learn from all clips.

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
    def candidates(
        self, train: VectorClips
    ) -> Iterator[tuple[list[dict[str, Any]], Callable[[], list[Any]]]]:
        """Yield settings to try, and what learns the metrics with them; the first of equals wins.

        Metrics that come together differ in `weights` alone.
        """

    @abstractmethod
    def learn(
        self, clips: VectorClips, settings: Mapping[str, Any], choice: Choice | None = None
    ) -> Any:
        """Return the metric with chosen settings; what they got wrong so far may steer it."""

    @abstractmethod
    def weights(self, metric: Any) -> Mapping[str, float]:
        """Return what a metric's vectors weigh, by their names in `embedded`."""

    @abstractmethod
    def embedded(self, metric: Any, features: Mapping[str, np.ndarray]) -> Embedding:
        """Return vectors of one or more of the system's modalities in the space of a metric."""

    def embed(self, features: dict[str, np.ndarray]) -> Embedding:
        """Return vectors in the space of the learned metric."""
        return self.embedded(self.metric_, features)

    def fit(self, train: VectorClips, validation: VectorClips) -> Self:
        """Learn metric and SVM; every choice is made on clips held out of inner splits.

        Raises
        ------
        DataError
            A part has no clip with all modalities, training has fewer than two emotions, no
            emotion has two clips, or the metric cannot be learned from these vectors.
        """
        train = complete(train, self.modalities, "training")
        validation = complete(validation, self.modalities, "validation")
        splits = inner_splits(train, validation, self.inner_folds)
        best = self._best(splits)
        settings = best.settings
        choice = self.svm.select(
            (
                *self._embedded_split(metric, learned, judged),
                self._each_alone(judged, partial(self.embedded, metric)),
            )
            for metric, (learned, judged) in zip(best.metrics, splits, strict=True)
        )
        del splits, best  # they hold the clips once more, and every division's metrics
        everything = concatenate(train, validation)
        self.metric_ = self.learn(everything, settings, choice)
        self.svm_ = replace(self.svm).fit(*self._labelled(self.metric_, everything), choice)
        self.chosen_ = {"c": choice.c, "sigma": choice.sigma, **settings}
        self.chosen_ |= held_out_scores(choice.confusion)
        return self

    def _best(self, splits: list[Split] | Divisions) -> Trial:
        """Try all settings; return those that make the labels of the clips held out likeliest.

        Settings with which the metric cannot be learned lose; where none can be, that is an error.
        """
        svm = self.svm.with_median_grid()
        trials: dict[tuple, Trial] = {}
        problem: DataError | None = None
        for learned, judged in splits:
            for several, learn in self.candidates(learned):
                tried = [trials.setdefault(tuple(s.items()), Trial(s)) for s in several]
                try:
                    metrics = learn()
                    split = self._embedded_split(metrics[0], learned, judged)
                except DataError as error:
                    problem = error
                    for settings in several:
                        log.warning("%s: not chosen, %s", _listed(settings), error)
                    continue
                decided = svm.held_out_by_weights(*split, map(self.weights, metrics))
                for trial, metric, held_out in zip(tried, metrics, decided, strict=True):
                    trial.metrics.append(metric)
                    trial.held_out.append(held_out)
        whole = [trial for trial in trials.values() if len(trial.held_out) == len(splits)]
        if problem is not None and not whole:
            raise problem
        return max(whole, key=lambda trial: svm.best(trial.held_out).selection_key())

    def _embedded_split(
        self, metric: Any, learned: VectorClips, judged: VectorClips
    ) -> tuple[Labelled, Labelled]:
        return self._labelled(metric, learned), self._labelled(metric, judged)

    def _labelled(self, metric: Any, clips: VectorClips) -> Labelled:
        features = {m: clips.features[m] for m in self.modalities}
        return self.embedded(metric, features), clips.emotion

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""
        return {**super().arguments(), "metric": self.metric}


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


@contextmanager
def learning(name: str, clips: VectorClips) -> Iterator[None]:
    """Raise DataError where a metric cannot be learned; early stops are on purpose: no warning."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            yield
    except (ValueError, FloatingPointError) as error:
        raise DataError(f"{name} cannot learn from {len(clips)} clips: {error}") from error
