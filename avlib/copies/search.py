"""Which fingerprints are of the same recording: all are compared with all, block by block."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_BLOCK = 512  # rows at a time: 20 MB of cosines with 10,000 others
_ROUNDING = 1e-4  # far above what float32 makes of a sum over some thousand places

Variants = Callable[[np.ndarray], Sequence[np.ndarray]]


def same_as(fingerprints: np.ndarray, variants: Variants, alike: float) -> np.ndarray:
    """Return for each row the first row that it is a copy of, or a copy of a copy.

    Parameters
    ----------
    fingerprints : int8 array of shape (n, d)
    variants
        Returns what copies of rows, (m, d), may look like: arrays of that shape, the rows as they
        are among them.
    alike
        Cosine from which on two are copies.

    Returns
    -------
    ndarray of shape (n,), int
        Its own number for a row that is like no earlier one.
    """
    n = len(fingerprints)
    found = np.arange(n)
    for start, copies in matches(fingerprints, variants, alike):
        row, column = np.nonzero(copies)
        # Joined at once, so that many copies of one recording take no more memory than others.
        one = np.concatenate([row + start, np.arange(n)])
        other = np.concatenate([column + start, found])
        links = coo_array((np.ones(len(one), bool), (one, other)), shape=(n, n))
        _, group = connected_components(links, directed=False)
        _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
        found = first[inverse]
    return found


def matches(
    fingerprints: np.ndarray, variants: Variants, alike: float
) -> Iterator[tuple[int, np.ndarray]]:
    """Find which of all pairs are alike, with less work than `likenesses`.

    A cosine is a sum over places. Over some of them it is computed of all pairs; over the rest it
    is no more than the product of both rows' norms there (Cauchy and Schwarz), which leaves few
    rows of which the rest has to be computed.

    Parameters
    ----------
    fingerprints, variants, alike
        As of `same_as`.

    Yields
    ------
    start : int
        The first row of a block.
    copies : bool array of shape (n_block, n - start)
        Which of the rows from `start` on are alike to each of the block's.
    """
    unit = _unit(fingerprints)
    # A pair that is half alike in these places and wholly in all others is just alike. Different
    # recordings are less than half alike; places side by side, which are in both, say the same.
    share = min(2 * (1 - alike), 1.0)
    places = np.arange(unit.shape[1] + 1) * share
    some = np.diff(np.floor(places)) > 0
    shown, rest = unit[:, some], unit[:, ~some]
    del unit
    most = np.linalg.norm(rest, axis=1)
    for start in range(0, len(shown), _BLOCK):
        block = fingerprints[start : start + _BLOCK]
        copies = np.zeros((len(block), len(shown) - start), bool)
        for variant in map(_unit, variants(block)):
            cosines = variant[:, some] @ shown[start:].T
            of_rest = variant[:, ~some]
            bound = np.outer(np.linalg.norm(of_rest, axis=1), most[start:])
            bound += cosines
            (worth,) = np.nonzero((bound >= alike - _ROUNDING).any(axis=0))
            exact = cosines[:, worth] + of_rest @ rest[start:][worth].T
            copies[:, worth] |= exact >= alike
        yield start, copies


def likenesses(fingerprints: np.ndarray, variants: Variants) -> Iterator[tuple[int, np.ndarray]]:
    """Compare each row with itself and all later ones.

    Parameters
    ----------
    fingerprints, variants
        As of `same_as`.

    Yields
    ------
    start : int
        The first row of a block.
    cosines : float32 array of shape (n_block, n - start)
        Of the block's rows with those from `start` on, the largest of the variants.
    """
    unit = _unit(fingerprints)
    for start in range(0, len(unit), _BLOCK):
        block = fingerprints[start : start + _BLOCK]
        cosines = np.full((len(block), len(unit) - start), -1, np.float32)
        for variant in variants(block):
            np.maximum(cosines, _unit(variant) @ unit[start:].T, out=cosines)
        yield start, cosines


def _unit(rows: np.ndarray) -> np.ndarray:
    values = rows.astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True).clip(1)
    return values


def moved(rows: np.ndarray, moments: int, by: int) -> np.ndarray:
    """Return fingerprints of so many moments as they would be some moments later, 0 elsewhere."""
    of_moment = rows.reshape(len(rows), moments, -1)
    result = np.zeros_like(of_moment)
    result[:, max(by, 0) : moments + min(by, 0)] = of_moment[:, max(-by, 0) : moments - max(by, 0)]
    return result.reshape(rows.shape)
