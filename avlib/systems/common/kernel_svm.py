"""The RBF-SVM on a weighted distance that all vector systems share (MERML eqs. 8-9)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace

import numpy as np
from sklearn.metrics import confusion_matrix

from avlib.metric_learning.base import squared_distances
from avlib.runtime.errors import DataError
from avlib.runtime.threads import single_thread
from avlib.systems.common.decision import fit_temperature, one_vs_rest, softmax
from avlib.systems.common.distances import Distances, rbf, shares
from avlib.systems.common.model import without_prefix
from avlib.systems.common.smo import PairSVMs, train_pairs

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
        samples, classes, counts = _by_class(samples, y)
        with single_thread():
            among = Distances(samples.vectors)
            across = Distances(others.vectors, samples.vectors)
        kernel = np.empty(among.shape, np.float32)
        for weights in weightings:
            median = among.median(weights)
            decisions = {}
            for sigma in self.sigma:
                width = sigma * median
                among.kernel(weights, width, out=kernel)
                machines = train_pairs(kernel, counts, self.c, self._class_weights(counts))
                found = _decided(
                    machines, len(classes), across.kernel_by_rows(weights, width, ROWS)
                )
                for c, values in zip(self.c, found, strict=True):
                    decisions[c, sigma] = np.full((len(others), self.n_classes), -np.inf)
                    decisions[c, sigma][:, classes] = values
            yield HeldOut(decisions, truth)

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


def _decided(
    machines: Sequence[PairSVMs], n_seen: int, kernel: Iterable[np.ndarray]
) -> list[np.ndarray]:
    """Return each SVM's one-vs-rest decisions, of shape (n, n_seen), from a kernel's rows."""
    coefficients = np.concatenate([m.coefficients for m in machines]).astype(np.float32)
    with single_thread():  # a few rows at a time: nothing of the kernel's size is made
        found = np.concatenate([rows @ coefficients.T for rows in kernel])
    of_each = np.split(found.astype(np.float64), len(machines), axis=1)
    intercepts = [m.intercepts for m in machines]
    return [one_vs_rest(f + b, n_seen) for f, b in zip(of_each, intercepts, strict=True)]
