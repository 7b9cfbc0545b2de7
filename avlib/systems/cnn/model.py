"""The plain network as a system: crops to learn from, whole clips to recognise."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch.utils.data import DataLoader

from avlib.runtime.device import device
from avlib.systems.cnn.mels import RATE, AtAnySpeed, MelDataset, draw_mels
from avlib.systems.cnn.network import PlainCNN
from avlib.systems.common.batch import batch_loader, in_order
from avlib.systems.common.deep import DeepModel, seeded
from avlib.systems.common.model import BOTH
from avlib.systems.common.modern_batches import modern_batches
from avlib.systems.common.sequences import SequenceClips


class CNNModel(DeepModel[SequenceClips]):
    """A convolutional network that hears a clip as a picture of its log mel bands.

    The picture is standardised band by band; a small layer hears what that took off.

    The plainest network that is in use: the deep systems of the papers are worth their trouble
    where they do better on the same sound.

    Parameters
    ----------
    n_classes : int
        Emotions of the corpus.
    modalities : tuple of str
        Audio.
    settings
        Section ``cnn`` of params.yaml; ``modern`` is that section.

    Attributes
    ----------
    chosen_ : dict
        ``epochs``: how many were trained.
    """

    SYSTEM = "cnn"
    networks_: dict[str, PlainCNN]

    def fit(self, train: SequenceClips, validation: SequenceClips) -> Self:
        """Train the network.

        With ``patience`` the epoch counts that is best on the validation subjects. Without it they
        are trained on like the others and the last epoch counts.

        Raises
        ------
        ParamsError
            Training diverged.
        DataError
            The training clips have fewer than two emotions.
        """
        # Loads Lightning: seconds.
        from avlib.systems.cnn.training import CNNTraining

        s, modern = self.settings, self.settings["modern"]
        learned, watched = self.split(train, validation)
        with seeded(s["seed"]):
            self.networks_ = self.build()
        batches = modern_batches(learned.emotion, modern, s["seed"])
        with self._scratch() as scratch:
            network, speeds = self.networks_["network"], s["speeds"]
            heard = dataset(learned, scratch / "learned", speeds)
            network.learn_scale(torch.from_numpy(heard.mels.statistics))
            self.train(
                CNNTraining(network, round(s["crop"] * RATE), modern),
                batch_loader(heard, AtAnySpeed(batches, len(learned), len(speeds)), ahead=True),
                None if watched is None else whole(watched, scratch / "watched"),
                epochs=s["epochs"],
            )
        return self

    def predict_proba(self, clips: SequenceClips, modalities: tuple[str, ...] = BOTH) -> np.ndarray:
        """Return what the network says of each whole clip, shape (n_clips, n_classes).

        Raises
        ------
        DataError
            A clip has no sound (ask `scorable` first).
        """
        self.require_scorable(clips, modalities)
        logits = self._apply("forward", clips)
        return logits.double().softmax(1).numpy()

    def embeddings(self, clips: SequenceClips) -> dict[str, np.ndarray]:
        """Return what the last layer sees of each clip."""
        return {"audio": self._apply("embed", clips).numpy()}

    def build(self) -> dict[str, PlainCNN]:
        """Return the network."""
        s = self.settings
        return {"network": PlainCNN(self.n_classes, s["channels"], s["dropout"], s["statistics"])}

    def _apply(self, method: str, clips: SequenceClips) -> torch.Tensor:
        """Apply a method of the network to each whole clip, float32 of shape (n_clips, d)."""
        where, network = device(), self.networks_["network"]
        function = getattr(network.to(where), method)
        width = self.n_classes if method == "forward" else network.n_features
        found = torch.zeros(len(clips), width)
        with self._scratch() as scratch, torch.inference_mode():
            for row, batch in enumerate(whole(clips, scratch / "clips")):
                moved = batch.to(where)
                found[row] = function(moved.mels, moved.statistics).float()[0]
        return found

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """Offer a folder, on the disk that holds the checkpoints."""
        if self.checkpoints:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.checkpoints) as scratch:
            yield Path(scratch)


def dataset(clips: SequenceClips, path: Path, speeds: Sequence[float] = (1.0,)) -> MelDataset:
    """Return the bands of clips at some speeds, which lie in a file."""
    return MelDataset(draw_mels(clips, path, speeds), clips.emotion)


def whole(clips: SequenceClips, path: Path) -> DataLoader:
    """Return each clip as a batch of its own, whole and without padding."""
    return batch_loader(dataset(clips, path), in_order(range(len(clips)), 1))
