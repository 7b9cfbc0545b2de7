"""The log mel spectrogram: the plainest description of sound, from which many networks start."""

import numpy as np

from avlib.descriptors.audio import AudioDescriptor
from avlib.speech import mel


class LogMel(AudioDescriptor):
    """64 log mel bands from 0 to 8 kHz of 25 ms every 10 ms; see `avlib.speech.mel.log_mel`."""

    name = "log_mel"
    shortest = mel.WINDOW / mel.SAMPLE_RATE
    dim = mel.N_BANDS
    rate = mel.SAMPLE_RATE / mel.HOP

    def describe(self, signal: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
        """Describe a recording; whole frames only."""
        values = mel.log_mel(self.prepared(signal, sample_rate))
        starts = mel.HOP * np.arange(len(values))
        return (starts + mel.WINDOW / 2) / sample_rate, values
