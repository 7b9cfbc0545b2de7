"""EmoBed's network: a GRU subnetwork per modality, one shared by all (section 3.1, fig. 2e).

Each modality's subnetwork maps its sequence to embeddings e (eq. 1), the shared one and a linear
head map these to predictions y (eq. 2). Both are recurrent from the past to the future, so that a
sequence of any length can be read in chunks that hand on their state, and what is padded at a
sequence's end changes nothing before it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn


class Output(NamedTuple):
    """What the network makes of n sequences.

    embeddings has shape (n, n_steps, hidden), predictions (n, n_steps, n_outputs); state is that
    of the modality's and of the shared GRU after the last step, both (n_layers, n, hidden).
    """

    embeddings: Tensor
    predictions: Tensor
    state: tuple[Tensor, Tensor]


class EmoBedNetwork(nn.Module):
    """Subnetworks by modality, a shared one and a head.

    Parameters
    ----------
    sizes : mapping of str to int
        Features of each modality. With one modality this is the paper's classic system, and what
        is left of the others after training.
    n_outputs : int
        Classes, or the dimensions of emotion that are predicted.
    hidden : int
        Of every GRU layer; the paper has 120.
    layers : int
        Of each modality's subnetwork, and of the shared one. The paper has two each for RECOLA, one
        each for OMG-Emotion.
    input_dropout : float
        Share of the features that training hides at each step; the paper hides none.
    dropout : float
        Likewise of what each GRU says; the paper has none.
    **_
        A system's other settings, which are not looked at.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        n_outputs: int,
        *,
        hidden: int,
        layers: int,
        input_dropout: float = 0.0,
        dropout: float = 0.0,
        **_: Any,
    ) -> None:
        super().__init__()
        self.hide, self.drop = nn.Dropout(input_dropout), nn.Dropout(dropout)
        self.specific = nn.ModuleDict(
            {m: nn.GRU(size, hidden, layers, batch_first=True) for m, size in sizes.items()}
        )
        self.shared = nn.GRU(hidden, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, n_outputs)

    def forward(
        self, modality: str, features: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> Output:
        """Read sequences of one modality, features of shape (n, n_steps, d).

        They go on from a state, or start from zeros.
        """
        before = state or (None, None)
        embeddings, specific = self.specific[modality](self.hide(features), before[0])
        read, shared = self.shared(self.drop(embeddings), before[1])
        return Output(embeddings, self.head(self.drop(read)), (specific, shared))

    def keep_only(self, target: str) -> None:
        """Discard what inference on one modality does not need (section 3.3)."""
        self.specific = nn.ModuleDict({target: self.specific[target]})


def read_clips(
    network: EmoBedNetwork,
    modality: str,
    features: Tensor,
    lengths: Tensor,
    pooling: Literal["mean", "last"],
) -> tuple[Tensor, Tensor]:
    """Return predictions (n, n_outputs) and embeddings (n, hidden) of whole clips.

    Parameters
    ----------
    network, modality, features
        As in `EmoBedNetwork.forward`.
    lengths : int64 Tensor of shape (n,)
        Steps of each clip; what follows is padding.
    pooling
        "last": those after the last step, when the network has read all. "mean": the means over
        the steps; a GRU forgets, and a clip may end in silence.
    """
    output = network(modality, features)
    if pooling == "last":
        ends = torch.arange(len(lengths), device=lengths.device), lengths - 1
        return output.predictions[ends], output.embeddings[ends]
    inside = torch.arange(features.shape[1], device=lengths.device) < lengths[:, None]
    weights = inside[:, :, None] / lengths[:, None, None]
    return (output.predictions * weights).sum(1), (output.embeddings * weights).sum(1)


def in_chunks(
    network: EmoBedNetwork, modality: str, features: Tensor, size: int
) -> Iterator[tuple[slice, Output]]:
    """Read long sequences piece by piece, in memory that depends on the piece alone.

    Truncated back-propagation through time: the state is handed on without its gradient. Whoever
    trains takes a step of the optimiser on one chunk before asking for the next.

    Parameters
    ----------
    network, modality, features
        As in `EmoBedNetwork.forward`. `features` may lie in any memory: only pieces are moved to
        the network's device.
    size : int
        Steps of a piece, at least 1.

    Yields
    ------
    steps : slice
    output : Output
    """
    state = None
    for start in range(0, features.shape[1], size):
        steps = slice(start, start + size)
        piece = features[:, steps].to(network.head.weight.device)
        output = network(modality, piece, state)
        yield steps, output
        # In mixed precision the new state is in half.
        specific, shared = (s.detach().to(network.head.weight.dtype) for s in output.state)
        state = specific, shared


@torch.no_grad()
def embed_sequences(network: EmoBedNetwork, modality: str, features: Tensor, size: int) -> Tensor:
    """Return the embeddings of sequences of any length, (n, n_steps, hidden).

    Parameters are those of `in_chunks`; the pieces' size does not change the result.
    """
    pieces = in_chunks(network, modality, features, size)
    return torch.cat([output.embeddings.to(features) for _, output in pieces], dim=1)


@torch.no_grad()
def predict_sequences(network: EmoBedNetwork, modality: str, features: Tensor, size: int) -> Tensor:
    """Return the predictions of sequences of any length, (n, n_steps, n_outputs).

    Parameters are those of `in_chunks`; the pieces' size does not change the result.
    """
    pieces = in_chunks(network, modality, features, size)
    return torch.cat([output.predictions.to(features) for _, output in pieces], dim=1)
