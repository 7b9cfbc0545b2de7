"""The RBF-SVM on a weighted distance that all vector systems share (MERML eqs. 8-9)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace

import numpy as np
from sklearn.metrics import confusion_matrix
from sklearn.svm import SVC

from avlib.metric_learning.base import squared_distances
from avlib.runtime.errors import DataError
from avlib.runtime.threads import single_thread
from avlib.systems.common.decision import fit_temperature, one_vs_rest, pairwise, softmax
from avlib.systems.common.distances import Distances, rbf, shares
from avlib.systems.common.model import without_prefix

Labelled = tuple["Embedding", np.ndarray]

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
    accuracy : float
        On the samples held out.
    nll : float
        Mean negative log-likelihood of their labels.
    confusion : int array of shape (n_classes, n_classes)
        Rows true, columns predicted.
    """

    c: float
    sigma: float
    temperature: float
    accuracy: float
    nll: float
    confusion: np.ndarray

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
    decisions : dict of (float, float) to array of shape (n, n_classes)
        One-vs-rest, by C and sigma; -inf for a class that the SVM never saw.
    truth : int array of shape (n,)
        Codes of the samples' classes.
    """

    decisions: dict[tuple[float, float], np.ndarray]
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

    def select(self, splits: Iterable[tuple[Labelled, Labelled]]) -> Choice:
        """Choose C, sigma and the temperature on what was held out.

        Parameters
        ----------
        splits : iterable of ((Embedding, int array), (Embedding, int array))
            Samples to learn from and samples to judge by, with their codes.

        Raises
        ------
        DataError
            A split has fewer than two classes to learn from.
        """
        return self.best([self.held_out(*split) for split in splits])

    def held_out(self, learned: Labelled, judged: Labelled) -> HeldOut:
        """Train with every C and sigma; return what each decides about the samples held out."""
        return next(self.held_out_by_weights(learned, judged, [learned[0].weights]))

    def held_out_by_weights(
        self, learned: Labelled, judged: Labelled, weightings: Iterable[Mapping[str, float]]
    ) -> Iterator[HeldOut]:
        """Yield the same for each of several weights of the modalities, instead of the samples'."""
        (samples, y), (others, truth) = learned, judged
        with single_thread():
            among = Distances(samples.vectors)
            across = Distances(others.vectors, samples.vectors)
        kernel = np.empty(among.shape)
        for weights in weightings:
            median = among.median(weights)
            decisions = {}
            for sigma in self.sigma:
                width = sigma * median
                machines = self._train_each(among.kernel(weights, width, out=kernel), y)
                found = _decided(machines, across.kernel_by_rows(weights, width, ROWS))
                for c, values in zip(self.c, found, strict=True):
                    decisions[c, sigma] = np.full((len(others), self.n_classes), -np.inf)
                    decisions[c, sigma][:, machines[0].classes_] = values
            yield HeldOut(decisions, truth)

    def _train_each(self, kernel: np.ndarray, y: np.ndarray) -> list[SVC]:
        """Train with every C; where no coefficient comes near one, a larger one gives the same."""
        machines: list[SVC] = []
        enough: SVC | None = None
        for c in self.c:
            if enough is None or c < enough.C:
                machines.append(self._train(kernel, y, c))
                enough = machines[-1] if _far_from_c(machines[-1]) else enough
            else:
                machines.append(enough)
        return machines

    def best(self, held_out: Sequence[HeldOut]) -> Choice:
        """Return the choice that makes the labels likeliest; among equals the most accurate.

        The samples held out of all splits are judged as one. A class that a split could not learn
        counts as missed there.
        """
        truth = np.concatenate([split.truth for split in held_out])
        choices = [
            self._judge(*setting, np.concatenate([s.decisions[setting] for s in held_out]), truth)
            for setting in held_out[0].decisions
        ]
        return max(choices, key=Choice.selection_key)

    def _judge(self, c: float, sigma: float, values: np.ndarray, truth: np.ndarray) -> Choice:
        """Score one-vs-rest decisions of shape (n, n_classes) against the true codes."""
        predicted = values.argmax(axis=1)
        confusion = confusion_matrix(truth, predicted, labels=range(self.n_classes))
        temperature, nll = fit_temperature(values, truth)
        accuracy = float(np.mean(predicted == truth))
        return Choice(c, sigma, temperature, accuracy, nll, confusion)

    def fit(self, samples: Embedding, y: np.ndarray, choice: Choice) -> "KernelSVM":
        """Train with chosen settings.

        Raises
        ------
        DataError
            Fewer than two classes.
        """
        with single_thread():
            distances = Distances(samples.vectors, weights=samples.weights)
        self.width_ = choice.sigma * distances.median(samples.weights)
        svc = self._train(distances.kernel(samples.weights, self.width_), y, choice.c)
        vectors = {m: v[svc.support_] for m, v in samples.vectors.items()}
        self.support_ = replace(samples, vectors=vectors)
        self.classes_ = np.asarray(svc.classes_)
        self.coefficients_, self.intercepts_ = pairwise(svc)
        self.temperature_ = choice.temperature
        return self

    def decision_function(self, samples: Embedding) -> np.ndarray:
        """Pairwise decisions of shape (n, n_pairs), by the modalities that the samples hold."""
        with single_thread():
            kernel = rbf(samples.distances(self.support_), self.width_)
            return kernel @ self.coefficients_.T + self.intercepts_

    def predict_proba(self, samples: Embedding) -> np.ndarray:
        """Probabilities of shape (n, n_classes); the largest is the SVM's decision."""
        values = one_vs_rest(self.decision_function(samples), len(self.classes_))
        probabilities = np.zeros((len(samples), self.n_classes))
        probabilities[:, self.classes_] = softmax(values, self.temperature_)
        return probabilities

    def state(self) -> dict[str, np.ndarray]:
        """Return the fitted state as arrays."""
        return {
            "classes": self.classes_,
            "coefficients": self.coefficients_,
            "intercepts": self.intercepts_,
            "width": np.array(self.width_),
            "temperature": np.array(self.temperature_),
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
        vectors = without_prefix("support_", state)
        weights = without_prefix("weight_", state)
        self.support_ = Embedding(vectors, {m: float(w) for m, w in weights.items()})
        return self

    def _train(self, kernel: np.ndarray, y: np.ndarray, c: float) -> SVC:
        if len(np.unique(y)) < 2:
            raise DataError(
                f"an SVM needs at least two emotions, the {len(y)} training clips have"
                f" {len(np.unique(y))}: check the folds and the labels"
            )
        return SVC(C=c, kernel="precomputed", class_weight=self.class_weight).fit(kernel, y)


def _decided(machines: Sequence[SVC], kernel: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Return each SVM's one-vs-rest decisions, of shape (n, n_seen), from a kernel's rows."""
    coefficients, intercepts = zip(*map(pairwise, machines), strict=True)
    pairs: list[list[np.ndarray]] = [[] for _ in machines]
    with single_thread():
        for rows in kernel:  # few at a time: nothing of the kernel's size is copied
            for svc, of_pairs, found in zip(machines, coefficients, pairs, strict=True):
                found.append(rows.take(svc.support_, axis=1) @ of_pairs.T)
    return [
        one_vs_rest(np.concatenate(found) + intercept, len(svc.classes_))
        for svc, found, intercept in zip(machines, pairs, intercepts, strict=True)
    ]


def _far_from_c(svc: SVC) -> bool:
    """Say whether no coefficient comes near C, half of it: then a larger C gives the same SVM.

    One that stopped below C might have been at C on its way, and libsvm stops within a tolerance.
    """
    return bool(2.0 * np.abs(svc.dual_coef_).max() < svc.C * svc.class_weight_.min())
