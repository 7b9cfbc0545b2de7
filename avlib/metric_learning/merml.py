"""MERML: one metric per modality, their weighted sum, learned from pairs (eqs. 4-7)."""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from avlib.metric_learning.base import (
    check_features,
    check_labels,
    modality_of,
    warn_unconverged,
)
from avlib.metric_learning.descent import Descent, first_w
from avlib.metric_learning.loss import view_weights
from avlib.metric_learning.pairs import PairSampler
from avlib.metric_learning.training_subspace import TrainingSubspace, principal_subspace
from avlib.runtime.threads import single_thread

PROBE = 4000  # pairs that set the first scale of W and b
TOLERANCE = 0.05  # converged when the last epoch lowered the loss by no more than this share


@dataclass(eq=False, repr=False)
class MERML(TransformerMixin, BaseEstimator):
    """Multimodal Emotion Recognition Metric Learning by stochastic gradient descent on pairs.

    Learns W_audio, W_video, omega and b such that
    ``d^2 = omega |W_v (x_v - x'_v)|^2 + (1 - omega) |W_a (x_a - x'_a)|^2`` (eq. 4) is below
    ``b - 1`` for samples of one class and above ``b + 1`` otherwise (eq. 5), by descending on the
    hinge of eq. 6. The objective is not convex in W. A pair counts while ``y (b - d^2) < 1``: the
    hinge of eq. 6, where eq. 7 as printed would stop at 0. omega stays in [0, 1] by projection,
    b is free. With one modality there is no omega. Several views of a modality (descriptors of
    it side by side) have a W each and share the modality's weight.

    The margin of 1 is a length, so features come on one scale: each modality is divided by the
    root of its mean squared pair distance, and W is first scaled so that d^2 over random pairs has
    a standard deviation of 2. Both are exact changes of variables, undone in ``W_``; learning_rate
    then means the same for Fisher vectors of norm 1 and for raw descriptors. b begins half-way
    between the mean d^2 of similar and of dissimilar pairs.

    Parameters
    ----------
    dim : int
        Rows p of each W; no more than the rank of the training features is used.
    init : {"pca", "whitened", "random"}
        First W: the p leading principal axes; these, shortened where clips of one class differ
        (`whitened_axes`); or Gaussian directions.
    learning_rate : float
        First step; it falls linearly to zero over the run.
    epochs : int
        0 keeps the first W.
    regularisation : float
        At least 0; times the squared distance of W to its start, half of it, is added to the loss.
    omega : "learned", "equal" or float
        "learned" starts at 0.5 and descends, as in the paper; the others leave every view the same
        weight while W are learned. A number is then the weight of video.
    pairs_per_epoch : int
    batch_size : int
        Pairs per step, whose gradients are averaged. 1 is the paper's online descent, which wants a
        learning rate about batch_size times smaller than a mini-batch.
    hard_fraction : float
        Share of hard pairs, in [0, 1] (see `PairSampler`).
    candidates : int
        Random partners among which a hard one is found.
    seed : int

    Attributes
    ----------
    W_ : dict of str to float32 array of shape (p, d_view)
    omega_ : float or None
        Weight of video; None with one modality.
    weights_ : dict of str to float
        By view: its share of omega or 1 - omega, or of 1.
    b_ : float
    loss_curve_ : list of float
        Mean hinge loss over each epoch's pairs, seen while descending.
    n_iter_ : int
        Steps taken.
    converged_ : bool
        The last epoch lowered the loss by less than 5 %.
    classes_ : array of shape (n_classes,)

    References
    ----------
    Ghaleb, Popa, Asteriadis: Metric Learning Based Multimodal Audio-visual Emotion Recognition,
    IEEE MultiMedia 2019.
    """

    dim: int = 200
    _: KW_ONLY
    init: str = "pca"
    learning_rate: float = 1.0
    epochs: int = 10
    pairs_per_epoch: int = 20000
    batch_size: int = 64
    hard_fraction: float = 0.25
    candidates: int = 8
    regularisation: float = 0.0
    omega: str | float = "learned"
    seed: int = 0

    _parameter_constraints: ClassVar[dict] = {
        "dim": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"pca", "whitened", "random"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "epochs": [Interval(Integral, 0, None, closed="left")],
        "pairs_per_epoch": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "hard_fraction": [Interval(Real, 0, 1, closed="both")],
        "candidates": [Interval(Integral, 1, None, closed="left")],
        "regularisation": [Interval(Real, 0, None, closed="left")],
        "omega": [StrOptions({"learned", "equal"}), Interval(Real, 0, 1, closed="both")],
    }

    def reduce(self, X: Mapping[str, np.ndarray]) -> dict[str, TrainingSubspace]:
        """Find the principal axes of each view, for fits that share them."""
        seed = int(self._seeds()[1])
        with single_thread():
            return {v: principal_subspace(x, self.dim, seed) for v, x in check_features(X).items()}

    def _seeds(self) -> np.ndarray:
        """Seeds of the pairs, of the axes of large matrices, and of a random start."""
        return np.random.SeedSequence(self.seed).generate_state(3)

    def fit(
        self,
        X: Mapping[str, np.ndarray],
        y: np.ndarray,
        groups: np.ndarray | None = None,
        confusion: np.ndarray | None = None,
        subspaces: Mapping[str, TrainingSubspace] | None = None,
    ) -> "MERML":
        """Learn the metric.

        Parameters
        ----------
        X : dict of str to array of shape (n, d_view)
            "audio", "video" or both; or several views, "audio.is10" and "audio.egemaps".
        y : array of shape (n,)
            Classes. A class with one sample takes part in dissimilar pairs only.
        groups : array of shape (n,), optional
            Subjects: similar pairs join two, dissimilar pairs stay in one.
        confusion : array of shape (n_classes, n_classes), optional
            Counts (rows true, columns predicted, in the order of the sorted classes) that steer the
            hard pairs.
        subspaces : dict of str to TrainingSubspace, optional
            What `reduce` returned for X.

        Returns
        -------
        MERML
            itself

        Raises
        ------
        ValueError
            An impossible parameter, features that are not finite, unequal lengths, or fewer than
            two classes.
        FloatingPointError
            The descent diverged (learning_rate too large).
        """
        self._validate_params()
        features = check_features(X)
        n = len(next(iter(features.values())))
        self.classes_, codes = np.unique(check_labels(y, n), return_inverse=True)
        seeds = self._seeds()
        sampler = PairSampler(
            codes,
            groups,
            hard_fraction=self.hard_fraction,
            candidates=self.candidates,
            confusion=confusion,
            seed=int(seeds[0]),
        )
        with single_thread():
            rng = np.random.default_rng(int(seeds[2]))
            spans = subspaces or self.reduce(features)
            learned = self.omega == "learned"
            descent = Descent(
                {v: (span, first_w(span, self.init, rng, codes)) for v, span in spans.items()},
                omega=0.5 if learned else _equal_omega(features),
                learn_omega=learned,
                regularisation=self.regularisation,
            )
            descent.scale(*sampler.sample(PROBE))
            self._descend(descent, sampler)
            self.W_ = {
                v: spans[v].restore(descent.W[v].cpu().numpy()).astype(np.float32) for v in spans
            }
        both = len({modality_of(view) for view in features}) == 2
        self.omega_ = float(descent.omega) if both else None
        self._weigh(self.omega_ if isinstance(self.omega, str) else self.omega)
        self.b_ = float(descent.b)
        self.n_features_in_ = sum(v.shape[1] for v in features.values())
        return self

    def reweighted(self, omega: str | float) -> "MERML":
        """Return this fitted metric with another weight of video; "equal" as of `fit`."""
        metric = copy(self).set_params(omega=omega)
        metric._weigh(_equal_omega(self.W_) if isinstance(omega, str) else omega)
        return metric

    def _weigh(self, omega: float | None) -> None:
        """Set the weights that follow from omega, which one modality alone has not."""
        self.omega_ = None if self.omega_ is None else omega
        weights = view_weights(self.W_, torch.tensor(omega or 0.0, dtype=torch.float64))
        self.weights_ = {view: float(weight) for view, weight in weights.items()}

    def _descend(self, descent: Descent, sampler: PairSampler) -> None:
        steps_per_epoch = -(-self.pairs_per_epoch // self.batch_size)
        total = self.epochs * steps_per_epoch
        self.loss_curve_: list[float] = []
        self.n_iter_ = 0
        for _ in range(self.epochs):
            embedding = descent.embedding() if self.hard_fraction > 0 else None
            first, second, sign = sampler.sample(self.pairs_per_epoch, embedding)
            loss = torch.zeros((), device=descent.device)
            for pairs in descent.batches(first, second, sign, self.batch_size):
                rate = self.learning_rate * (1.0 - self.n_iter_ / total)
                loss += descent.step(*pairs, rate)
                self.n_iter_ += 1
            self.loss_curve_.append(float(loss) / self.pairs_per_epoch)
            if not np.isfinite(self.loss_curve_[-1]):
                raise FloatingPointError(
                    f"MERML diverged at learning_rate {self.learning_rate}: take a smaller one"
                )
        curve = self.loss_curve_
        self.converged_ = len(curve) > 1 and curve[-1] >= (1.0 - TOLERANCE) * curve[-2]
        if self.epochs > 0 and not self.converged_:
            warn_unconverged(
                f"MERML's loss still fell when it stopped after {self.epochs} epochs: "
                "more epochs may help"
            )

    def transform(self, X: Mapping[str, np.ndarray]) -> np.ndarray:
        """Embed samples so that squared Euclidean distance is d^2 of eq. 4.

        Returns
        -------
        float32 array of shape (n, sum of p_view)
            ``[sqrt(1 - omega) W_a x_a ; sqrt(omega) W_v x_v]``; audio first.
        """
        projections = self.project(X)
        missing = sorted(set(self.weights_) - set(projections))
        if missing:
            raise ValueError(f"transform needs {missing} features too; project does without")
        weighted = [np.sqrt(w) * projections[m] for m, w in self.weights_.items()]
        return np.hstack(weighted).astype(np.float32)

    def project(self, X: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return ``W_v x_v`` of shape (n, p_v) for each view v given, without weights."""
        check_is_fitted(self)
        features = check_features(X)
        for modality, values in features.items():
            if modality not in self.W_ or values.shape[1] != self.W_[modality].shape[1]:
                fitted = {m: W.shape[1] for m, W in self.W_.items()}
                raise ValueError(
                    f"{modality} features have {values.shape[1]} columns, fitted were {fitted}"
                )
        with single_thread():
            return {m: (v @ self.W_[m].T).astype(np.float32) for m, v in features.items()}


def _equal_omega(views: Iterable[str]) -> float:
    """Return the omega that gives every view the same weight."""
    return float(np.mean([modality_of(view) == "video" for view in views]))
