import numpy as np
import pytest
from scipy.signal import lfilter

RATE = 16000


@pytest.fixture
def voice():
    """A vowel of 120 Hz: glottal pulses through three formants; 1 s of it between 1 s of pause."""
    pulses = np.zeros(RATE)
    pulses[:: RATE // 120] = 1.0
    vowel = pulses
    for formant, bandwidth in ((700, 80), (1200, 90), (2600, 120)):
        radius = np.exp(-np.pi * bandwidth / RATE)
        poles = [1, -2 * radius * np.cos(2 * np.pi * formant / RATE), radius**2]
        vowel = lfilter([1], poles, vowel)
    signal = np.zeros(3 * RATE)
    signal[RATE : 2 * RATE] = 0.5 * vowel / np.abs(vowel).max()
    noise = np.random.default_rng(0).normal(scale=1e-4, size=signal.shape)
    return (signal + noise).astype(np.float32)
