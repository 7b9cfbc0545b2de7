"""Blocks of samples laid one behind the other on a clip's time axis, and resampled on the way.

A recording of hours is never held at its own rate: what no later block can reach is passed on.
"""

from __future__ import annotations

import numpy as np
import soxr

_BLOCK = 60  # s that are resampled at once
# s that are held back, as a block may lie over the ones before: spliced recordings overlap by one.
_HELD_BACK = 10


class Line:
    """Mono sound from sample 0 on; what is never laid is 0.

    Parameters
    ----------
    own, wanted : int
        Rates in Hz: of the blocks, and of the result.
    longest : float
        Samples at the own rate behind which nothing is kept; infinity keeps all.
    """

    def __init__(self, own: int, wanted: int, longest: float) -> None:
        self.finite = True  # False once a sample is not a number
        self._own, self._wanted, self._longest = own, wanted, longest
        self._room = np.zeros((_BLOCK + _HELD_BACK) * own, np.float32)
        self._passed = self._length = 0  # samples; the room begins with number `_passed`
        self._stream: soxr.ResampleStream | None = None
        self._done = np.empty(0, np.float32)

    @property
    def empty(self) -> bool:
        """True while there is no sample."""
        return self._length == 0

    def lay(self, place: int, samples: np.ndarray) -> None:
        """Put samples where they belong, over what lies there; the first one is number `place`."""
        for first in range(0, len(samples), self._own):
            self._lay(place + first, samples[first : first + self._own])

    def end(self) -> np.ndarray:
        """Return the whole, float32 of shape (n_samples,) at the wanted rate."""
        self._pass(self._length - self._passed, last=True)
        return self._done

    def _lay(self, place: int, samples: np.ndarray) -> None:
        end = int(min(place + len(samples), self._longest))
        while end - self._passed > len(self._room):
            self._pass(_BLOCK * self._own)
        self._length = max(self._length, end)  # before what lies too far behind it is silent
        begin = max(place, self._passed)
        if begin < end:
            room = self._room[begin - self._passed : end - self._passed]
            room[:] = samples[begin - place : end - place]

    def _pass(self, n: int, *, last: bool = False) -> None:
        block = self._room[:n].copy()
        self._room[: -n or None] = self._room[n:].copy()
        self._room[len(self._room) - n :] = 0
        self._passed += n
        self.finite = self.finite and bool(np.isfinite(block).all())
        if self._own == self._wanted:
            self._append(block)
        elif last and self._stream is None:
            self._append(soxr.resample(block, self._own, self._wanted, quality="HQ"))
        else:
            self._stream = self._stream or soxr.ResampleStream(self._own, self._wanted, 1)
            self._append(self._stream.resample_chunk(block, last=last))

    def _append(self, block: np.ndarray) -> None:
        """Put a block behind what is done; hours of it are never there twice."""
        n = len(self._done)
        self._done.resize(n + len(block), refcheck=False)
        self._done[n:] = block
