"""Support vector regression of arousal and valence over time, the baseline that AVEC sets."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np
from sklearn.svm import LinearSVR

from avlib.report.regression import partition_scores
from avlib.runtime.errors import DataError
from avlib.systems.common.model import Saved
from avlib.systems.common.standardiser import Standardiser
from avlib.systems.emobed.sequence_prep import advance_labels, delayed, frames_of
from avlib.systems.emobed.traces import DIMENSIONS
from avlib.systems.emobed.traces.postprocessing import PostProcessing, fit_postprocessing
from avlib.systems.emobed.traces.recordings import TraceRecording

EPSILON = 0.1  # error that costs nothing; LIBLINEAR's default


class TraceSVR(Saved):
    """A linear SVR of one modality for each dimension, moment by moment.

    As in the baseline of AVEC 2016 (Valstar et al. 2016; EmoBed, section 5.1) labels are
    moved back by the annotators' delay, features are standardised, the complexity C is what scores
    best on the validation recordings after post-processing, and predictions go through the same
    post-processing as the networks'. AVEC searched the delay too; here it is the networks'. The
    loss is the squared one, which scikit-learn's linear SVR (LIBLINEAR) minimises in the primal,
    the faster way with more moments than features; errors below LIBLINEAR's 0.1 cost nothing.

    Parameters
    ----------
    target : str
        Modality.
    system : str
        How it is called.
    dimensions : sequence of str
        What the recordings' labels are of.
    c : list of float
        To choose from: C times the number of training moments, over which the loss is a sum.
    delay : float
        Of the annotators, s.
    step : float
        Of the labels, s.

    Attributes
    ----------
    weights_ : float64 array of shape (n_dimensions, d + 1)
        Of standardised features, the intercept last.
    standardiser_ : Standardiser
    refining_ : dict of str to PostProcessing
        By dimension.
    chosen_ : dict
        ``c`` and ``postprocessing``, by dimension.
    """

    weights_: np.ndarray
    standardiser_: Standardiser
    refining_: dict[str, PostProcessing]

    def __init__(
        self,
        target: str,
        *,
        system: str,
        dimensions: Sequence[str] = DIMENSIONS,
        c: list[float],
        delay: float,
        step: float,
    ) -> None:
        self.target, self.system, self.dimensions = target, system, tuple(dimensions)
        self.c, self.delay, self.step = c, delay, step

    def fit(self, train: Sequence[TraceRecording], validation: Sequence[TraceRecording]) -> Self:
        """Learn from one part, and choose C and the post-processing on the other.

        Raises
        ------
        DataError
            The training part has no labelled moment with the target modality.
        """
        known = [r for r in train if self.target in r.features]
        self.standardiser_ = Standardiser.fit(r.features[self.target] for r in known)
        late = frames_of(self.delay, self.step)
        values = np.concatenate([self._standard(r) for r in known])
        labels = np.concatenate([advance_labels(r.labels, late) for r in known])
        watched = [r for r in validation if self.target in r.features]
        weights: list[np.ndarray] = []
        self.refining_, self.chosen_ = {}, {"c": {}, "postprocessing": {}}
        for k, dimension in enumerate(self.dimensions):
            there = np.isfinite(labels[:, k])
            if not there.any():
                raise DataError(
                    f"{self.system}, {self.target}: none of the {len(known)} training recordings"
                    f" has a label of {dimension} later than {self.delay:g} s; expected some: lower"
                    " traces.delay, or look into data/traces.parquet"
                )
            truth = [r.labels[:, k] for r in watched]
            tried = [
                self._tried(values[there], labels[there, k], c, truth, watched) for c in self.c
            ]
            best = max(range(len(tried)), key=lambda n: (tried[n][0], -n))
            _, own, self.refining_[dimension] = tried[best]
            weights.append(own)
            self.chosen_["c"][dimension] = self.c[best]
            self.chosen_["postprocessing"][dimension] = asdict(self.refining_[dimension])
        self.weights_ = np.stack(weights)
        return self

    def predict(self, recordings: Sequence[TraceRecording]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the predictions of recordings that have the target modality.

        Returns
        -------
        list of (raw, refined), float64 arrays of shape (n_moments, n_dimensions)
            Beside the labels as annotated, before and after post-processing.
        """
        found = []
        for recording in recordings:
            raw = np.stack([self._said(recording, weights) for weights in self.weights_], axis=1)
            chains = zip(self.refining_.values(), raw.T, strict=True)
            found.append((raw, np.stack([chain.apply(s) for chain, s in chains], axis=1)))
        return found

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""
        how = {"c": self.c, "delay": self.delay, "step": self.step}
        names = {"target": self.target, "system": self.system}
        return names | {"dimensions": list(self.dimensions)} | how

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights, and the training recordings' means and standard deviations."""
        return {"weights": self.weights_, **asdict(self.standardiser_)}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take them back, and the post-processing."""
        self.weights_ = arrays["weights"]
        self.standardiser_ = Standardiser(arrays["mean"], arrays["scale"])
        chosen = self.chosen_["postprocessing"]
        self.refining_ = {d: PostProcessing(**chosen[d]) for d in self.dimensions}

    def _tried(
        self,
        values: np.ndarray,
        wanted: np.ndarray,
        c: float,
        truth: list[np.ndarray],
        watched: Sequence[TraceRecording],
    ) -> tuple[float, np.ndarray, PostProcessing]:
        """Return the validation CCC of one C, the weights and the post-processing."""
        svr = LinearSVR(
            loss="squared_epsilon_insensitive",
            epsilon=EPSILON,
            dual=False,
            C=c / len(values),
            max_iter=10_000,
        ).fit(values, wanted)
        weights = np.append(svr.coef_, svr.intercept_)
        pairs = list(zip(truth, [self._said(r, weights) for r in watched], strict=True))
        chain = fit_postprocessing(pairs, self.step)
        scored = partition_scores([(labels, chain.apply(said)) for labels, said in pairs])
        ccc = scored["ccc_concatenated"]
        return -np.inf if ccc is None else ccc, weights, chain

    def _said(self, recording: TraceRecording, weights: np.ndarray) -> np.ndarray:
        """Return one dimension of a recording, (n_moments,), where the labels as given stand."""
        said = self._standard(recording) @ weights[:-1] + weights[-1]
        return delayed(said, frames_of(self.delay, self.step))

    def _standard(self, recording: TraceRecording) -> np.ndarray:
        return self.standardiser_.apply(recording.features[self.target]).astype(float)
