"""The gating paradigm while a clip is still going on: one window at a time."""

from collections.abc import Iterator

import numpy as np
import torch

from avlib.runtime.device import device
from avlib.systems.common.sequences import SequenceClips
from avlib.systems.gating.batch import LOUDEST, cut_chips
from avlib.systems.gating.clips import GatingDataset
from avlib.systems.gating.model import GatingModel
from avlib.systems.gating.network import prepared
from avlib.systems.gating.soundnet import RATE
from avlib.systems.gating.windows import Windows


class GatingStreamer:
    """Scores one clip window by window, from nothing but the state after the window before.

    The probabilities are those that `GatingModel.predict_gates` gives for the whole clip.

    Parameters
    ----------
    model : GatingModel
        Trained; a recurrent one.

    Raises
    ------
    ValueError
        The model is the global baseline, which needs the whole clip to find its one window; or
        it reads descriptors, which are made of whole recordings.
    """

    def __init__(self, model: GatingModel) -> None:
        if model.network_.apex:
            raise ValueError(f"{model.system} takes one window of a clip and cannot follow one")
        if model.described:
            raise ValueError(f"{' and '.join(model.described)} would have to be described first")
        self.model, self.gate = model, -1
        self.device = device()
        model.network_.to(self.device).eval()
        self.states = {m: model.network_.stream(m).start(1) for m in model.modalities}
        self.presented: set[str] = set()

    def present(
        self, sound: np.ndarray | None = None, chips: np.ndarray | None = None
    ) -> np.ndarray:
        """Take the next window; return the probabilities of the emotions, shape (n_classes,).

        Parameters
        ----------
        sound : int16 array of shape (length * 22050,), optional
            None where the window has none.
        chips : uint8 array of shape (length * fps, size, size, 3), optional
            Aligned faces, RGB; None where the window shows none.

        Raises
        ------
        ValueError
            Nothing has been presented yet in any modality that the model uses.
        """
        network = self.model.network_
        given = {"audio": sound, "video": chips}
        self.gate += 1
        with torch.inference_mode():
            for modality in self.model.modalities:
                stream, values = network.stream(modality), given[modality]
                if values is None:
                    continue
                window = torch.from_numpy(np.array(values))[None].to(self.device)
                if modality == "audio":
                    window = window.float() * (LOUDEST / 32768)
                shown = prepared(modality, window, network.crop)
                projected = stream.project(network.backbone(modality).features(shown))
                there = torch.ones(1, dtype=torch.bool, device=self.device)
                self.states[modality] = stream.step(projected, self.states[modality], there)
                self.presented.add(modality)
        available = tuple(m for m in self.model.modalities if m in self.presented)
        if not available:
            raise ValueError(f"nothing presented yet of {' or '.join(self.model.modalities)}")
        embedded = [network.placed(self.states[m].output.float()).cpu().numpy() for m in available]
        # Later than the training clips went, their last embeddings are the ones to compare with.
        gate = min(self.gate, network.windows.count - 1)
        return self.model.vote(np.hstack(embedded), available, gate)[0]


def windows_of(
    model: GatingModel, clip: SequenceClips
) -> Iterator[tuple[float, np.ndarray | None, np.ndarray | None]]:
    """Yield the windows of one clip, also those beyond the gates that the model learned.

    Which windows there are, and which modality a window has, is as in training (see `cut_sound`
    and `cut_chips`).

    Parameters
    ----------
    model : GatingModel
    clip : SequenceClips of length 1

    Yields
    ------
    end : float
        Of the window, s.
    sound, chips : array or None
        As `GatingStreamer.present` takes them.
    """
    learned, streams = model.network_.windows, clip.streams[0]
    count = 1 + max(0, int((streams.duration - learned.length / 2) / learned.step + 1e-9))
    windows = Windows(count, learned.length, learned.overlap)
    batch = GatingDataset(clip, model.modalities, {})[[0]]
    starts = torch.from_numpy(windows.starts())[None]
    opened = torch.ones(1, count, dtype=torch.bool)
    cut = cut_chips(batch, starts, opened, windows.length, model.network_.fps)
    chips = iter(cut.windows.numpy())
    sound, size = streams.sound(), round(windows.length * RATE)
    for gate, start in enumerate(windows.starts()):
        first = round(start * RATE)
        heard = sound[first : first + size]
        inside = len(heard) >= size / 2 or (gate == 0 and len(heard) > 0)
        yield (
            float(start + windows.length),
            np.pad(heard, (0, size - len(heard))) if inside else None,
            next(chips) if cut.there[0, gate] else None,
        )
