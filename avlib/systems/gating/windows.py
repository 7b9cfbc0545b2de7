"""Gates: the windows in which a clip is presented bit by bit (gating paradigm, section V).

Times only; nothing here reads a clip.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Windows:
    """How clips are cut.

    Attributes
    ----------
    count : int
        Gates of a clip, at most.
    length : float
        Of a window, s.
    overlap : float
        Of two neighbouring windows, s; less than `length`.
    """

    count: int
    length: float
    overlap: float

    @property
    def step(self) -> float:
        """Time from one window's start to the next, s."""
        return self.length - self.overlap

    def starts(self) -> np.ndarray:
        """Return the start of each window, s, shape (count,)."""
        return np.arange(self.count) * self.step

    def ends(self) -> np.ndarray:
        """Return how much of a clip has been presented at each gate, s, shape (count,)."""
        return self.starts() + self.length

    def open(self, durations: np.ndarray) -> np.ndarray:
        """Return which windows clips have, bool of shape (n_clips, count).

        The paper's eight windows of 1 s span more than most clips. A window counts where at least
        half of it lies inside of the clip, and the first one always does, however short the clip;
        what lies outside is padded.
        """
        middles = self.starts() + self.length / 2
        inside = middles[None] <= np.asarray(durations, float)[:, None] + 1e-9
        inside[:, :1] = True
        return inside


def gate_windows(system: str, settings: Mapping[str, Any]) -> tuple[Windows, str | None]:
    """Return the windows of a system, and where in a clip its only one lies, if it has one."""
    apex = settings["apex"] if system == "gating_global" else None
    count = settings["windows"] if apex is None else 1
    return Windows(count, settings["length"], settings["overlap"]), apex


def apex_start(durations: np.ndarray, length: float) -> np.ndarray:
    """Return where the window in the middle of clips starts, s, shape (n_clips,).

    The paper's global baseline takes "apex moments" without saying how they are found: acted clips
    start and end near neutral, so by default it is this window (``apex: middle``).
    """
    return np.maximum(0.0, (np.asarray(durations, float) - length) / 2)
