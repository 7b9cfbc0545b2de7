"""Mini-batches of sequences of two modalities that are drawn apart from each other."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from avlib.systems.emobed.unpaired import UnpairedRows

CHUNK = 500  # steps that networks read at a time: 20 s of RECOLA


class SequenceBatch(NamedTuple):
    """Sequences of one modality; after their ends come zeros without labels.

    features has shape (n, n_steps, d), labels (n, n_steps, 2) with NaN where a step has none. What
    comes after an end changes nothing before it, as the network reads from the past to the future:
    it may read on, which is quicker than packing the sequences.
    """

    features: Tensor
    labels: Tensor

    @property
    def lengths(self) -> Tensor:
        """All steps of each sequence, with those after its end, (n,)."""
        return torch.full(self.features.shape[:1], self.features.shape[1])


class SequenceDataset(Dataset):
    """Batches of sequences; an item is asked for by a `UnpairedRows`.

    Parameters
    ----------
    sequences : mapping of str to sequence of (features, labels)
        By modality: float32 arrays of shape (n_steps, d), and (n_steps, 2).
    """

    def __init__(self, sequences: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]]) -> None:
        self.sequences = sequences

    def __getitem__(self, draw: UnpairedRows) -> dict[str, SequenceBatch]:
        return {m: padded([self.sequences[m][row] for row in rows]) for m, rows in draw.items()}


def padded(sequences: Sequence[tuple[np.ndarray, np.ndarray]]) -> SequenceBatch:
    """Put sequences of features (n_steps, d) and labels (n_steps, 2) into one batch."""
    shape = (len(sequences), max(len(features) for features, _ in sequences))
    features = torch.zeros(*shape, sequences[0][0].shape[1])
    labels = torch.full((*shape, sequences[0][1].shape[1]), torch.nan)
    for row, (values, wanted) in enumerate(sequences):
        features[row, : len(values)] = torch.from_numpy(values)
        labels[row, : len(wanted)] = torch.from_numpy(wanted.astype(np.float32))
    return SequenceBatch(features, labels)
