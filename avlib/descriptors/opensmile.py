"""openSMILE's descriptors of the voice: per frame, per window and per recording.

openSMILE is free for research and education; commercial use needs a licence of audEERING.
"""

import functools
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import opensmile

from avlib.descriptors.audio import AudioDescriptor
from avlib.descriptors.descriptor import Level
from avlib.descriptors.opensmile_frames import frame_descriptors
from avlib.descriptors.opensmile_stream import LARGEST_SAMPLE, streamed
from avlib.speech.pcm import SAMPLE_RATE

LONGEST_WHOLE = 600  # s, of what functionals are computed of: openSMILE holds 30 MB a minute
AT_ONCE = 60  # s; longer sound is streamed, as openSMILE would hold 170 MB a minute of it


@dataclass(frozen=True)
class OpenSmile(AudioDescriptor):
    """A feature set of openSMILE.

    Parameters
    ----------
    level : {"frames", "windows", "clip"}
        Low-level descriptors every 10 ms; statistics of them over sliding windows, each analysed by
        itself; statistics of them over the recording, of one longer than 10 minutes their mean over
        equal pieces of at most that (percentiles and ranges need all frames at once).
    window, hop : float
        Of level "windows", s: length of a window, at least `shortest`, and distance between two. A
        recording shorter than one window is one window.

    Attributes
    ----------
    feature_set : opensmile.FeatureSet
    frame_level : str
        Level of openSMILE's data memory that holds the frame descriptors. "lld;lld_de" are the
        low-level descriptors and their deltas read side by side, so that a row holds both for
        the same time; as two streams they differ in length by two frames.
    frame_dim, functionals_dim : int
        Values per frame, and per recording or window.
    frame : float
        Length of an analysis frame, s.
    """

    level: Level = "frames"
    window: float = 1.0
    hop: float = 0.5

    shortest = 0.1  # openSMILE answers IS10 below 70 ms with NaN
    feature_set: ClassVar[opensmile.FeatureSet]
    frame_level: ClassVar[str]
    frame_dim: ClassVar[int]
    functionals_dim: ClassVar[int]
    frame: ClassVar[float]

    def __post_init__(self) -> None:
        if self.window < self.shortest or self.hop <= 0:
            raise ValueError(
                f"window {self.window} s, hop {self.hop} s; expected a window of at least"
                f" {self.shortest} s and a positive hop"
            )

    @property
    def dim(self) -> int:
        """Length of a row."""
        return self.frame_dim if self.level == "frames" else self.functionals_dim

    @property
    def rate(self) -> float | None:
        """Rows per second, Hz."""
        return {"frames": 100.0, "windows": 1 / self.hop, "clip": None}[self.level]

    def describe(self, signal: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
        """Describe a recording; samples outside of [-1, 1] are clipped."""
        if self.level == "frames":
            starts, values = self._rows(signal, sample_rate, self.frame_level)
            return starts + self.frame / 2, values
        n, step = len(signal), round(self.hop * sample_rate)
        if self.level == "clip":
            n_pieces = max(math.ceil(n / (LONGEST_WHOLE * sample_rate)), 1)
            pieces = np.array_split(signal, n_pieces)
            found = [self._functionals(piece, sample_rate) for piece in pieces]
            mean = np.asarray(np.mean(found, axis=0, dtype=np.float64), np.float32)
            return np.array([n / 2 / sample_rate]), mean
        length = min(n, round(self.window * sample_rate))
        starts = np.arange(0, n - length + 1, step)
        rows = [self._functionals(signal[i : i + length], sample_rate) for i in starts]
        return (starts + length / 2) / sample_rate, np.concatenate(rows, dtype=np.float32)

    def streams(self, n_samples: int) -> bool:
        """Say whether it describes that many samples in pieces: frames of more than a minute."""
        return self.level == "frames" and n_samples > AT_ONCE * SAMPLE_RATE

    def pieces(self, pcm: np.ndarray, sample_rate: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Describe a recording's frames some minutes at a time."""
        self.check_rate(sample_rate)
        for starts, values in streamed(self.feature_set, self.frame_level, pcm, SAMPLE_RATE):
            yield starts + self.frame / 2, values

    def _functionals(self, signal: np.ndarray, sample_rate: int) -> np.ndarray:
        return self._rows(signal, sample_rate, opensmile.FeatureLevel.Functionals.value)[1]

    def _rows(
        self, signal: np.ndarray, sample_rate: int, level: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return when rows start, s, and the rows."""
        prepared = self.prepared(signal, sample_rate)
        if len(prepared) > AT_ONCE * SAMPLE_RATE:
            pieces = streamed(self.feature_set, level, prepared, SAMPLE_RATE)
            starts, rows = zip(*pieces, strict=True)
            return np.concatenate(starts), np.concatenate(rows)
        within = np.clip(prepared, -1.0, LARGEST_SAMPLE)
        if level == self.frame_level:
            return frame_descriptors(self.feature_set, level, within, SAMPLE_RATE)
        table = _extractor(self.feature_set, level).process_signal(within, SAMPLE_RATE)
        starts = table.index.get_level_values("start").total_seconds().to_numpy()
        return starts, table.to_numpy(dtype=np.float32)


class IS10(OpenSmile):
    """The INTERSPEECH 2010 paralinguistic challenge's set: 38 descriptors and 38 deltas.

    Its frames are those of Ghaleb et al. 2019 (MERML), section 4, which does not say whether deltas
    are among them: here they are. Windows are the other reading of what that paper Fisher-encodes.
    """

    name = "is10"
    feature_set = opensmile.FeatureSet.IS10
    frame_level = "lld;lld_de"
    frame_dim, functionals_dim, frame = 76, 1582, 0.025


class EGeMAPS(OpenSmile):
    """The extended Geneva minimalistic acoustic parameter set, v02, without deltas."""

    name = "egemaps"
    feature_set = opensmile.FeatureSet.eGeMAPSv02
    frame_level = "lld"
    frame_dim, functionals_dim, frame = 25, 88, 0.020


class EGeMAPSv01a(OpenSmile):
    """The same set as first published, v01a: what AVEC 2016 and EmoBed used (section 4.1.1)."""

    name = "egemaps_v01a"
    feature_set = opensmile.FeatureSet.eGeMAPSv01a
    frame_level = "lld"
    frame_dim, functionals_dim, frame = 23, 88, 0.020


@functools.cache
def _extractor(feature_set: opensmile.FeatureSet, level: str) -> opensmile.Smile:
    """One extractor per process. Sets with levels that are not theirs can end the process."""
    with warnings.catch_warnings():  # of sets that newer ones have followed
        warnings.filterwarnings("ignore", "Feature set .* is deprecated")
        return opensmile.Smile(feature_set, level, num_workers=1)
