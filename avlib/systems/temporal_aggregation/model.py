"""Temporal aggregation: what a network per segment says of a face and the sound around it, summed.

Birhala, Ristea, Radoi and Dutu, "Temporal aggregation of audio-visual modalities for emotion
recognition" (2020).
"""

from typing import Self

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler

from avlib.runtime.device import device
from avlib.systems.common.batch import ShuffledBatches, batch_loader
from avlib.systems.common.deep import DeepModel, seeded
from avlib.systems.common.model import BOTH
from avlib.systems.common.modern_batches import modern_batches
from avlib.systems.common.sequences import SequenceClips
from avlib.systems.temporal_aggregation.batches import (
    Draw,
    RandomDraws,
    SegmentDataset,
    fixed_draws,
)
from avlib.systems.temporal_aggregation.network import SegmentNetworks
from avlib.systems.temporal_aggregation.pictures import log_mean_probabilities, pictures
from avlib.systems.temporal_aggregation.spectrogram import SIZES


class TemporalAggregationModel(DeepModel[SequenceClips]):
    """A network for each of N segments; the mean of their probabilities are a clip's probabilities.

    In training a segment shows a random frame and a window of sound near it, drawn anew in every
    epoch; afterwards it shows those in its middle, and with ``draws`` random ones besides. A clip
    that lacks a modality is scored from the other; the paper has no such clips, and networks
    trained without modality dropout have never seen one.

    Parameters
    ----------
    n_classes : int
        Emotions of the corpus.
    modalities : tuple of str
        What the system uses.
    system : {"temporal_aggregation", "ristea_cnn"}
        The paper's system, or the baseline of its table I: a network without batch normalisation.
    settings
        Section ``temporal_aggregation`` of params.yaml, see there; with ``BASELINE`` laid over it
        for the baseline.

    Attributes
    ----------
    chosen_ : dict
        ``epochs``: how many were trained.
    """

    SYSTEM = "temporal_aggregation"
    networks_: dict[str, SegmentNetworks]

    def fit(self, train: SequenceClips, validation: SequenceClips) -> Self:
        """Train the networks.

        With ``patience`` the epoch counts that is best on the validation subjects. Without it they
        are trained on like the others and the last epoch counts; the paper selects on its test
        folds.

        Raises
        ------
        ParamsError
            Training diverged.
        DataError
            The training clips have fewer than two emotions.
        """
        # Loads Lightning: seconds.
        from avlib.systems.temporal_aggregation.modern_training import ModernTraining
        from avlib.systems.temporal_aggregation.training import TemporalAggregationTraining

        s = self.settings
        modern, seed = s["recipe"] == "modern", s["seed"]
        how = s["modern"] if modern else s
        learned, watched = self.split(train, validation)
        with seeded(seed):
            self.networks_ = self.build()
        batches = (
            modern_batches(learned.emotion, how, seed)
            if modern
            else ShuffledBatches(np.arange(len(learned)), how["batch_size"], seed)
        )
        training = ModernTraining if modern else TemporalAggregationTraining
        self.train(
            training(self.networks_["network"], **s),
            self._loader(learned, self.modalities, RandomDraws(batches)),
            None if watched is None else self._fixed(watched, self.modalities),
            epochs=how["epochs"],
        )
        return self

    def predict_proba(self, clips: SequenceClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return the mean of the segments' probabilities, shape (n_clips, n_classes).

        Raises
        ------
        DataError
            A clip has none of the modalities (ask `scorable` first).
        """
        self.require_scorable(clips, modalities)
        where = device()
        network = self.networks_["network"].to(where)
        used = tuple(m for m in self.modalities if m in modalities)
        again = [None, *range(1, self.settings["draws"])]
        probabilities = np.zeros((len(again), len(clips), self.n_classes))
        with torch.inference_mode():
            for draw, number in enumerate(again):
                said = [torch.zeros(0, self.n_classes, dtype=torch.float64)]
                for batch in self._fixed(clips, used, number):
                    moved = batch.to(where)
                    shown = pictures(moved, network, self.settings["frequencies"])
                    logits = network(*shown, moved.present)
                    means = log_mean_probabilities(logits).double()
                    said.append(means.softmax(1).cpu())
                probabilities[draw] = torch.cat(said).numpy()
        return probabilities.mean(axis=0)

    def build(self) -> dict[str, SegmentNetworks]:
        """Return the networks of all segments, which are one module."""
        s = self.settings
        channels, *size = SIZES[s["frequencies"]]
        sizes = {
            "spectrogram_size": size,
            "sound_channels": channels,
            "face_size": (s["size"], s["size"]),
            "width": s["width"],
            "pooling": s["pooling"],
            "batch_norm": self.system != "ristea_cnn",
        }
        network = SegmentNetworks(s["segments"], self.n_classes, shared=s["shared"], **sizes)
        return {"network": network}

    def _fixed(
        self, clips: SequenceClips, modalities: tuple[str, ...], again: int | None = None
    ) -> DataLoader:
        """Return all clips in order; see `fixed_draws`."""
        draws = fixed_draws(len(clips), self.settings["batch_size"], again)
        return self._loader(clips, modalities, draws, shown=None)

    def _loader(
        self,
        clips: SequenceClips,
        modalities: tuple[str, ...],
        draws: Sampler[Draw] | list[Draw],
        **shown: None,
    ) -> DataLoader:
        s = self.settings
        if s["shared"]:  # networks of their own need their segments
            shown = {"shown": s["shown"]} | shown
        dataset = SegmentDataset(
            clips,
            modalities,
            n_segments=s["segments"],
            window=s["window"],
            offset=s["offset"],
            inside=s["ends"] == "inside",
            standard=s["spectra"] == "standard",
            frequencies=s["frequencies"],
            **shown,
        )
        return batch_loader(dataset, draws, ahead=True)
