"""One of EmoBed's systems for one target modality: regression of arousal and valence over time."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Self

import numpy as np

from avlib.runtime.device import device
from avlib.runtime.errors import DataError
from avlib.systems.common.deep import n_epochs
from avlib.systems.common.model import BOTH, without_prefix
from avlib.systems.common.standardiser import Standardiser
from avlib.systems.emobed.joint import KeepsJoint
from avlib.systems.emobed.network import EmoBedNetwork, embed_sequences, predict_sequences
from avlib.systems.emobed.sequence_prep import advance_labels, delayed, frames_of
from avlib.systems.emobed.traces import CHUNK, DIMENSIONS
from avlib.systems.emobed.traces.postprocessing import PostProcessing, fit_postprocessing
from avlib.systems.emobed.traces.recordings import TraceRecording
from avlib.systems.emobed.unpaired import Sequences, epochs_over, held_out_loader
from avlib.systems.emobed.weights import best_weights

MOMENTS = 400  # of each modality in the shared space, at most: neighbours 40 ms apart are one


class TraceModel(KeepsJoint):
    """Learns from recordings of both modalities, and predicts from the target alone.

    Parameters
    ----------
    target : str
        Modality.
    auxiliary : str, optional
        The other one; none in the classic system.
    system : str
        A key of `SYSTEMS`, to tell them apart.
    dimensions : sequence of str
        What the recordings' labels are of.
    settings
        Section ``traces`` of params.yaml, with ``alpha`` and ``beta`` as the system uses them, and
        ``step`` of the labels in s. ``keep_joint`` may be missing: false.

    Attributes
    ----------
    networks_ : dict of str to EmoBedNetwork
        ``network``, of the target modality.
    standardiser_ : Standardiser
        Of the training recordings.
    helping_ : dict of str to Standardiser
        With ``keep_joint``: of the auxiliary modality.
    middle_ : list of float
        Training mean of each dimension, around which triplets tell high from low; kept with
        ``keep_joint``.
    refining_ : dict of str to PostProcessing
        By dimension.
    chosen_ : dict
        ``epochs``, how many were trained, ``alpha`` and ``beta`` where there were several to choose
        from, and ``postprocessing``.
    """

    networks_: dict[str, EmoBedNetwork]
    standardiser_: Standardiser
    helping_: dict[str, Standardiser]
    middle_: list[float]
    refining_: dict[str, PostProcessing]

    def __init__(
        self,
        target: str,
        auxiliary: str | None = None,
        *,
        system: str,
        dimensions: Sequence[str] = DIMENSIONS,
        **settings: Any,
    ) -> None:
        super().__init__(system, settings)
        self.target, self.auxiliary, self.dimensions = target, auxiliary, tuple(dimensions)
        self.delay = frames_of(settings["delay"], settings["step"])

    def fit(self, train: Sequence[TraceRecording], validation: Sequence[TraceRecording]) -> Self:
        """Train on one part; choose the epoch and the post-processing on the other.

        The validation part is never trained on, since post-processing fitted to predictions of
        what was trained on would take them for better than they are.

        Raises
        ------
        DataError
            A part has no recording with the target modality and labels that outlast the delay.
        ParamsError
            Training diverged.
        """
        # Loads Lightning: seconds.
        from avlib.systems.emobed.traces.training import TraceTraining
        from avlib.systems.emobed.training import train_jointly

        s = self.settings
        learned, standard = {}, {}
        for m in filter(None, [self.target, self.auxiliary]):
            standard[m] = Standardiser.fit(r.features[m] for r in train if m in r.features)
            learned[m] = self._sequences(train, m, standard[m])
        self.standardiser_, self.joint_ = standard.pop(self.target), {}
        self.helping_ = standard if s.get("keep_joint") else {}
        watched = [r for r in validation if self.target in r.features]
        held_out = self._sequences(watched, self.target, self.standardiser_)
        for part, given in (("training", learned[self.target]), ("validation", held_out)):
            if not any(np.isfinite(labels).any() for labels in given.labels):
                raise DataError(
                    f"{self.system}, {self.target}: the {len(given.labels)} {part} recordings with"
                    f" {self.target} have no label later than {s['delay']:g} s; expected some:"
                    " lower traces.delay, or look into data/traces.parquet and data/status"
                )
        self.middle_ = np.nanmean(np.concatenate(learned[self.target].labels), axis=0).tolist()
        every = {m: sum(m in r.features for r in train) for m in BOTH}
        loader = held_out_loader(self.target, held_out, len(watched))

        def train_with(alpha: float, beta: float, name: str) -> Any:
            weights = s | {"alpha": alpha, "beta": beta}
            return train_jointly(
                partial(
                    TraceTraining,
                    target=self.target,
                    middle=self.middle_,
                    dimensions=self.dimensions,
                    **weights,
                ),
                len(self.dimensions),
                learned,
                loader,
                weights,
                lambda drawn: epochs_over({m: len(of.labels) for m, of in drawn.items()}, every, s),
                **self.training(name),
            )

        network, curves, tried = best_weights(
            train_with, s["alpha"], s["beta"], self.target, held_out=True
        )
        self.networks_ = {"network": self.divide(self.target, network)}
        self.logs_ = {"curves": curves}
        weights = {}
        if len(tried) > 1:
            weights = {w: float(tried.iloc[0][w]) for w in ("alpha", "beta")}
            self.logs_["weights"] = tried.to_csv(index=False, lineterminator="\n")
        self._refine(watched)
        self.chosen_ |= weights
        return self

    def predict(self, recordings: Sequence[TraceRecording]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the predictions of recordings that have the target modality.

        They stand beside the labels as annotated: the delay that training took away is back.

        Returns
        -------
        list of (raw, refined), float64 arrays of shape (n_moments, n_dimensions)
            Before and after post-processing.
        """
        return [(raw, self._refined(raw)) for raw in self._raw(recordings)]

    def shared_space(self, recordings: Sequence[TraceRecording]) -> dict[str, np.ndarray]:
        """Return labelled moments as the network embeds them, from all modalities it knows.

        Where no joint network was kept that is the target alone. Of more than `MOMENTS` every
        second, third and so on is taken.

        Returns
        -------
        dict
            Columns of `SHARED_MOMENTS` but ``part``: a row for each modality, recording that has it
            and moment.
        """
        network = self.joint_.get(self.target, self.networks_["network"]).to(device())
        standard = {self.target: self.standardiser_, **self.helping_}
        found: dict[str, list[np.ndarray]] = {}
        for modality in network.specific:
            known = [r for r in recordings if modality in r.features]
            if not known:
                continue
            half = self._sequences(known, modality, standard[modality]).half(range(len(known)))
            labels = half.labels.double().numpy() - self.middle_
            of, at = np.nonzero(np.isfinite(labels).any(2))
            thinned = slice(None, None, -(-len(of) // MOMENTS) or None)
            of, at = of[thinned], at[thinned]
            embedded = embed_sequences(network, modality, half.features, CHUNK).numpy()
            columns = {
                "target": np.full(len(of), self.target),
                "modality": np.full(len(of), modality),
                "clip_id": np.array([r.clip_id for r in known])[of],
                "frame": at,
                "embedding": embedded[of, at],
                **{dimension: np.full(len(of), np.nan) for dimension in DIMENSIONS},
                **dict(zip(self.dimensions, labels[of, at].T, strict=True)),
            }
            for name, values in columns.items():
                found.setdefault(name, []).append(values)
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``, as JSON knows them."""
        own = {"system": self.system, "target": self.target, "auxiliary": self.auxiliary}
        return own | {"dimensions": list(self.dimensions)} | self.settings

    def build(self) -> dict[str, EmoBedNetwork]:
        """Return the network of the target modality."""
        sizes = {self.target: len(self.standardiser_.mean)}
        return {"network": EmoBedNetwork(sizes, len(self.dimensions), **self.settings)}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the training recordings' means and standard deviations."""
        own = asdict(self.standardiser_)
        if not self.settings.get("keep_joint"):
            return own
        own |= {f"{n}_{m}": v for m, of in self.helping_.items() for n, v in asdict(of).items()}
        return own | {"middle": np.array(self.middle_)}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take them back, and the post-processing."""
        self.standardiser_ = Standardiser(arrays["mean"], arrays["scale"])
        self.helping_ = {
            m: Standardiser(mean, arrays[f"scale_{m}"])
            for m, mean in without_prefix("mean_", arrays).items()
        }
        self.middle_ = arrays["middle"].tolist() if "middle" in arrays else []
        chosen = self.chosen_["postprocessing"]
        self.refining_ = {d: PostProcessing(**chosen[d]) for d in self.dimensions}

    def _sequences(
        self, recordings: Sequence[TraceRecording], modality: str, standard: Standardiser
    ) -> Sequences:
        """Return standardised features, and the labels moved back to what they were given for.

        Those of the recordings that have the modality.
        """
        known = [r for r in recordings if modality in r.features]
        return Sequences(
            [standard.apply(r.features[modality]) for r in known],
            [advance_labels(r.labels, self.delay) for r in known],
        )

    def _refine(self, watched: Sequence[TraceRecording]) -> None:
        """Fit the post-processing of each dimension to the validation recordings."""
        raw, self.refining_ = self._raw(watched), {}
        for k, dimension in enumerate(self.dimensions):
            pairs = [(r.labels[:, k], values[:, k]) for r, values in zip(watched, raw, strict=True)]
            self.refining_[dimension] = fit_postprocessing(pairs, self.settings["step"])
        settings = {dimension: asdict(chain) for dimension, chain in self.refining_.items()}
        self.chosen_ = {"epochs": n_epochs(self.logs_["curves"]), "postprocessing": settings}

    def _raw(self, recordings: Sequence[TraceRecording]) -> list[np.ndarray]:
        """Predict recordings, each (n_moments, n_dimensions), beside the labels as annotated."""
        if not recordings:
            return []
        sequences = self._sequences(recordings, self.target, self.standardiser_)
        batch = sequences.half(range(len(recordings)))
        network = self.networks_["network"].to(device())
        found = predict_sequences(network, self.target, batch.features, CHUNK).double().numpy()
        return [delayed(v[:n], self.delay) for v, n in zip(found, batch.lengths, strict=True)]

    def _refined(self, raw: np.ndarray) -> np.ndarray:
        chains = zip(self.refining_.values(), raw.T, strict=True)
        return np.stack([chain.apply(series) for chain, series in chains], axis=1)
