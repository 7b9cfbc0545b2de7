"""MERML as a system: the learned metric in the RBF-SVM (MERML sec. 3)."""

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Self

import numpy as np

from avlib.metric_learning.base import modality_of
from avlib.metric_learning.merml import MERML
from avlib.metric_learning.training_subspace import TrainingSubspace
from avlib.systems.common.kernel_svm import Choice, Embedding
from avlib.systems.common.metric_model import MetricModel, learning
from avlib.systems.common.model import VectorClips, without_prefix

log = logging.getLogger(__name__)

# Of these settings the clips held out choose; `MetricModel.metric` holds a value or a list.
CANDIDATES = ("init", "regularisation", "learning_rate", "epochs", "omega")


class MERMLModel(MetricModel):
    """MERML's metric followed by the RBF-SVM on it (eqs. 4-9), a W for each view of a modality.

    The metric is learned with every combination of the candidate settings; the clips held out of
    the inner splits choose among these under the middle C and sigma, then C and sigma. Their
    confusions steer the hard pairs (sec. 3.6) of the final metric.

    Parameters
    ----------
    n_classes, modalities, metric, **svm
        See `MetricModel`; of the settings in `CANDIDATES` the metric may hold lists.

    Attributes
    ----------
    metric_ : MERML
    views_ : tuple of (str, int)
        See `VectorClips`.
    """

    metric_: MERML
    views_: tuple[tuple[str, int], ...] = ()

    def fit(self, train: VectorClips, validation: VectorClips) -> Self:
        """Learn metric and SVM; see `MetricModel`."""
        self.views_ = train.views
        super().fit(train, validation)
        self.chosen_["b"] = float(self.metric_.b_)
        if self.metric_.omega_ is not None:
            self.chosen_["omega"] = float(self.metric_.omega_)
            self.chosen_["share_video"] = self._share_of_video()
        if self.metric_.epochs > 1 and not self.metric_.converged_:
            log.info("MERML's loss still fell when it stopped after %d epochs", self.metric_.epochs)
        return self

    def candidates(
        self, train: VectorClips
    ) -> Iterator[tuple[list[dict[str, Any]], Callable[[], list[MERML]]]]:
        """Yield every combination of the candidate settings.

        The weights of video that are numbers share one descent, of which each weighs the views
        anew. With one modality there is no such weight.
        """
        lists = {name: _listed(self.metric[name]) for name in CANDIDATES if name in self.metric}
        omegas = lists.pop("omega", ["learned"])
        seen = set()
        subspaces = self._metric({}).reduce(self._of(train))
        learn = partial(self.learn, train, subspaces=subspaces)
        for values in itertools.product(*lists.values()):
            settings = dict(zip(lists, values, strict=True))
            if settings.get("epochs") == 0:  # no step is taken, at whatever rate
                settings |= {name: lists[name][0] for name in lists.keys() - {"init", "epochs"}}
            if (key := tuple(settings.items())) in seen:
                continue
            seen.add(key)
            if len(self.modalities) == 1:
                yield [settings], partial(_learned, learn, [settings])
                continue
            together: dict[bool, list[dict[str, Any]]] = {}
            for omega in omegas:
                together.setdefault(omega == "learned", []).append(settings | {"omega": omega})
            for several in together.values():
                yield several, partial(_learned, learn, several)

    def learn(
        self,
        clips: VectorClips,
        settings: Mapping[str, Any],
        choice: Choice | None = None,
        subspaces: Mapping[str, TrainingSubspace] | None = None,
    ) -> MERML:
        """Return the metric, steered by a choice's confusions of the classes that it sees.

        The clips' subspaces save finding them, where they are known.
        """
        seen = np.unique(clips.emotion)
        confusion = None if choice is None else choice.confusion[np.ix_(seen, seen)]
        with learning("MERML", clips):
            return self._metric(settings).fit(
                self._of(clips), clips.emotion, clips.subject, confusion, subspaces
            )

    def _metric(self, settings: Mapping[str, Any]) -> MERML:
        """Return an unfitted metric; of what the settings leave open, the first candidates."""
        first = {n: _listed(self.metric[n])[0] for n in CANDIDATES if n in self.metric}
        return MERML(**{**self.metric, **first, **settings})

    def _of(self, clips: VectorClips) -> dict[str, np.ndarray]:
        return self._views({m: clips.features[m] for m in self.modalities})

    def weights(self, metric: MERML) -> Mapping[str, float]:
        """Return each view's share of omega or 1 - omega."""
        return metric.weights_

    def embedded(self, metric: MERML, features: Mapping[str, np.ndarray]) -> Embedding:
        """Project the views that are there."""
        return Embedding(metric.project(self._views(features)), self.weights(metric))

    def learned_spaces(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return W x of each modality, its views side by side, and of all, weighted (eq. 4)."""
        metric = self.metric_
        views = metric.project(self._views(features))
        spaces = {}
        for modality in features:
            own = [vectors for view, vectors in views.items() if modality_of(view) == modality]
            spaces[modality] = np.hstack(own) / np.float32(np.sqrt(len(own)))
        if len(features) == len(self.modalities) > 1:
            spaces["joint"] = metric.transform(self._views(features))
        return spaces

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the SVM, and W, b, the weights and the loss curve of the metric."""
        metric = self.metric_
        return super().arrays() | {
            **{f"metric_W_{view}": W for view, W in metric.W_.items()},
            **{f"metric_weight_{view}": np.array(w) for view, w in metric.weights_.items()},
            "metric_b": np.array(metric.b_),
            "metric_loss_curve": np.array(metric.loss_curve_, np.float64),
            "view_names": np.array([name for name, _ in self.views_], dtype=str),
            "view_widths": np.array([width for _, width in self.views_], dtype=np.int64),
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take back the SVM and the metric."""
        super().restore(arrays)
        names, widths = arrays["view_names"].tolist(), arrays["view_widths"].tolist()
        self.views_ = tuple(zip(names, widths, strict=True))
        chosen = {name: v for name, v in self.chosen_.items() if name in CANDIDATES}
        metric = self._metric(chosen)
        W, weights = (without_prefix(f"metric_{name}_", arrays) for name in ("W", "weight"))
        order = [v for v in names if v in W] or list(self.modalities)
        metric.W_ = {view: W[view] for view in order}
        metric.weights_ = {view: float(weights[view]) for view in order}
        metric.omega_ = self.chosen_.get("omega")
        metric.b_ = float(arrays["metric_b"])
        metric.loss_curve_ = arrays["metric_loss_curve"].tolist()
        self.metric_ = metric

    def _views(self, features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Cut the vectors of modalities into their views."""
        parts = {}
        for modality, vectors in features.items():
            views = [view for view in self.views_ if modality_of(view[0]) == modality]
            if not views:
                parts[modality] = vectors
                continue
            names, widths = zip(*views, strict=True)
            ends = np.cumsum(widths)[:-1]
            parts |= dict(zip(names, np.split(vectors, ends, axis=1), strict=True))
        return parts

    def _share_of_video(self) -> float:
        """Share of d^2 over all pairs of support samples that the video's views make up."""
        support = self.svm_.support_
        spread = {
            view: support.weights[view] * float(vectors.var(axis=0, dtype=np.float64).sum())
            for view, vectors in support.vectors.items()
        }
        video = sum(value for view, value in spread.items() if modality_of(view) == "video")
        return video / (sum(spread.values()) or 1.0)


def _learned(
    learn: Callable[[dict[str, Any]], MERML], several: list[dict[str, Any]]
) -> list[MERML]:
    """Learn with settings that differ in the weight of video alone, which is none's to learn."""
    if several[0].get("omega", "learned") == "learned":
        return [learn(settings) for settings in several]
    equal = learn(several[0] | {"omega": "equal"})
    return [equal.reweighted(settings["omega"]) for settings in several]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
