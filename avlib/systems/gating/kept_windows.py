"""What networks that are wholly frozen make of the windows of clips: computed once, then read.

SoundNet and I3D say the same of a window in each epoch, as long as nothing is changed at random
before them: of wholly frozen ones nothing is, their windows are heard as they are and seen in the
middle. The folds of a model share the files, for published weights are the same in each.
"""

import hashlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from avlib.networks.once import once
from avlib.runtime.device import device
from avlib.runtime.files import atomic_path
from avlib.systems.common.sequences import SequenceClips, SequenceDataset
from avlib.systems.gating.clips import GatingBatch
from avlib.systems.gating.network import GatingNetwork


class KeptWindows:
    """A file for each clip and modality: an array of shape (n_gates, d), NaN without the window.

    Parameters
    ----------
    folder : Path
        Where the files are; those that are there are taken for what would be computed.
    network : GatingNetwork
    modalities : sequence of str
        Those whose network is wholly frozen.

    Attributes
    ----------
    by_sound : bool
        Whether the loudest window counts: sound says which one that is, of faces too.
    """

    def __init__(self, folder: Path, network: GatingNetwork, modalities: Sequence[str]) -> None:
        self.folder, self.network, self.modalities = folder, network, tuple(modalities)
        self.by_sound = network.apex == "loudest"

    def fill(self, clips: SequenceClips) -> None:
        """Compute what is not there yet, clip by clip.

        Folds that run side by side take the clips in different orders, so that each finds what
        others have computed.
        """
        order = np.random.default_rng(os.getpid()).permutation(len(clips))
        for modality in self.modalities:
            once(partial(self._fill, modality, clips, order))

    def of(self, modality: str, clip_ids: np.ndarray) -> np.ndarray:
        """Return the windows of clips, float32 of shape (n, n_gates, d)."""
        return np.stack([np.load(self._path(modality, clip_id)) for clip_id in clip_ids])

    def _fill(self, modality: str, clips: SequenceClips, order: np.ndarray) -> None:
        where, backbone = device(), self.network.backbone(modality)
        backbone.to(where).eval()
        # Where the loudest window counts, sound says which one that is, of faces too.
        read = tuple({modality, "audio"} & set(self.network.streams))
        streams = SequenceDataset(clips, read)
        for row in order.tolist():
            path = self._path(modality, clips.clip_id[row])
            if path.exists():
                continue
            batch = GatingBatch(**vars(streams[[row]]), described={}, has={}).to(where)
            with torch.no_grad():  # a rehearsal counts no operations of inference mode
                there, values = self.network.features(modality, batch)
            windows = np.full((there.shape[1], backbone.dim), np.nan, np.float32)
            windows[there[0].cpu().numpy()] = values.float().cpu().numpy()
            with atomic_path(path) as scratch, scratch.open("wb") as file:
                np.save(file, windows)
        backbone.cpu()

    def _path(self, modality: str, clip_id: str) -> Path:
        name = hashlib.sha256(clip_id.encode()).hexdigest()[:32]
        return self.folder / modality / f"{name}.npy"
