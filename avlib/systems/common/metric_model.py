"""What the systems that learn a metric share: candidates, the choice among them, the final one."""

import logging
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from avlib.runtime.errors import DataError
from avlib.systems.common.held_out_scores import held_out_scores
from avlib.systems.common.inner_splits import inner_splits
from avlib.systems.common.kernel_svm import Choice, Embedding, HeldOut, Labelled
from avlib.systems.common.model import BOTH, VectorClips, complete, concatenate
from avlib.systems.common.vector_model import VectorModel

log = logging.getLogger(__name__)

Split = tuple[VectorClips, VectorClips]


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
    def candidates(self, train: VectorClips) -> Iterator[tuple[dict[str, Any], Callable[[], Any]]]:
        """Yield settings to try, and what learns the metric with them; the first of equals wins."""

    @abstractmethod
    def learn(
        self, clips: VectorClips, settings: Mapping[str, Any], choice: Choice | None = None
    ) -> Any:
        """Return the metric with chosen settings; what they got wrong so far may steer it."""

    @abstractmethod
    def embedded(self, metric: Any, features: Mapping[str, np.ndarray]) -> Embedding:
        """Return vectors of all modalities in the space of a metric."""

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
        settings = self._best(splits)
        choice = self.svm.select(
            self._embedded_split(self.learn(learned, settings), learned, judged)
            for learned, judged in splits
        )
        everything = concatenate(train, validation)
        self.metric_ = self.learn(everything, settings, choice)
        self.svm_ = replace(self.svm).fit(*self._labelled(self.metric_, everything), choice)
        self.chosen_ = {"c": choice.c, "sigma": choice.sigma, **settings}
        self.chosen_ |= held_out_scores(choice.confusion)
        return self

    def _best(self, splits: Sequence[Split]) -> dict[str, Any]:
        """Return the candidate settings that make the labels of the clips held out likeliest.

        Settings with which the metric cannot be learned lose; where none can be, that is an error.
        """
        svm = self.svm.with_median_grid()
        trials: dict[tuple, tuple[dict[str, Any], list[HeldOut]]] = {}
        problem: DataError | None = None
        for learned, judged in splits:
            for settings, learn in self.candidates(learned):
                _, held_out = trials.setdefault(tuple(settings.items()), (settings, []))
                try:
                    split = self._embedded_split(learn(), learned, judged)
                except DataError as error:
                    problem = error
                    log.warning("%s: not chosen, %s", _listed(settings), error)
                    continue
                held_out.append(svm.held_out(*split))
        whole = [trial for trial in trials.values() if len(trial[1]) == len(splits)]
        if problem is not None and not whole:
            raise problem
        return max(whole, key=lambda trial: svm.best(trial[1]).selection_key())[0]

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
