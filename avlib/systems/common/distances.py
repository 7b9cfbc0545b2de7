"""Squared distances between samples by modality, and kernels made of them for any weights."""

from collections.abc import Collection, Iterator, Mapping
from copy import copy
from functools import cached_property

import numpy as np

from avlib.metric_learning.base import blocks_of_squared_distances

ROWS = 512  # whose distances are one matrix product
CACHED = 32_768  # distances that become a kernel at a time: 128 KB, which a core keeps at hand
SOME = 1000  # samples whose distances tell the median


class Distances:
    """Squared distances of samples to others, a table for each modality.

    Weights come last: settings that differ in them alone share the tables. Among themselves samples
    need half a table, what is on and above the diagonal and the rest of the blocks on it. A
    modality takes 4 bytes a distance, and so does a kernel; nothing else of that size is made.

    Parameters
    ----------
    samples : dict of str to array of shape (n, p_modality)
    others : dict of str to array of shape (m, p_modality), optional
        Of these modalities at least; without it the samples themselves.
    weights : dict of str to float, optional
        Where no other weights will be asked for: one table is kept, of the weighted sum.
    """

    def __init__(
        self,
        samples: Mapping[str, np.ndarray],
        others: Mapping[str, np.ndarray] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self._among, self._only = others is None, weights
        rows = {
            m: blocks_of_squared_distances(x, others[m] if others else None, ROWS, np.float32)
            for m, x in samples.items()
        }
        if weights is None:
            self._tables = {modality: list(blocks) for modality, blocks in rows.items()}
        else:
            share = shares(weights, rows)
            together = (
                dict(zip(rows, blocks, strict=True)) for blocks in zip(*rows.values(), strict=True)
            )
            self._tables = {"sum": [_weighted(blocks, share) for blocks in together]}
        blocks = next(iter(self._tables.values()))
        self.shape = sum(map(len, blocks)), blocks[0].shape[1]

    def only(self, modalities: Collection[str]) -> "Distances":
        """Return the distances by some of the modalities; the tables are shared."""
        some = copy(self)
        some._tables = {m: self._tables[m] for m in modalities}
        return some

    def kernel(
        self, weights: Mapping[str, float], width: float, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Return ``exp(-d^2 / (2 width^2))``, float32 of shape (n, m).

        Parameters
        ----------
        weights : dict of str to float
            Of the modalities; see `shares`.
        width : float
        out : float32 array of shape (n, m), optional
            Where to write.
        """
        out = np.empty(self.shape, np.float32) if out is None else out
        share = self._shares(weights)
        for k, start in enumerate(range(0, len(out), ROWS)):
            end = start + ROWS
            rows = out[start:end, start if self._among else 0 :]
            blocks = {modality: table[k] for modality, table in self._tables.items()}
            step = max(1, CACHED // rows.shape[1])
            for first in range(0, len(rows), step):
                few = slice(first, first + step)
                rbf(
                    _weighted({m: block[few] for m, block in blocks.items()}, share),
                    width,
                    rows[few],
                )
            if self._among:
                out[end:, start:end] = rows[:, ROWS:].T
        return out

    def kernel_by_rows(
        self, weights: Mapping[str, float], width: float, n_rows: int
    ) -> Iterator[np.ndarray]:
        """Yield the same of samples to others, some rows after the other: so many or fewer."""
        share = self._shares(weights)
        for blocks in zip(*self._tables.values(), strict=True):
            for first in range(0, len(blocks[0]), n_rows):
                few = [block[first : first + n_rows] for block in blocks]
                distances = _weighted(dict(zip(self._tables, few, strict=True)), share)
                yield rbf(distances, width, out=distances)

    def median(self, weights: Mapping[str, float]) -> float:
        """Return the root median squared distance between different samples; 1 if all coincide."""
        some = _weighted(self._some, self._shares(weights))
        median = float(np.sqrt(np.median(some))) if len(some) else 0.0
        return median if median > 0 else 1.0

    def _shares(self, weights: Mapping[str, float]) -> dict[str, float]:
        if self._only is None:
            return shares(weights, self._tables)
        assert weights == self._only, "the tables of the modalities were not kept"
        return {"sum": 1.0}

    @cached_property
    def _some(self) -> dict[str, np.ndarray]:
        """By modality: the distances among an even selection; half a million tell the median."""
        step = -(-self.shape[0] // SOME)
        return {
            modality: np.concatenate(
                [
                    table[i // ROWS][i % ROWS, i % ROWS + step :: step]
                    for i in range(0, self.shape[0], step)
                ]
            )
            for modality, table in self._tables.items()
        }


def shares(weights: Mapping[str, float], present: Collection[str]) -> dict[str, float]:
    """Return the weights of the modalities that are there.

    Those of missing ones go to them in proportion, so that the sum stays what it was; a modality
    that is alone gets all of it.
    """
    total, held = sum(weights.values()), sum(weights[m] for m in present)
    return {m: total * (weights[m] / held if held > 0 else 1.0 / len(present)) for m in present}


def rbf(distances: np.ndarray, width: float, out: np.ndarray | None = None) -> np.ndarray:
    """Return the kernel of squared distances, of their shape."""
    exponents = np.divide(distances, -2.0 * width**2, out=out)
    return np.exp(exponents, out=exponents)


def _weighted(distances: Mapping[str, np.ndarray], share: Mapping[str, float]) -> np.ndarray:
    """Return the weighted sum of the modalities' distances (eq. 4)."""
    first, *rest = distances
    total = share[first] * distances[first]
    for modality in rest:
        total += share[modality] * distances[modality]
    return total
