"""How a voice is recorded: another colour and gain in every take, and a quiet room."""

import numpy as np
from scipy.signal import lfilter

COLOUR = 0.6  # at most; +-0.6 tilts the spectrum by 12 dB between 0 Hz and half the sampling rate
GAIN_DB = (-9.0, 5.0)  # from far to near
ROOM_NOISE_RMS = 5e-5  # above 1e-4 WebRTC's detector takes pauses for speech


def record(voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Record a voice.

    Colour and gain say nothing about the emotion, but change every spectral and loudness descriptor
    of the take: a nuisance that, unlike the subject's own, has many draws to be learned from.

    Parameters
    ----------
    voice
        ``(n,)``, clean.
    rng
        Stream of the take.

    Returns
    -------
    signal
        ``(n,)`` float64 within -0.95..0.95.
    """
    colour, gain = rng.uniform(-COLOUR, COLOUR), rng.uniform(*GAIN_DB)
    signal = lfilter([1.0, -colour], [1.0], voice)
    signal *= 10.0 ** (gain / 20.0) * np.std(voice) / max(np.std(signal), 1e-12)
    signal *= min(1.0, 0.9 / max(np.abs(signal).max(), 1e-12))
    return np.clip(signal + rng.normal(0.0, ROOM_NOISE_RMS, len(signal)), -0.95, 0.95)
