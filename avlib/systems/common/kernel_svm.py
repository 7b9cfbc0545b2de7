"""The RBF-SVM on a weighted distance that all vector systems share (MERML eqs. 8-9)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from types import MappingProxyType

import numpy as np
from sklearn.metrics import confusion_matrix

from avlib.metric_learning.base import squared_distances
from avlib.runtime.errors import DataError
from avlib.runtime.threads import single_thread
from avlib.systems.common.decision import coupled, fit_temperature
from avlib.systems.common.distances import Distances, rbf, shares
from avlib.systems.common.model import without_prefix
from avlib.systems.common.smo import PairSVMs, train_pairs

Labelled = tuple["Embedding", np.ndarray]
# What to learn from, what to judge by, and the latter as each of its modalities alone shows it.
Split = tuple[Labelled, Labelled] | tuple[Labelled, Labelled, Mapping[str, "Embedding"]]
Decisions = dict[tuple[float, float], np.ndarray]  # by C and sigma

ROWS = 64  # clips that are decided at a time
C = (0.3, 1.0, 3.0, 10.0, 30.0)
SIGMA = (0.5, 0.7, 1.0, 1.5, 2.5)


@dataclass(frozen=True)
class Embedding:
    """Samples in the space of a weighted distance ``d^2 = sum of weight_m |e_m - e'_m|^2``.

    Attributes
    ----------
    vectors : dict of str to array of shape (n, p_modality)
        By modality, or one joint vector.
    weights : dict of str to float
        Not negative; one per modality.
    """

    vectors: Mapping[str, np.ndarray]
    weights: Mapping[str, float]

    def __len__(self) -> int:
        return len(next(iter(self.vectors.values())))

    def select(self, rows: np.ndarray) -> "Embedding":
        """Return some samples, by their places."""
        return replace(self, vectors={m: v[rows] for m, v in self.vectors.items()})

    def distances(self, other: "Embedding") -> np.ndarray:
        """Squared distances to the rows of another, by the modalities that this one holds.

        Returns
        -------
        float64 array of shape (n, n_other)
            Weighted by the other's `shares`.
        """
        result = np.zeros((len(self), len(other)))
        for modality, share in shares(other.weights, self.vectors).items():
            squares = squared_distances(self.vectors[modality], other.vectors[modality])
            squares *= share
            result += squares
        return result


@dataclass(frozen=True)
class Choice:
    """Settings chosen on samples held out, and what they showed there.

    Attributes
    ----------
    c, sigma : float
        sigma in multiples of the training samples' root median squared distance.
    temperature : float
        Of the samples as they are.
    accuracy : float
        On the samples held out.
    nll : float
        Mean negative log-likelihood of their labels.
    confusion : int array of shape (n_classes, n_classes)
        Rows true, columns predicted.
    alone : dict of str to float
        Temperature of samples that have one modality alone, by that modality.
    """

    c: float
    sigma: float
    temperature: float
    accuracy: float
    nll: float
    confusion: np.ndarray
    alone: Mapping[str, float] = field(default_factory=dict)

    def selection_key(self) -> tuple[float, float]:
        """Return what to compare choices by: the labels' likelihood, then accuracy.

        A few dozen clips tell settings apart by likelihood; by accuracy many settings tie or
        differ by a clip.
        """
        return -self.nll, self.accuracy


@dataclass(frozen=True)
class HeldOut:
    """What SVMs decide about samples that they did not learn from.

    Attributes
    ----------
    decisions : dict of (float, float) to array of shape (n, n_pairs)
        Of pairs of the classes that the SVM saw, by C and sigma.
    alone : dict of str to dict
        The same where the samples have one modality alone, by that modality.
    classes : int array of shape (n_seen,)
        Their codes.
    truth : int array of shape (n,)
        Codes of the samples' classes.
    """

    decisions: Decisions
    alone: dict[str, Decisions]
    classes: np.ndarray
    truth: np.ndarray


@dataclass
class KernelSVM:
    """SVM with kernel ``exp(-d^2 / (2 sigma^2))`` on a weighted distance.

    Parameters
    ----------
    n_classes : int
        Codes run from 0 to n_classes - 1; a class without training samples gets probability 0.
    c : sequence of float
        Candidates for the SVM's C.
    sigma : sequence of float
        Candidates for the kernel's width, in multiples of the root median squared distance between
        training samples: the same candidates then fit any metric.
    class_weight : {None, "balanced"}
        None, as in the paper: accuracy counts clips. "balanced" lifts rare classes (RAVDESS has
        half the clips for neutral) for the sake of average recall.

    Attributes
    ----------
    classes_ : int array of shape (n_seen,)
    support_ : Embedding
        Support samples.
    coefficients_ : array of shape (n_pairs, n_support)
    intercepts_ : array of shape (n_pairs,)
    width_ : float
        sigma as a distance.
    temperature_ : float
    alone_ : dict of str to float
        Temperature of samples that have one modality alone.
    """

    n_classes: int
    _: KW_ONLY
    c: Sequence[float] = C
    sigma: Sequence[float] = SIGMA
    class_weight: str | None = None

    def with_median_grid(self) -> "KernelSVM":
        """Return an SVM with the middle candidates alone, to compare metrics cheaply."""
        c, sigma = (sorted(v)[len(v) // 2 : len(v) // 2 + 1] for v in (self.c, self.sigma))
        return replace(self, c=c, sigma=sigma)

    def select(self, splits: Iterable[Split]) -> Choice:
        """Choose C, sigma and the temperatures on what was held out.

        Parameters
        ----------
        splits : iterable of ((Embedding, int array), (Embedding, int array), dict)
            Samples to learn from and samples to judge by, with their codes; and the latter by the
            one modality that they are taken to have (left out: no temperature is found for that).

        Raises
        ------
        DataError
            A split has fewer than two classes to learn from.
        """
        return self.best([self.held_out(*split) for split in splits])

    def held_out(
        self,
        learned: Labelled,
        judged: Labelled,
        alone: Mapping[str, Embedding] = MappingProxyType({}),
    ) -> HeldOut:
        """Train with every C and sigma; return what each decides about the samples held out."""
        return next(self.held_out_by_weights(learned, judged, [learned[0].weights], alone))

    def held_out_by_weights(
        self,
        learned: Labelled,
        judged: Labelled,
        weightings: Iterable[Mapping[str, float]],
        alone: Mapping[str, Embedding] = MappingProxyType({}),
    ) -> Iterator[HeldOut]:
        """Yield the same for each of several weights of the modalities, instead of the samples'."""
        (samples, y), (others, truth) = learned, judged
        samples, classes, counts = _by_class(samples, y)
        with single_thread():
            among = Distances(samples.vectors)
            across = Distances(others.vectors, samples.vectors)
            partly = {m: _across(part, others, across, samples) for m, part in alone.items()}
        kernel = np.empty(among.shape, np.float32)
        for weights in weightings:
            median = among.median(weights)
            decisions: Decisions = {}
            by_one: dict[str, Decisions] = {m: {} for m in alone}
            for sigma in self.sigma:
                width = sigma * median
                among.kernel(weights, width, out=kernel)
                machines = train_pairs(kernel, counts, self.c, self._class_weights(counts))
                settings = [(c, sigma) for c in self.c]
                for seen, into in [(across, decisions), *((partly[m], by_one[m]) for m in alone)]:
                    found = _decided(machines, seen.kernel_by_rows(weights, width, ROWS))
                    into |= zip(settings, found, strict=True)
            yield HeldOut(decisions, by_one, classes, truth)

    def best(self, held_out: Sequence[HeldOut]) -> Choice:
        """Return the choice that makes the labels likeliest; among equals the most accurate.

        The samples held out of all splits are judged as one. A class that a split could not learn
        counts as missed there.
        """
        choices = [self._judge(setting, held_out) for setting in held_out[0].decisions]
        best = max(choices, key=Choice.selection_key)
        alone = {
            m: self._calibrated([s.alone[m][best.c, best.sigma] for s in held_out], held_out)[0]
            for m in held_out[0].alone
        }
        return replace(best, alone=alone)

    def _judge(self, setting: tuple[float, float], held_out: Sequence[HeldOut]) -> Choice:
        """Score what a C and a sigma decide against the true codes."""
        decisions = [split.decisions[setting] for split in held_out]
        temperature, nll, probabilities = self._calibrated(decisions, held_out)
        truth = np.concatenate([split.truth for split in held_out])
        predicted = probabilities.argmax(axis=1)
        confusion = confusion_matrix(truth, predicted, labels=range(self.n_classes))
        accuracy = float(np.mean(predicted == truth))
        return Choice(*setting, temperature, accuracy, nll, confusion)

    def _calibrated(
        self, decisions: Sequence[np.ndarray], held_out: Sequence[HeldOut]
    ) -> tuple[float, float, np.ndarray]:
        """Return the temperature of every split's decisions, the labels' NLL, the probabilities."""
        truth = np.concatenate([split.truth for split in held_out])
        known = np.concatenate([np.isin(split.truth, split.classes) for split in held_out])

        def probabilities(temperature: float) -> np.ndarray:
            each = zip(decisions, held_out, strict=True)
            return np.concatenate(
                [coupled(d, split.classes, self.n_classes, temperature) for d, split in each]
            )

        temperature, nll = fit_temperature(lambda t: probabilities(t)[known], truth[known])
        return temperature, nll, probabilities(temperature)

    def fit(self, samples: Embedding, y: np.ndarray, choice: Choice) -> "KernelSVM":
        """Train with chosen settings.

        Raises
        ------
        DataError
            Fewer than two classes.
        """
        samples, self.classes_, counts = _by_class(samples, y)
        with single_thread():
            distances = Distances(samples.vectors, weights=samples.weights)
        self.width_ = choice.sigma * distances.median(samples.weights)
        kernel = distances.kernel(samples.weights, self.width_)
        (machines,) = train_pairs(kernel, counts, [choice.c], self._class_weights(counts))
        support = np.flatnonzero(machines.coefficients.any(axis=0))
        self.support_ = samples.select(support)
        self.coefficients_ = machines.coefficients[:, support]
        self.intercepts_ = machines.intercepts
        self.temperature_, self.alone_ = choice.temperature, dict(choice.alone)
        return self

    def decision_function(self, samples: Embedding) -> np.ndarray:
        """Pairwise decisions of shape (n, n_pairs), by the modalities that the samples hold."""
        with single_thread():
            kernel = rbf(samples.distances(self.support_), self.width_)
            return kernel @ self.coefficients_.T + self.intercepts_

    def predict_proba(self, samples: Embedding, alone: str | None = None) -> np.ndarray:
        """Return probabilities of shape (n, n_classes); the largest decides.

        Parameters
        ----------
        samples : Embedding
        alone : str, optional
            The one modality that the samples have, where the SVM learned from more.
        """
        temperature = self.temperature_ if alone is None else self.alone_[alone]
        decisions = self.decision_function(samples)
        return coupled(decisions, self.classes_, self.n_classes, temperature)

    def state(self) -> dict[str, np.ndarray]:
        """Return the fitted state as arrays."""
        return {
            "classes": self.classes_,
            "coefficients": self.coefficients_,
            "intercepts": self.intercepts_,
            "width": np.array(self.width_),
            "temperature": np.array(self.temperature_),
            **{f"alone_{m}": np.array(t) for m, t in self.alone_.items()},
            **{f"support_{m}": v for m, v in self.support_.vectors.items()},
            **{f"weight_{m}": np.array(w) for m, w in self.support_.weights.items()},
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> "KernelSVM":
        """Take on a state that `state` returned."""
        self.classes_ = state["classes"]
        self.coefficients_ = state["coefficients"]
        self.intercepts_ = state["intercepts"]
        self.width_ = float(state["width"])
        self.temperature_ = float(state["temperature"])
        self.alone_ = {m: float(t) for m, t in without_prefix("alone_", state).items()}
        vectors = without_prefix("support_", state)
        weights = without_prefix("weight_", state)
        self.support_ = Embedding(vectors, {m: float(w) for m, w in weights.items()})
        return self

    def _class_weights(self, counts: np.ndarray) -> np.ndarray:
        """Return what C is multiplied with for each class, as scikit-learn's SVC does."""
        if self.class_weight is None:
            return np.ones(len(counts))
        return counts.sum() / (len(counts) * counts)


def _by_class(samples: Embedding, y: np.ndarray) -> tuple[Embedding, np.ndarray, np.ndarray]:
    """Return the samples sorted by their codes, the codes that there are, and how often."""
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise DataError(
            f"an SVM needs at least two emotions, the {len(y)} training clips have"
            f" {len(classes)}: check the folds and the labels"
        )
    return samples.select(np.argsort(y, kind="stable")), classes, counts


def _across(part: Embedding, whole: Embedding, across: Distances, samples: Embedding) -> Distances:
    """Return the distances of samples that have one modality, from the whole ones' where it is."""
    if all(whole.vectors.get(m) is vectors for m, vectors in part.vectors.items()):
        return across.only(part.vectors)
    return Distances(part.vectors, samples.vectors)


def _decided(machines: Sequence[PairSVMs], kernel: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Return each SVM's pairwise decisions, of shape (n, n_pairs), from a kernel's rows."""
    coefficients = np.concatenate([m.coefficients for m in machines]).astype(np.float32)
    with single_thread():  # a few rows at a time: nothing of the kernel's size is made
        found = np.concatenate([rows @ coefficients.T for rows in kernel])
    of_each = np.split(found.astype(np.float64), len(machines), axis=1)
    return [f + m.intercepts for f, m in zip(of_each, machines, strict=True)]
