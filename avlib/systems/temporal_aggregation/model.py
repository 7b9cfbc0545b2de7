"""Temporal aggregation: what a network per segment says of a face and the sound around it, summed.

Birhala, Ristea, Radoi and Dutu, "Temporal aggregation of audio-visual modalities for emotion
recognition" (2020).
"""

from typing import Self

import numpy as np
import torch
from torch.utils.data import DataLoader

from avlib.runtime.device import device
from avlib.systems.common.batch import batch_loader
from avlib.systems.common.deep import DeepModel, seeded
from avlib.systems.common.model import BOTH
from avlib.systems.common.sequences import SequenceClips
from avlib.systems.temporal_aggregation.batches import RandomDraws, SegmentDataset, centre_draws
from avlib.systems.temporal_aggregation.network import SegmentNetworks
from avlib.systems.temporal_aggregation.training import (
    TemporalAggregationTraining,
    log_mean_probabilities,
    pictures,
)


class TemporalAggregationModel(DeepModel[SequenceClips]):
    """A network for each of N segments; the mean of their probabilities are a clip's probabilities.

    In training a segment shows a random frame and a window of sound near it, drawn anew in every
    epoch; afterwards it shows those in its middle. A clip that lacks a modality is scored from the
    other; the paper has no such clips, and networks trained without modality dropout have never
    seen one.

    Parameters
    ----------
    n_classes : int
        Emotions of the corpus.
    modalities : tuple of str
        What the system uses.
    settings
        Section ``temporal_aggregation`` of params.yaml, see there.

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
        s = self.settings
        learned, watched = self.split(train, validation)
        with seeded(s["seed"]):
            self.networks_ = self.build()
        self.train(
            TemporalAggregationTraining(self.networks_["network"], **s),
            self._loader(learned, self.modalities, shuffled=True),
            None if watched is None else self._loader(watched, self.modalities),
            epochs=s["epochs"],
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
        probabilities = [np.zeros((0, self.n_classes))]
        with torch.inference_mode():
            for batch in self._loader(clips, used):
                moved = batch.to(where)
                logits = network(*pictures(moved, network), moved.present)
                means = log_mean_probabilities(logits).double()
                probabilities.append(means.softmax(1).cpu().numpy())
        return np.concatenate(probabilities)

    def build(self) -> dict[str, SegmentNetworks]:
        """Return the networks of all segments, which are one module."""
        s = self.settings
        sizes = {"face_size": (s["size"], s["size"]), "width": s["width"]}
        network = SegmentNetworks(s["segments"], self.n_classes, shared=s["shared"], **sizes)
        return {"network": network}

    def _loader(
        self, clips: SequenceClips, modalities: tuple[str, ...], *, shuffled: bool = False
    ) -> DataLoader:
        s = self.settings
        dataset = SegmentDataset(
            clips, modalities, n_segments=s["segments"], window=s["window"], offset=s["offset"]
        )
        n, size = len(clips), s["batch_size"]
        draws = RandomDraws(np.arange(n), size, s["seed"]) if shuffled else centre_draws(n, size)
        return batch_loader(dataset, draws, ahead=True)
