"""The two streams of the gating paradigm: windows to a shared space, an LSTM over the windows."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from avlib.systems.gating.i3d import I3D
from avlib.systems.gating.soundnet import SoundNet8


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
    width : float
        Multiplies the channels of these; 1: as published.
    shared : int
        Dimensions of the shared space R^p, in which the modalities are drawn together. The paper
        gives no p.
    embedding : int
        Dimensions of the embedding at each gate; the paper's is 400.
    recurrent : bool
        False is the global baseline: one window, and a linear layer in place of the LSTM.
    """

    def __init__(
        self, modality: str, *, width: float, shared: int, embedding: int, recurrent: bool
    ) -> None:
        super().__init__()
        self.backbone: SoundNet8 | I3D
        if modality == "audio":
            self.backbone = SoundNet8(width=width, heads=False)
        else:
            self.backbone = I3D(width=width, classes=None)
        self.projection = nn.Linear(self.backbone.dim, shared)
        self.embedding = embedding
        self.cell = nn.LSTMCell(shared, embedding) if recurrent else None
        self.head = None if recurrent else nn.Linear(shared, embedding)

    def project(self, windows: Tensor) -> Tensor:
        """Map windows of any number of clips to the shared space, shape (n_windows, shared)."""
        return self.projection(self.backbone.features(windows))

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
