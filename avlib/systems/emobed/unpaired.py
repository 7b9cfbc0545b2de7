"""Mini-batches of two modalities that are drawn apart from each other (EmoBed, section 4.2)."""

from collections.abc import Iterator, Mapping

import numpy as np
from torch.utils.data import Sampler

from avlib.systems.common.model import BOTH

UnpairedRows = dict[str, list[int]]  # by modality: which of its clips


class UnpairedBatches(Sampler[UnpairedRows]):
    """Once an epoch every clip of the target; with each batch some of the auxiliary modality.

    The auxiliary's clips are drawn without regard to the target's, in an order of their own that
    begins anew when all have had their turn: no recording need have both modalities, nor need they
    come from one corpus. Everything depends on the seed and the epoch alone, and the target's order
    not on the auxiliary modality.

    Parameters
    ----------
    counts : mapping of str to int
        How many clips each modality has; the target stands first.
    size : int
        Clips of each modality in a mini-batch; the target's last one may be smaller, and an
        auxiliary modality that has fewer shows all of them each time.
    seed : int
    """

    def __init__(self, counts: Mapping[str, int], size: int, seed: int) -> None:
        self.counts, self.size, self.seed, self.epoch = dict(counts), size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-next(iter(self.counts.values())) // self.size)

    def __iter__(self) -> Iterator[UnpairedRows]:
        sizes = {m: min(self.size, n) for m, n in self.counts.items()}
        target = next(iter(self.counts))
        orders = {
            m: self._order(m, n if m == target else len(self) * sizes[m])
            for m, n in self.counts.items()
        }
        for batch in range(len(self)):
            yield {m: orders[m][batch * n : (batch + 1) * n] for m, n in sizes.items()}

    def _order(self, modality: str, needed: int) -> list[int]:
        n = self.counts[modality]
        rng = np.random.default_rng([self.seed, self.epoch, BOTH.index(modality)])
        rounds = [rng.permutation(n) for _ in range(-(-needed // n))]
        return np.concatenate(rounds)[:needed].tolist()
