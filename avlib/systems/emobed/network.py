"""EmoBed's network: a GRU subnetwork per modality, one shared by all (section 3.1, fig. 2e).

Each modality's subnetwork maps its sequence to embeddings e (eq. 1), the shared one and a linear
head map these to predictions y (eq. 2). Both are recurrent from the past to the future, so that a
sequence of any length can be read in chunks that hand on their state.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

HIDDEN, LAYERS = 120, 2  # the paper's for RECOLA; it has one layer each for OMG-Emotion


class State(NamedTuple):
    """What the GRUs hand on, both of shape (n_layers, n, hidden)."""

    specific: Tensor
    shared: Tensor

    def select(self, rows: Tensor) -> "State":
        """Return the state of some sequences."""
        return State(self.specific[:, rows], self.shared[:, rows])


class Output(NamedTuple):
    """What the network makes of sequences; zeros after a sequence's end.

    embeddings has shape (n, n_steps, hidden), predictions (n, n_steps, n_outputs); state is that
    after each sequence's last step.
    """

    embeddings: Tensor
    predictions: Tensor
    state: State


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
        Of every GRU layer.
    layers : int
        Of each modality's subnetwork, and of the shared one.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        n_outputs: int,
        *,
        hidden: int = HIDDEN,
        layers: int = LAYERS,
    ) -> None:
        super().__init__()
        self.specific = nn.ModuleDict(
            {m: nn.GRU(size, hidden, layers, batch_first=True) for m, size in sizes.items()}
        )
        self.shared = nn.GRU(hidden, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, n_outputs)

    def start(self, n: int) -> State:
        """Return the state of `n` sequences of which nothing has been read yet."""
        zeros = self.head.weight.new_zeros(self.shared.num_layers, n, self.shared.hidden_size)
        return State(zeros, zeros.clone())

    def forward(
        self, modality: str, features: Tensor, lengths: Tensor, state: State | None = None
    ) -> Output:
        """Read sequences of one modality.

        Parameters
        ----------
        modality : str
        features : Tensor of shape (n, n_steps, d)
            What lies after a sequence's end is not looked at.
        lengths : int Tensor of shape (n,)
            Steps of each sequence, from 1 to n_steps.
        state : State, optional
            Where the sequences go on from; by default they start.

        Raises
        ------
        KeyError
            The network has no such modality.
        ValueError
            The lengths are not those of sequences in `features`.
        """
        n, steps = features.shape[:2]
        if len(lengths) != n or int(lengths.min()) < 1 or int(lengths.max()) > steps:
            raise ValueError(
                f"lengths {lengths.tolist()} of {n} sequences of at most {steps} steps; expected a "
                f"length from 1 to {steps} for each"
            )
        before = self.start(n) if state is None else state
        given: Tensor | PackedSequence = features
        if int(lengths.min()) < steps:  # packing costs time, and most chunks are full
            given = pack_padded_sequence(
                features, lengths.cpu(), batch_first=True, enforce_sorted=False
            )
        embedded, specific = self.specific[modality](given, before.specific)
        read, shared = self.shared(embedded, before.shared)
        there = step_mask(lengths, steps)
        predictions = self.head(_padded(read, steps)).masked_fill(~there[:, :, None], 0.0)
        return Output(_padded(embedded, steps), predictions, State(specific, shared))


def step_mask(lengths: Tensor, n_steps: int) -> Tensor:
    """Return which steps belong to a sequence, bool of shape (n, n_steps)."""
    return torch.arange(n_steps, device=lengths.device) < lengths[:, None]


def at_end(values: Tensor, lengths: Tensor) -> Tensor:
    """Return the values at each sequence's last step, (n, d) of (n, n_steps, d).

    A clip with one label is classified by what the network says there, when it has read all.
    """
    return values[torch.arange(len(values), device=values.device), lengths - 1]


class Chunk(NamedTuple):
    """A piece of some sequences: of which rows, from which step on, how long, and the output."""

    rows: Tensor
    start: int
    lengths: Tensor
    output: Output


def in_chunks(
    network: EmoBedNetwork, modality: str, features: Tensor, lengths: Tensor, size: int
) -> Iterator[Chunk]:
    """Read long sequences piece by piece, in memory that depends on the piece alone.

    Truncated back-propagation through time: the state is handed on without its gradient. Whoever
    trains takes a step of the optimiser on one chunk before asking for the next.

    Parameters
    ----------
    network, modality, features, lengths
        As in `EmoBedNetwork.forward`. `features` may lie in any memory: only pieces are moved to
        the network's device.
    size : int
        Steps of a piece, at least 1.

    Yields
    ------
    Chunk
        Its output has at most `size` steps, those from `start` on, of the sequences `rows` that
        are not over before; `lengths` are those of the pieces.
    """
    device = network.head.weight.device
    lengths = lengths.to(device)
    state = network.start(len(lengths))
    for start in range(0, int(lengths.max()), size):
        rows = torch.nonzero(lengths > start).squeeze(1)
        own = (lengths[rows] - start).clamp_max(size)
        piece = features[rows.to(features.device), start : start + int(own.max())].to(device)
        output = network(modality, piece, own, state.select(rows))
        yield Chunk(rows, start, own, output)
        with torch.no_grad():  # in mixed precision the new state is in half
            state = State(
                state.specific.index_copy(1, rows, output.state.specific.to(state.specific)),
                state.shared.index_copy(1, rows, output.state.shared.to(state.shared)),
            )


@torch.no_grad()
def predict_sequences(
    network: EmoBedNetwork, modality: str, features: Tensor, lengths: Tensor, size: int
) -> Tensor:
    """Return the predictions of sequences of any length, (n, n_steps, n_outputs), zeros after.

    Parameters are those of `in_chunks`; the pieces' size does not change the result.
    """
    predictions = features.new_zeros(*features.shape[:2], network.head.out_features)
    for chunk in in_chunks(network, modality, features, lengths, size):
        values = chunk.output.predictions.to(predictions)
        stop = chunk.start + values.shape[1]
        predictions[chunk.rows.to(predictions.device), chunk.start : stop] = values
    return predictions


def branch(modality: str) -> str:
    """Return what the names of a modality's own parameters start with; all others are shared."""
    return f"specific.{modality}."


def without_auxiliary(state_dict: Mapping[str, Tensor], target: str) -> dict[str, Tensor]:
    """Return the parameters that inference on one modality needs (section 3.3).

    Parameters
    ----------
    state_dict : mapping of str to Tensor
        Of an `EmoBedNetwork` of several modalities.
    target : str
        The modality that is kept.

    Returns
    -------
    dict
        Of an `EmoBedNetwork` of that modality alone.

    Raises
    ------
    KeyError
        There are no parameters of that modality.
    """
    kept = {
        name: value
        for name, value in state_dict.items()
        if not name.startswith("specific.") or name.startswith(branch(target))
    }
    if not any(name.startswith(branch(target)) for name in kept):
        raise KeyError(f"no parameters of modality {target!r}")
    return kept


def _padded(sequences: Tensor | PackedSequence, n_steps: int) -> Tensor:
    """Return sequences as a Tensor of shape (n, n_steps, d), zeros after their ends."""
    if isinstance(sequences, Tensor):
        return sequences
    return cast(Tensor, pad_packed_sequence(sequences, batch_first=True, total_length=n_steps)[0])
