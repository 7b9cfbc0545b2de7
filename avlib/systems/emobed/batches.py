"""Unpaired mini-batches: each modality's clips are drawn for themselves (section 4.2)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

from avlib.systems.common.batch import in_order
from avlib.systems.emobed.network import EmoBedNetwork, at_end
from avlib.systems.emobed.unpaired import UnpairedBatches, UnpairedRows


class Half(NamedTuple):
    """The clips of one modality in a mini-batch.

    Attributes
    ----------
    features : float32 Tensor of shape (n, n_steps, d)
        Padded with zeros.
    lengths : int64 Tensor of shape (n,)
        Steps of each.
    emotion : int64 Tensor of shape (n,)
    """

    features: Tensor
    lengths: Tensor
    emotion: Tensor

    def ends(self, network: EmoBedNetwork, modality: str) -> tuple[Tensor, Tensor]:
        """Return logits (n, n_classes) and embeddings (n, hidden) after each clip's last step.

        The padding is read like the rest: it comes after the end, so it changes nothing there, and
        leaving it out would take half as long again.
        """
        steps = torch.full_like(self.lengths, self.features.shape[1])
        output = network(modality, self.features, steps)
        return at_end(output.predictions, self.lengths), at_end(output.embeddings, self.lengths)


class Learned(NamedTuple):
    """Clips of one modality to learn from: n standardised sequences and their emotions."""

    sequences: list[np.ndarray]
    emotion: np.ndarray

    def half(self, rows: Sequence[int]) -> Half:
        """Return some of the clips, padded to the longest."""
        chosen = [torch.from_numpy(self.sequences[row]) for row in rows]
        return Half(
            pad_sequence(chosen, batch_first=True),
            torch.tensor([len(values) for values in chosen]),
            torch.from_numpy(self.emotion[np.asarray(rows, int)].astype(np.int64)),
        )


class UnpairedDataset(Dataset):
    """Mini-batches of clips by modality; an item is asked for by a `UnpairedRows`."""

    def __init__(self, learned: Mapping[str, Learned]) -> None:
        self.learned = learned

    def __getitem__(self, draw: UnpairedRows) -> dict[str, Half]:
        return {modality: self.learned[modality].half(rows) for modality, rows in draw.items()}


def unpaired_loader(learned: Mapping[str, Learned], size: int, seed: int) -> DataLoader:
    """Return mini-batches to train on; the target stands first in `learned`."""
    draws = UnpairedBatches({m: len(of.emotion) for m, of in learned.items()}, size, seed)
    return DataLoader(UnpairedDataset(learned), batch_size=None, sampler=draws)


def held_out_loader(target: str, watched: Learned, size: int) -> DataLoader:
    """Return all clips of the target modality, in order."""
    draws = [{target: rows} for rows in in_order(len(watched.emotion), size)]
    return DataLoader(UnpairedDataset({target: watched}), batch_size=None, sampler=draws)
