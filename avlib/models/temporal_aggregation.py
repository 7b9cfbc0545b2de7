"""Temporal aggregation: what a network per segment says of a face and the sound around it, summed.

Birhala, Ristea, Radoi and Dutu, "Temporal aggregation of audio-visual modalities for emotion
recognition" (2020).
"""

import tempfile
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader

from avlib.device import device
from avlib.errors import DataError
from avlib.models.base import BOTH, Model, concatenate, load_state, save_state
from avlib.models.decoded import Format
from avlib.models.segment_batches import (
    RATE,
    RandomDraws,
    SegmentDataset,
    centre_draws,
    segment_loader,
)
from avlib.models.sequences import SequenceClips
from avlib.models.temporal_aggregation_training import (
    TemporalAggregationTraining,
    log_mean_chances,
    pictures,
)
from avlib.networks.temporal_aggregation import SegmentNetworks
from avlib.networks.training import fit, load_checkpoint
from avlib.networks.weights import save_tensors

NAME = "temporal_aggregation"


class TemporalAggregationModel(Model[SequenceClips]):
    """A network for each of N segments; the mean of their probabilities are a clip's chances.

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

    network_: SegmentNetworks
    chosen_: dict[str, Any]

    def __init__(self, n_classes: int, modalities: tuple[str, ...] = BOTH, **settings: Any) -> None:
        self.n_classes = n_classes
        self.modalities = tuple(m for m in BOTH if m in modalities)
        self.settings = settings

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
        alone = s["patience"] is None
        learned = concatenate(train, validation) if alone else train
        learned = learned.select(self.scorable(learned))
        if len(np.unique(learned.emotion)) < 2:
            raise DataError(
                f"{NAME}: the {len(learned)} training clips have"
                f" {len(np.unique(learned.emotion))} emotion; expected two at least"
            )
        with torch.random.fork_rng():
            torch.manual_seed(s["seed"])
            self.network_ = self._build()
        module = TemporalAggregationTraining(
            self.network_,
            modality_dropout=s["modality_dropout"],
            learning_rate=s["learning_rate"],
            decay_every=s["decay_every"],
        )
        watched = None if alone else validation.select(self.scorable(validation))
        with tempfile.TemporaryDirectory() as scratch:
            place = self.checkpoints or Path(scratch)
            best = fit(
                module,
                self._loader(learned, self.modalities, shuffled=True),
                None if watched is None else self._loader(watched, self.modalities),
                folder=place,
                max_epochs=s["epochs"],
                patience=s["patience"],
                seed=s["seed"],
                label=f"{NAME}, {place.name}",
            )
            load_checkpoint(module, best)
            self.curves_ = (place / "curves.csv").read_text()
        self.network_.eval().requires_grad_(False)
        self.chosen_ = {"epochs": len(self.curves_.splitlines()) - 1}
        return self

    def predict_proba(self, clips: SequenceClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return the mean of the segments' probabilities, shape (n_clips, n_classes).

        Raises
        ------
        DataError
            A clip has none of the modalities (ask `scorable` first).
        """
        list(self.patterns(clips, modalities))  # raises where a clip cannot be scored
        where = device()
        self.network_.to(where).eval()
        used = tuple(m for m in self.modalities if m in modalities)
        chances = [np.zeros((0, self.n_classes))]
        with torch.inference_mode():
            for batch in self._loader(clips, used):
                moved = batch.to(where)
                logits, _ = self.network_(*pictures(moved, self.network_), moved.present)
                chances.append(log_mean_chances(logits).double().softmax(1).cpu().numpy())
        return np.concatenate(chances)

    def save(self, folder: Path) -> None:
        """Write the networks, the settings and the curves into a folder."""
        folder = Path(folder)
        settings = {
            "arguments": {
                "n_classes": self.n_classes,
                "modalities": list(self.modalities),
                **self.settings,
            },
            "chosen": self.chosen_,
        }
        save_state(folder, {}, settings)
        state = {name: t.cpu().contiguous() for name, t in self.network_.state_dict().items()}
        save_tensors(state, folder / "network.safetensors")
        (folder / "curves.csv").write_text(self.curves_)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a system that `save` wrote."""
        folder = Path(folder)
        _, settings = load_state(folder)
        model = cls(**settings["arguments"])
        model.chosen_ = settings["chosen"]
        model.network_ = model._build()
        model.network_.load_state_dict(load_file(folder / "network.safetensors"))
        model.network_.eval().requires_grad_(False)
        model.curves_ = (folder / "curves.csv").read_text()
        return model

    def _build(self) -> SegmentNetworks:
        s = self.settings
        return SegmentNetworks(
            s["segments"],
            self.n_classes,
            shared=s["shared"],
            face_size=(s["size"], s["size"]),
            width=s["width"],
        )

    def _loader(
        self, clips: SequenceClips, modalities: tuple[str, ...], *, shuffled: bool = False
    ) -> DataLoader:
        s = self.settings
        dataset = SegmentDataset(
            clips,
            modalities,
            n_segments=s["segments"],
            window=s["window"],
            offset=s["offset"],
        )
        n, size = len(clips), s["batch_size"]
        draws = RandomDraws(n, size, s["seed"]) if shuffled else centre_draws(n, size)
        return segment_loader(dataset, draws, workers=0 if device() == "cpu" else 2)


def wanted_format(settings: dict[str, Any]) -> Format:
    """Return how the system wants its streams decoded."""
    return Format(settings["size"], settings["fps"], RATE)
