"""The chain that the AVEC baselines put behind a regressor, chosen on the development partition.

Median filter, centring, scaling, time shift (Valstar et al., AVEC 2016; EmoBed, section 4.2). A
step is taken where it raises the development CCC. AVEC decides step after step; here all
combinations are tried, since a filter or shift can pay off only with a scaling, and doing nothing
is one of them. Windows and shifts are EmoBed's: 0.12 to 0.44 s every 0.08 s, 0.04 to 0.60 s every
0.04 s.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from avlib.report.concordance import ccc, is_constant, labelled
from avlib.systems.emobed.sequence_prep import delayed, frames_of

WINDOWS = tuple(k * 0.04 for k in range(3, 12, 2))  # s
DELAYS = tuple(k * 0.04 for k in range(1, 16))  # s
_BETTER = 1e-9  # a step that adds less to the CCC is not taken


@dataclass(frozen=True)
class PostProcessing:
    """The chain with its settings; those by default do nothing.

    Attributes
    ----------
    window : int
        Of the median filter, in frames, odd.
    bias : float
        Added: the labels' mean minus the predictions'.
    scale : float
        Factor on the predictions' distance from `middle`: the ratio of standard deviations.
    middle : float
        The predictions' mean on the development partition, so that scaling does not shift.
    delay : int
        Frames by which predictions are moved forward in time.
    """

    window: int = 1
    bias: float = 0.0
    scale: float = 1.0
    middle: float = 0.0
    delay: int = 0

    def apply(self, predicted: np.ndarray) -> np.ndarray:
        """Return the refined predictions of one recording, float64 of shape (n_frames,).

        Before a recording's start and after its end its first and last values are repeated, for
        the filter as for the shift; so a recording may be shorter than both.
        """
        smooth = smoothed(np.asarray(predicted, float), self.window)
        return delayed(self.middle + self.bias + self.scale * (smooth - self.middle), self.delay)


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """Return the running median of a series, shape (n_frames,), over an odd number of frames."""
    return median_filter(values, window, mode="nearest") if len(values) else values


def fit_postprocessing(
    recordings: Sequence[tuple[np.ndarray, np.ndarray]], step: float
) -> PostProcessing:
    """Choose the chain with the highest CCC over the joined development recordings.

    Bias and scale are those of the filtered predictions before the shift, as in the chain's order.
    Of settings that score the same, those that do less are taken.

    Parameters
    ----------
    recordings
        Labels (NaN where there is none) and finite predictions of each development recording,
        arrays of shape (n_frames,). Never those of the test partition.
    step
        Of the labels, s: the windows and shifts tried are those nearest to the paper's.

    Returns
    -------
    PostProcessing
        One that does nothing where the labels are constant or absent: no CCC can be raised there.
    """
    best, highest = PostProcessing(), -np.inf
    if not recordings:
        return best
    windows, delays = choices(step)
    truth = np.concatenate([truth for truth, _ in recordings])
    for window in windows:
        smooth = [smoothed(np.asarray(predicted, float), window) for _, predicted in recordings]
        lines = _lines(truth, np.concatenate(smooth))
        for delay in delays:
            late = np.concatenate([delayed(series, delay) for series in smooth])
            for bias, scale, middle in lines:
                score = ccc(truth, middle + bias + scale * (late - middle))
                if score is None:
                    return PostProcessing()
                if score > highest + _BETTER:
                    best, highest = PostProcessing(window, bias, scale, middle, delay), score
    return best


def choices(step: float) -> tuple[list[int], list[int]]:
    """Return windows and shifts in frames of `step` s: none, and those nearest to the paper's."""
    windows = {2 * round((window / step - 1) / 2) + 1 for window in WINDOWS}
    shifts = {frames_of(delay, step) for delay in DELAYS}
    return sorted({1, *(max(w, 1) for w in windows)}), sorted({0, *shifts})


def _lines(truth: np.ndarray, smooth: np.ndarray) -> list[tuple[float, float, float]]:
    """Return bias, scale and middle: as it is, centred, scaled, both."""
    labels, values = labelled(truth, smooth)
    if is_constant(values):  # nothing to scale
        return [(0.0, 1.0, 0.0)]
    middle = float(values.mean())
    bias = float(labels.mean()) - middle
    scale = float(labels.std() / values.std())
    return [(0.0, 1.0, 0.0), (bias, 1.0, middle), (0.0, scale, middle), (bias, scale, middle)]
