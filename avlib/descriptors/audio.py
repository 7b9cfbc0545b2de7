"""Descriptors of sound."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from avlib.descriptors.descriptor import Descriptor
from avlib.speech.pcm import SAMPLE_RATE
from avlib.speech.preprocess import check_signal


class AudioDescriptor(Descriptor):
    """A descriptor of sound.

    Attributes
    ----------
    shortest : float
        s; a shorter signal is filled up with silence (see `prepared`).
    """

    modality = "audio"
    shortest: ClassVar[float] = 0.025

    @abstractmethod
    def describe(self, signal: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
        """Describe a recording.

        Parameters
        ----------
        signal : float array of shape (n,)
            Mono, in [-1, 1].
        sample_rate : int
            16000 Hz.

        Returns
        -------
        times : array of shape (n_rows,), float64
            In seconds; the middle of what each row describes.
        values : array of shape (n_rows, dim), float32

        Raises
        ------
        MediaError
            A sample is NaN or infinite.
        ValueError
            Another sample rate.
        """

    def streams(self, n_samples: int) -> bool:
        """Say whether `pieces` describes a recording of that many samples."""
        return False

    def pieces(self, pcm: np.ndarray, sample_rate: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Describe a recording whose rows, or whose sound as floats, would fill the memory.

        Parameters
        ----------
        pcm : int16 array of shape (n,)
            See `avlib.speech.pcm`.
        sample_rate : int
            16000 Hz.

        Yields
        ------
        times, values
            The rows of `describe`, one piece after another.
        """
        raise NotImplementedError

    def check_rate(self, sample_rate: int) -> None:
        """Raise ValueError where sound has another sample rate than 16 kHz."""
        if sample_rate != SAMPLE_RATE:
            raise ValueError(f"a sample rate of {sample_rate} Hz; expected {SAMPLE_RATE} Hz")

    def prepared(self, signal: np.ndarray, sample_rate: int) -> np.ndarray:
        """Check a signal, and fill it up with silence to the shortest that can be described."""
        self.check_rate(sample_rate)
        missing = round(self.shortest * SAMPLE_RATE) - len(signal)
        checked = check_signal(signal)
        return np.pad(checked, (0, missing)) if missing > 0 else checked
