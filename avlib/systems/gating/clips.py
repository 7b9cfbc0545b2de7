"""Clips whose modalities are streams, or descriptors of frames pooled window by window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from avlib.systems.common.sequences import Batch, SequenceClips, SequenceDataset
from avlib.systems.common.standardiser import Standardiser


@dataclass(frozen=True)
class DescribedClips(SequenceClips):
    """Clips of which some modalities are described; these have no streams.

    Attributes
    ----------
    described : dict of str to float32 array of shape (n, n_places, n_gates, 2 d)
        By modality: means, then standard deviations, of the descriptors in each window; NaN where
        a window has none. At the gates' own places first, then where all windows lie a little
        earlier or later.
    until : float array of shape (n,)
        When the last descriptor is, s.
    """

    described: dict[str, np.ndarray]
    until: np.ndarray

    @property
    def durations(self) -> np.ndarray:
        """Length of each clip's streams, and without any until its last descriptor, s."""
        streams = super().durations
        return np.where(streams > 0, streams, self.until)


@dataclass(frozen=True)
class GatingBatch(Batch):
    """Some clips.

    Attributes
    ----------
    described : dict of str to float32 of shape (n, n_places, n_gates, d)
        By modality that is described, standardised; zeros in windows without descriptors. See
        `DescribedClips`; the first place counts. Or, at one place, what a wholly frozen network
        makes of the windows.
    has : dict of str to bool of shape (n, n_places, n_gates)
        Which windows have some.
    """

    described: dict[str, Tensor]
    has: dict[str, Tensor]

    def moved(self, noise: torch.Generator) -> Self:
        """Return the clips with their described windows at places drawn for each clip."""
        n_places = max((values.shape[1] for values in self.described.values()), default=1)
        if n_places == 1:
            return self
        drawn = torch.randint(n_places, (len(self),), generator=noise)

        def chosen(values: Tensor) -> Tensor:
            if values.shape[1] == 1:
                return values
            return values[torch.arange(len(values)), drawn.to(values.device)][:, None]

        described = {m: chosen(values) for m, values in self.described.items()}
        has = {m: chosen(values) for m, values in self.has.items()}
        return replace(self, described=described, has=has)


class Kept(Protocol):
    """See `avlib.systems.gating.kept_windows.KeptWindows`."""

    modalities: tuple[str, ...]
    by_sound: bool

    def of(self, modality: str, clip_ids: np.ndarray) -> np.ndarray:
        """Return the windows of clips, float32 of shape (n, n_gates, d)."""


class GatingDataset(Dataset):
    """Batches of clips; an item is asked for by the list of its clips' indices.

    Parameters
    ----------
    clips : SequenceClips
        `DescribedClips` where a modality is described.
    modalities : tuple of str
        What to read.
    standardisers : dict of str to Standardiser
        By modality that is described.
    kept : Kept, optional
        What wholly frozen networks make of windows; streams of these modalities are not read, but
        for sound that says which windows of faces count.
    """

    def __init__(
        self,
        clips: SequenceClips,
        modalities: tuple[str, ...],
        standardisers: Mapping[str, Standardiser],
        kept: Kept | None = None,
    ) -> None:
        self.kept = [(kept, m) for m in modalities if kept and m in kept.modalities]
        read = {*standardisers, *(m for _, m in self.kept)}
        streamed = tuple(m for m in modalities if m not in read)
        if kept and kept.by_sound and streamed and "audio" in modalities:
            streamed = tuple(m for m in modalities if m == "audio" or m in streamed)
        self.streams = SequenceDataset(clips, streamed)
        self.described: dict[str, Tensor] = {}
        self.has: dict[str, Tensor] = {}
        for modality, standardiser in standardisers.items():
            assert isinstance(clips, DescribedClips)
            values = clips.described[modality]
            self.has[modality] = torch.from_numpy(described_windows(values))
            if not values.shape[-1]:  # nobody knows how many there would be
                values = np.full((*values.shape[:-1], len(standardiser.mean)), np.nan, np.float32)
            standard = standardiser.apply(values.reshape(-1, values.shape[-1]))
            self.described[modality] = torch.from_numpy(standard.reshape(values.shape))

    def __len__(self) -> int:
        return len(self.streams)

    def __getitem__(self, rows: Sequence[int]) -> GatingBatch:
        index = torch.as_tensor(rows, dtype=torch.long)
        described = {m: values[index] for m, values in self.described.items()}
        has = {m: there[index] for m, there in self.has.items()}
        for kept, modality in self.kept:
            windows = kept.of(modality, self.streams.clips.clip_id[np.asarray(rows, int)])[:, None]
            described[modality] = torch.from_numpy(np.nan_to_num(windows))
            has[modality] = torch.from_numpy(described_windows(windows))
        return GatingBatch(**vars(self.streams[rows]), described=described, has=has)


def described_windows(values: np.ndarray) -> np.ndarray:
    """Return which windows have descriptors: of (n, ..., 2 d) a bool array (n, ...)."""
    if not values.shape[-1]:
        return np.zeros(values.shape[:-1], bool)
    return np.isfinite(values).all(axis=-1)
