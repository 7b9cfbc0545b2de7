"""Batches of clips."""

import math
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from dask.system import CPU_COUNT
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler

from avlib.runtime.device import device, kind
from avlib.systems.common.model import map_arrays

SHARED = 1e9  # bytes, for some batches of chips that wait
_READERS = 4  # processes that decode them for a GPU, whose networks wait for fewer


@dataclass(frozen=True)
class TensorBatch:
    """Tensors, and dicts of them, that travel to the device together.

    Attributes
    ----------
    emotion : int64 of shape (n,)
        Codes of the clips' or segments' emotions.
    """

    emotion: Tensor

    def __len__(self) -> int:
        return len(self.emotion)

    def to(self, device: Any) -> Self:
        """Return the batch on another device; Lightning calls this."""
        return map_arrays(lambda tensor: tensor.to(device), self)

    def pin_memory(self) -> Self:
        """Return the batch in memory that a GPU copies from while it computes."""
        return map_arrays(lambda tensor: tensor.pin_memory(), self)


class ShuffledBatches(Sampler[Any]):
    """Batches of indices, in an order of its own for each seed and epoch.

    The order depends on nothing else, so that a resumed run goes on as an undisturbed one would,
    whichever processes read the batches.

    Parameters
    ----------
    rows : int array of shape (n,)
        The indices, each of which comes once an epoch.
    size : int
        Indices in a batch; the last one has fewer.
    seed : int
    """

    def __init__(self, rows: np.ndarray, size: int, seed: int) -> None:
        self.rows, self.size, self.seed, self.epoch = rows, size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.size)

    def __iter__(self) -> Iterator[Any]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.rows)
        return iter(BatchSampler(order.tolist(), self.size, drop_last=False))


class EvenBatches(ShuffledBatches):
    """Batches in which all emotions are equally likely, as many indices an epoch as there are.

    Of a frequent emotion some clips are left out of an epoch, those of a rare one come repeatedly.

    Parameters
    ----------
    emotion : int array of shape (n,)
        Of each index.
    size, seed : int
        As of `ShuffledBatches`.
    """

    def __init__(self, emotion: np.ndarray, size: int, seed: int) -> None:
        super().__init__(np.arange(len(emotion)), size, seed)
        self.of_emotion = [np.flatnonzero(emotion == code) for code in np.unique(emotion)]

    def __iter__(self) -> Iterator[Any]:
        rng = np.random.default_rng([self.seed, self.epoch])
        each = math.ceil(len(self.rows) / len(self.of_emotion))
        drawn = []
        for rows in self.of_emotion:
            rounds = [rng.permutation(rows) for _ in range(math.ceil(each / len(rows)))]
            drawn.append(np.concatenate(rounds)[:each])
        order = rng.permutation(np.concatenate(drawn))[: len(self.rows)]
        return iter(BatchSampler(order.tolist(), self.size, drop_last=False))


def in_order(rows: Iterable[int], size: int) -> list[list[int]]:
    """Return these indices in batches of `size`, in order."""
    return list(BatchSampler(rows, size, drop_last=False))


def batch_loader(
    dataset: Dataset, batches: Sampler | Sequence[Any], *, ahead: bool = False
) -> DataLoader:
    """Return a loader of a dataset whose items are whole batches.

    Parameters
    ----------
    dataset
    batches
        What the dataset is asked for, one after the other.
    ahead
        Let processes read ahead of a GPU, as many as it has cores, but at most four, where they can
        hand batches over: a container often has no more than 64 MB of shared memory. On a CPU, the
        process that computes reads.
    """
    workers = 0
    if ahead and kind(device()) != "cpu" and _shared_memory() >= SHARED:
        workers = min(_READERS, CPU_COUNT)
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=batches,
        num_workers=workers,
        pin_memory=workers > 0,
        persistent_workers=workers > 0,
    )


def _shared_memory() -> float:
    """Return how much memory processes can share, bytes."""
    shared = Path("/dev/shm")
    return shutil.disk_usage(shared).free if shared.is_dir() else math.inf
