"""One of EmoBed's systems for one target modality: regression of arousal and valence over time."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from torch.utils.data import DataLoader

from avlib.runtime.device import device
from avlib.runtime.errors import DataError
from avlib.systems.common.deep import (
    frozen,
    load_network,
    n_epochs,
    save_network,
    seeded,
)
from avlib.systems.common.model import load_state, save_state
from avlib.systems.emobed.network import EmoBedNetwork, predict_sequences, without_auxiliary
from avlib.systems.emobed.sequence_prep import (
    Standardiser,
    advance_labels,
    delayed,
    frames_of,
)
from avlib.systems.emobed.traces import DIMENSIONS
from avlib.systems.emobed.traces.batches import CHUNK, SequenceDataset, padded
from avlib.systems.emobed.traces.postprocessing import PostProcessing, choices, fit_postprocessing
from avlib.systems.emobed.traces.recordings import Features, TraceRecording
from avlib.systems.emobed.unpaired import UnpairedBatches

if TYPE_CHECKING:
    from avlib.systems.emobed.traces.training import TraceTraining


class TraceModel:
    """Learns from recordings of both modalities, and predicts from the target alone.

    Parameters
    ----------
    target : str
        Modality.
    auxiliary : str or None
        The other one; None in the classic system.
    system : str
        A key of `SYSTEMS`, to tell them apart.
    settings
        Section ``traces`` of params.yaml, with ``alpha`` and ``beta`` as the system uses them, and
        ``step`` of the labels in s.

    Attributes
    ----------
    checkpoints : Path, optional
        Where training keeps how far it is.
    """

    checkpoints: Path | None = None
    network_: EmoBedNetwork
    standardiser_: Standardiser
    refining_: dict[str, PostProcessing]
    chosen_: dict[str, Any]
    curves_: str

    def __init__(self, target: str, auxiliary: str | None, *, system: str, **settings: Any) -> None:
        self.system, self.target, self.auxiliary = system, target, auxiliary
        self.settings = settings
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
        from avlib.systems.emobed.traces.training import TraceTraining  # loads Lightning: seconds

        s = self.settings
        modalities = [self.target, *([self.auxiliary] if self.auxiliary else [])]
        known = {m: _with(train, m) for m in modalities}
        standard = {m: _standardiser([r.features[m] for r in known[m]]) for m in modalities}
        self.standardiser_ = standard[self.target]
        learned = {m: self._sequences(known[m], m, standard[m]) for m in modalities}
        watched = _with(validation, self.target)
        held_out = self._sequences(watched, self.target, self.standardiser_)
        for part, sequences in (("training", learned[self.target]), ("validation", held_out)):
            if not any(np.isfinite(labels).any() for _, labels in sequences):
                raise DataError(
                    f"{self.system}, {self.target}: the {len(sequences)} {part} recordings with"
                    f" {self.target} have no label later than {s['delay']:g} s; expected some:"
                    " lower traces.delay, or look into data/traces.parquet and data/status"
                )
        middle = np.nanmean(np.concatenate([labels for _, labels in learned[self.target]]), axis=0)
        sizes = {m: learned[m][0][0].shape[1] for m in modalities}
        with seeded(s["seed"]):
            alone = self._build({self.target: sizes[self.target]})
            network = self._build(sizes)
        # The same start with and without help: systems differ in their objective alone.
        network.load_state_dict(network.state_dict() | alone.state_dict())
        module = TraceTraining(
            network,
            self.target,
            middle.tolist(),
            alpha=s["alpha"],
            beta=s["beta"],
            margin=s["margin"],
            loss=s["loss"],
            learning_rate=s["learning_rate"],
            weight_decay=s["weight_decay"],
        )
        self.curves_ = self._train(module, learned, held_out)
        self.network_ = self._build({self.target: sizes[self.target]})
        self.network_.load_state_dict(without_auxiliary(network.state_dict(), self.target))
        frozen(self.network_)
        self._refine(watched)
        return self

    def predict(self, recordings: Sequence[TraceRecording]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the predictions of recordings that have the target modality.

        They stand beside the labels as annotated: the delay that training took away is back.

        Returns
        -------
        list of (raw, refined), float64 arrays of shape (n_moments, 2)
            Before and after post-processing.
        """
        return [(raw, self._refined(raw)) for raw in self._raw(recordings)]

    def save(self, folder: Path) -> None:
        """Write the network of the target modality, and all that goes with it."""
        arguments = {"system": self.system, "target": self.target, "auxiliary": self.auxiliary}
        scaler = {"mean": self.standardiser_.mean, "scale": self.standardiser_.scale}
        facts = {"arguments": arguments | self.settings, "chosen": self.chosen_}
        save_state(folder, scaler, facts)
        save_network(self.network_, folder / "network.safetensors")
        (folder / "curves.csv").write_text(self.curves_)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        arrays, settings = load_state(folder)
        model = cls(**settings["arguments"])
        model.chosen_, model.curves_ = settings["chosen"], (folder / "curves.csv").read_text()
        model.standardiser_ = Standardiser(arrays["mean"], arrays["scale"])
        refining = model.chosen_["postprocessing"]
        model.refining_ = {d: PostProcessing(**refining[d]) for d in DIMENSIONS}
        network = model._build({model.target: len(arrays["mean"])})
        model.network_ = load_network(network, folder / "network.safetensors")
        return model

    def _build(self, sizes: dict[str, int]) -> EmoBedNetwork:
        s = self.settings
        return EmoBedNetwork(sizes, len(DIMENSIONS), hidden=s["hidden"], layers=s["layers"])

    def _sequences(
        self, recordings: Sequence[TraceRecording], modality: str, standard: Standardiser
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return standardised features, and the labels moved back to what they were given for."""
        return [
            (
                standard.apply(r.features[modality].values, r.features[modality].there),
                advance_labels(r.labels, self.delay),
            )
            for r in recordings
        ]

    def _train(self, module: "TraceTraining", learned: dict, held_out: list) -> str:
        """Train to the epoch that is best on the validation recordings; return the curves."""
        from avlib.networks.train_network import train_network  # loads Lightning: seconds

        s = self.settings
        counts = {m: len(sequences) for m, sequences in learned.items()}
        draws = UnpairedBatches(counts, s["batch_size"], s["seed"])
        everything = [{self.target: list(range(len(held_out)))}]
        name = f"{self.system}-{self.target}"
        return train_network(
            module,
            DataLoader(SequenceDataset(learned), batch_size=None, sampler=draws),
            DataLoader(
                SequenceDataset({self.target: held_out}), batch_size=None, sampler=everything
            ),
            folder=self.checkpoints / name if self.checkpoints else None,
            max_epochs=s["epochs"],
            patience=s["patience"],
            seed=s["seed"],
            label=f"{name}, {self.checkpoints.name}" if self.checkpoints else name,
        )

    def _refine(self, watched: Sequence[TraceRecording]) -> None:
        """Fit the post-processing of each dimension to the validation recordings."""
        raw = self._raw(watched)
        windows, delays = choices(self.settings["step"])
        self.refining_ = {
            dimension: fit_postprocessing(
                [(r.labels[:, k], values[:, k]) for r, values in zip(watched, raw, strict=True)],
                windows=windows,
                delays=delays,
            )
            for k, dimension in enumerate(DIMENSIONS)
        }
        settings = {dimension: asdict(chain) for dimension, chain in self.refining_.items()}
        self.chosen_ = {"epochs": n_epochs(self.curves_), "postprocessing": settings}

    def _raw(self, recordings: Sequence[TraceRecording]) -> list[np.ndarray]:
        """Predict recordings, each (n_moments, 2), beside the labels as annotated."""
        if not recordings:
            return []
        sequences = self._sequences(recordings, self.target, self.standardiser_)
        batch = padded(sequences)
        network = self.network_.to(device())
        found = predict_sequences(network, self.target, batch.features, batch.lengths, CHUNK)
        ends = [len(labels) for _, labels in sequences]
        predicted = found.double().numpy()
        return [delayed(v[:end], self.delay) for v, end in zip(predicted, ends, strict=True)]

    def _refined(self, raw: np.ndarray) -> np.ndarray:
        chains = zip(self.refining_.values(), raw.T, strict=True)
        return np.stack([chain.apply(series) for chain, series in chains], axis=1)


def _with(recordings: Sequence[TraceRecording], modality: str) -> list[TraceRecording]:
    return [recording for recording in recordings if modality in recording.features]


def _standardiser(features: Sequence[Features]) -> Standardiser:
    """Learn from the training recordings of a modality."""
    return Standardiser.fit((f.values, f.there) for f in features)
