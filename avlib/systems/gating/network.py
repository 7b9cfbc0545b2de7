"""The gating paradigm's networks, and how a batch of clips is presented to them gate by gate."""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from avlib.systems.common.sequences import Batch
from avlib.systems.gating.augmentation import centre_crop, random_crop, random_sound
from avlib.systems.gating.batch import Cut, cut_chips, cut_sound
from avlib.systems.gating.soundnet import RATE
from avlib.systems.gating.streams import GatingStream
from avlib.systems.gating.windows import Windows, apex_start


@dataclass(frozen=True)
class Gates:
    """What the streams make of a batch.

    Attributes
    ----------
    there : dict of str to bool Tensor of shape (n, n_gates)
        By modality: which clips have which window.
    projected : dict of str to Tensor of shape (n, n_gates, shared)
        Before the LSTM.
    embedded : dict of str to Tensor of shape (n, n_gates, embedding)
        After each gate; a clip without the window keeps its embedding.
    """

    there: dict[str, Tensor]
    projected: dict[str, Tensor]
    embedded: dict[str, Tensor]


class GatingNetwork(nn.Module):
    """The streams, and how a batch of clips is cut for them.

    Parameters
    ----------
    modalities : tuple of str
    windows : Windows
    fps : float
        Chips per second.
    crop : int
        Side of the crop that the video network sees, pixels.
    apex : bool
        Present only the one window in the middle of each clip (the global baseline).
    **sizes
        ``width``, ``shared`` and ``embedding`` of `GatingStream`.
    """

    def __init__(
        self,
        modalities: tuple[str, ...],
        windows: Windows,
        fps: float,
        crop: int,
        *,
        apex: bool,
        **sizes: Any,
    ) -> None:
        super().__init__()
        self.windows, self.fps, self.crop, self.apex = windows, fps, crop, apex
        streams = {m: GatingStream(m, recurrent=not apex, **sizes) for m in modalities}
        self.streams = nn.ModuleDict(streams)

    def stream(self, modality: str) -> GatingStream:
        """Return the stream of a modality."""
        return cast(GatingStream, self.streams[modality])

    def schedule(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return start (s) and presence of each clip's windows, both of shape (n, n_gates)."""
        durations = batch.durations.cpu().numpy()
        where = batch.durations.device
        if self.apex:
            starts = torch.from_numpy(apex_start(durations, self.windows.length))[:, None]
            return starts.to(where), torch.ones(len(batch), 1, dtype=torch.bool, device=where)
        starts = torch.from_numpy(self.windows.starts()).expand(len(batch), -1)
        return starts.to(where), torch.from_numpy(self.windows.open(durations)).to(where)

    def forward(self, batch: Batch, noise: torch.Generator | None = None) -> Gates:
        """Present every window of a batch.

        Parameters
        ----------
        batch : Batch
        noise : torch.Generator, optional
            Of the CPU; draws one augmentation for the whole batch. None: none, and centre crops.
        """
        starts, opened = self.schedule(batch)
        there, projected, embedded = {}, {}, {}
        for modality in self.streams:
            stream = self.stream(modality)
            cut = self._cut(modality, batch, starts, opened)
            n_shared = stream.projection.out_features
            values = stream.projection.weight.new_zeros(*cut.there.shape, n_shared)
            # Nobody may have the modality; and one window alone has no batch statistics.
            enough = len(cut.windows) >= (2 if self.training else 1)
            if enough:
                windows = prepared(modality, cut.windows, self.crop, noise)
                values = cut.spread(stream.project(windows))
            there[modality] = cut.there & enough
            projected[modality] = values
            embedded[modality] = stream.gates(values, cut.there)
        return Gates(there, projected, embedded)

    def _cut(self, modality: str, batch: Batch, starts: Tensor, opened: Tensor) -> Cut:
        if modality == "audio":
            return cut_sound(batch, starts, opened, self.windows.length, RATE)
        return cut_chips(batch, starts, opened, self.windows.length, self.fps)


def prepared(
    modality: str, windows: Tensor, side: int, noise: torch.Generator | None = None
) -> Tensor:
    """Return windows as their network takes them.

    Parameters
    ----------
    windows : Tensor
        "audio": float32 of shape (m, n_samples) in [-256, 256]; "video": uint8 of shape (m,
        n_chips, size, size, 3).
    side : int
        Of the crop, pixels.
    noise : torch.Generator, optional
        Draws one augmentation for all windows; None: none, and centre crops.
    """
    if modality == "audio":
        return windows if noise is None else random_sound(windows, noise)
    chips = windows.movedim(-1, 2)
    small = centre_crop(chips, side) if noise is None else random_crop(chips, side, noise)
    return small.movedim(2, 1).float().div_(127.5).sub_(1)  # channels first, in [-1, 1]
