"""The gating paradigm's networks, and how a batch of clips is presented to them gate by gate."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from avlib.systems.gating.augmentation import centre_crop, random_crop, random_sound
from avlib.systems.gating.batch import Cut, cut_chips, cut_sound, loudest_start
from avlib.systems.gating.clips import GatingBatch
from avlib.systems.gating.i3d import I3D
from avlib.systems.gating.soundnet import RATE, SoundNet8
from avlib.systems.gating.windows import Windows, apex_start


class State(NamedTuple):
    """What an LSTM cell hands on: output and memory, each of shape (n, embedding)."""

    output: Tensor
    memory: Tensor


class GatingStream(nn.Module):
    """One modality: a network per window, a projection to the shared space, a gate per window.

    Parameters
    ----------
    modality : {"audio", "video"}
        SoundNet-8 hears, I3D's RGB network sees.
    described : int, optional
        In place of these networks, descriptors of a window: how many.
    width : float
        Multiplies the channels of these networks; 1: as published.
    shared : int
        Dimensions of the shared space R^p, in which the modalities are drawn together. The paper
        gives no p.
    embedding : int
        Dimensions of the embedding at each gate; the paper's is 400.
    recurrent : bool
        False is the global baseline: one window, and a linear layer in place of the LSTM.
    dropout : float
        Share of the values of each window that are dropped in training, before the projection.
    """

    def __init__(
        self,
        modality: str,
        described: int | None = None,
        *,
        width: float,
        shared: int,
        embedding: int,
        recurrent: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.backbone: SoundNet8 | I3D | None = None
        if described is None and modality == "audio":
            self.backbone = SoundNet8(width=width, heads=False)
        elif described is None:
            self.backbone = I3D(width=width, classes=None)
        self.projection = nn.Linear(self.backbone.dim if self.backbone else described or 0, shared)
        self.dropout = dropout
        self.embedding = embedding
        self.cell = nn.LSTMCell(shared, embedding) if recurrent else None
        self.head = None if recurrent else nn.Linear(shared, embedding)

    def project(self, values: Tensor) -> Tensor:
        """Map what describes windows of any number of clips to the shared space.

        Parameters
        ----------
        values : Tensor of shape (n_windows, d)
            What the backbone makes of the windows, or their descriptors.

        Returns
        -------
        Tensor of shape (n_windows, shared)
        """
        return self.projection(functional.dropout(values, self.dropout, self.training))

    def start(self, n: int) -> State:
        """Return the state of clips of which nothing has been presented yet."""
        zeros = self.projection.weight.new_zeros(n, self.embedding)
        return State(zeros, zeros)

    def step(self, projected: Tensor, state: State, there: Tensor) -> State:
        """Present one more window.

        Parameters
        ----------
        projected : Tensor of shape (n, shared)
            Rows of clips without the window hold anything.
        state : State
            After the window before.
        there : bool Tensor of shape (n,)
            Which clips have the window; the others keep their state.
        """
        if self.cell is None:
            assert self.head is not None
            fresh = State(self.head(projected), state.memory)
        else:
            fresh = State(*self.cell(projected, state))
        pairs = zip(fresh, state, strict=True)
        return State(*(torch.where(there[:, None], new, old) for new, old in pairs))

    def gates(self, projected: Tensor, there: Tensor) -> Tensor:
        """Return the embedding of each clip at each gate, shape (n, n_gates, embedding).

        Parameters
        ----------
        projected : Tensor of shape (n, n_gates, shared)
        there : bool Tensor of shape (n, n_gates)
        """
        state, outputs = self.start(len(projected)), []
        for gate in range(projected.shape[1]):
            state = self.step(projected[:, gate], state, there[:, gate])
            outputs.append(state.output)
        return torch.stack(outputs, dim=1)


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
    apex : {"middle", "loudest"}, optional
        Present only the one window in the middle of each clip, or its loudest one (the global
        baseline).
    described : dict of str to int
        By modality that is described, descriptors of a window.
    unit : bool
        Whether distances are between embeddings scaled to length 1, which cannot all shrink.
    per_clip : bool
        Whether crops and changes of sound are drawn for each clip; else once for a batch (paper).
    **sizes
        ``width``, ``shared``, ``embedding`` and ``dropout`` of `GatingStream`.
    """

    def __init__(
        self,
        modalities: tuple[str, ...],
        windows: Windows,
        fps: float,
        crop: int,
        *,
        apex: str | None,
        described: Mapping[str, int],
        unit: bool,
        per_clip: bool,
        **sizes: Any,
    ) -> None:
        super().__init__()
        self.windows, self.fps, self.crop, self.apex = windows, fps, crop, apex
        self.unit, self.per_clip = unit, per_clip
        streams = {
            m: GatingStream(m, described.get(m), recurrent=apex is None, **sizes)
            for m in modalities
        }
        self.streams = nn.ModuleDict(streams)

    def stream(self, modality: str) -> GatingStream:
        """Return the stream of a modality."""
        return cast(GatingStream, self.streams[modality])

    def backbone(self, modality: str) -> SoundNet8 | I3D:
        """Return the network that sees or hears the windows of a modality that is not described."""
        backbone = self.stream(modality).backbone
        assert backbone is not None
        return backbone

    def schedule(self, batch: GatingBatch) -> tuple[Tensor, Tensor]:
        """Return start (s) and presence of each clip's windows, both of shape (n, n_gates)."""
        durations = batch.durations.cpu().numpy()
        where, length = batch.durations.device, self.windows.length
        if self.apex:
            starts = torch.from_numpy(apex_start(durations, length))[:, None].to(where)
            if self.apex == "loudest":
                starts = loudest_start(batch, starts, length, RATE)
            return starts, torch.ones(len(batch), 1, dtype=torch.bool, device=where)
        starts = torch.from_numpy(self.windows.starts()).expand(len(batch), -1)
        return starts.to(where), torch.from_numpy(self.windows.open(durations)).to(where)

    def forward(self, batch: GatingBatch, noise: torch.Generator | None = None) -> Gates:
        """Present every window of a batch; see `project`."""
        return self.gates(*self.project(batch, noise))

    def gates(self, there: dict[str, Tensor], projected: dict[str, Tensor]) -> Gates:
        """Return the embeddings after each gate of windows in the shared space."""
        embedded = {m: self.stream(m).gates(values, there[m]) for m, values in projected.items()}
        return Gates(there, projected, embedded)

    def placed(self, embedded: Tensor) -> Tensor:
        """Return embeddings (..., embedding) as distances between them are taken."""
        return functional.normalize(embedded, dim=-1) if self.unit else embedded

    def project(
        self, batch: GatingBatch, noise: torch.Generator | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Map every window of a batch to the shared space.

        Parameters
        ----------
        batch : GatingBatch
        noise : torch.Generator, optional
            Of the CPU; draws the augmentation. None: none, and centre crops.

        Returns
        -------
        there, projected : dict of str to Tensor
            See `Gates`.
        """
        starts, opened = self.schedule(batch)
        there, projected = {}, {}
        for modality in self.streams:
            stream = self.stream(modality)
            cut = self._cut(modality, batch, starts, opened)
            n_shared = stream.projection.out_features
            values = stream.projection.weight.new_zeros(*cut.there.shape, n_shared)
            # Nobody may have the modality; and one window alone has no batch statistics.
            enough = len(cut.windows) >= (2 if self.training else 1)
            if enough:
                found = cut.windows
                if modality not in batch.described:
                    found = self._seen_and_heard(modality, cut, noise)
                values = cut.spread(stream.project(found))
            there[modality] = cut.there & enough
            projected[modality] = values
        return there, projected

    def features(self, modality: str, batch: GatingBatch) -> tuple[Tensor, Tensor]:
        """Return what a modality's backbone makes of the windows of a batch as they are.

        Returns
        -------
        there : bool Tensor of shape (n, n_gates)
        values : Tensor of shape (there.sum(), d)
        """
        cut, backbone = self._cut(modality, batch, *self.schedule(batch)), self.backbone(modality)
        if not len(cut.windows):
            return cut.there, torch.zeros(0, backbone.dim)
        return cut.there, self._seen_and_heard(modality, cut, None)

    def _seen_and_heard(self, modality: str, cut: Cut, noise: torch.Generator | None) -> Tensor:
        """Apply a modality's backbone to windows, which are augmented before."""
        backbone = self.backbone(modality)
        clips = cut.of_clips() if self.per_clip else [cut.windows]
        shown = [prepared(modality, part, self.crop, noise) for part in clips]
        return backbone.features(torch.cat(shown))

    def _cut(self, modality: str, batch: GatingBatch, starts: Tensor, opened: Tensor) -> Cut:
        if modality in batch.described:
            there = batch.has[modality][:, 0] & opened
            return Cut(there, batch.described[modality][:, 0][there])
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
