"""Unpaired mini-batches: each modality's clips are drawn for themselves (section 4.2)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler

from avlib.models.base import BOTH
from avlib.models.sequences import in_order
from avlib.networks.emobed import EmoBedNetwork, at_end

Draw = dict[str, list[int]]  # by modality: which of its clips


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


class UnpairedDraws(Sampler[Draw]):
    """Once an epoch every clip of the target; as many of the auxiliary modality with each batch.

    The auxiliary's clips are drawn without regard to the target's, in an order of their own that
    begins anew when all have had their turn: no recording need have both modalities. Everything
    depends on the seed and the epoch alone, and the target's order not on the auxiliary modality.

    Parameters
    ----------
    counts : mapping of str to int
        How many clips each modality has; the target stands first.
    size : int
        Clips of each modality in a mini-batch.
    seed : int
    """

    def __init__(self, counts: Mapping[str, int], size: int, seed: int) -> None:
        self.counts, self.size, self.seed, self.epoch = dict(counts), size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-next(iter(self.counts.values())) // self.size)

    def __iter__(self) -> Iterator[Draw]:
        target, *auxiliary = self.counts
        order = {target: self._order(target, 1)}
        for modality in auxiliary:
            order[modality] = self._order(
                modality, -(-len(self) * self.size // self.counts[modality])
            )
        for start in range(0, len(self) * self.size, self.size):
            yield {m: rows[start : start + self.size] for m, rows in order.items()}

    def _order(self, modality: str, rounds: int) -> list[int]:
        rng = np.random.default_rng([self.seed, self.epoch, BOTH.index(modality)])
        return np.concatenate(
            [rng.permutation(self.counts[modality]) for _ in range(rounds)]
        ).tolist()


class UnpairedDataset(Dataset):
    """Mini-batches of clips by modality; an item is asked for by a `Draw`."""

    def __init__(self, learned: Mapping[str, Learned]) -> None:
        self.learned = learned

    def __getitem__(self, draw: Draw) -> dict[str, Half]:
        return {modality: self.learned[modality].half(rows) for modality, rows in draw.items()}


def unpaired_loader(learned: Mapping[str, Learned], size: int, seed: int) -> DataLoader:
    """Return mini-batches to train on; the target stands first in `learned`."""
    draws = UnpairedDraws({m: len(of.emotion) for m, of in learned.items()}, size, seed)
    return DataLoader(UnpairedDataset(learned), batch_size=None, sampler=draws)


def held_out_loader(target: str, watched: Learned, size: int) -> DataLoader:
    """Return all clips of the target modality, in order."""
    draws = [{target: rows} for rows in in_order(len(watched.emotion), size)]
    return DataLoader(UnpairedDataset({target: watched}), batch_size=None, sampler=draws)
