"""Source-filter voice: a harmonic glottal source and breath noise through moving formants."""

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfilt

from avlib.corpora.demo.acting import VOICE_CUES, Acting
from avlib.corpora.demo.identity import Traits
from avlib.corpora.demo.score import FRICATIVE_SECONDS, VOWELS, Score

SAMPLE_RATE = 16000
CONTROL_RATE = 200  # Hz, of every slow parameter
TOP_HZ = 7400.0  # no partial above: it would alias, and AAC drops it
NEUTRAL_RMS = 0.05
BANDWIDTHS = np.array([80.0, 100.0, 140.0, 220.0])
FOURTH_FORMANT = 3500.0
SOURCE_TILT = -7.0  # dB per octave with lip radiation in it


def synthesise(
    voice: Traits, acting: Acting, score: Score, duration: float, rng: Generator
) -> np.ndarray:
    """Speak a score.

    Parameters
    ----------
    voice
        Habitual voice of the subject.
    acting
        The take: its cues grow from rest to apex.
    score
        Syllables with times in seconds.
    duration
        Length in seconds.
    rng
        Stream for jitter, shimmer and noise.

    Returns
    -------
    signal
        ``(n,)`` float64 at ``SAMPLE_RATE``, silent where nobody speaks; `record` limits its peaks.
    """
    times = np.arange(round(duration * CONTROL_RATE) + 1) / CONTROL_RATE
    samples = np.arange(round(duration * SAMPLE_RATE)) / SAMPLE_RATE
    cues = dict(zip(VOICE_CUES, acting.shown("voice", times).T, strict=True))

    envelope = _envelope(score, times, cues["attack"])
    f0 = _pitch(voice, cues, score, times, rng)
    formants = _formants(voice, cues, score, times)
    level = 10.0 ** ((voice.level + cues["level"]) / 20.0) * envelope
    level = level * (1.0 + rng.normal(size=len(times)) * 0.04 * 2.0 ** cues["jitter"])

    voiced = _harmonics(f0, level, voice.tilt + cues["tilt"], formants, samples)
    breath_level = level * 10.0 ** ((voice.breath + cues["breath"] - 26.0) / 20.0)
    noise = _breath(rng, samples) * np.interp(samples, times, breath_level)
    loud = 10.0 ** (np.interp(score.starts, times, cues["level"] + voice.level) / 20.0)
    noise += _fricatives(rng, score, loud, samples)
    return NEUTRAL_RMS * (voiced + noise)


def _envelope(score: Score, times: np.ndarray, attack: np.ndarray) -> np.ndarray:
    """Loudness 0..1: a bump per syllable that never closes inside a run of voiced syllables."""
    rise = 0.035 * 2.0 ** attack[:, None]
    up = np.clip((times[:, None] - score.starts) / rise, 0.0, 1.0)
    down = np.clip((score.ends - times[:, None]) / 0.06, 0.0, 1.0)
    bumps = np.sin(0.5 * np.pi * up) * np.sin(0.5 * np.pi * down) * (0.75 + 0.5 * score.stress)
    joints = score.ends[:-1][score.starts[1:] - score.ends[:-1] < 1e-6]
    joined = 0.35 * np.clip(1.0 - np.abs(times[:, None] - joints) / 0.06, 0.0, 1.0)
    return np.maximum(bumps.max(axis=1), joined.max(axis=1, initial=0.0))


def _pitch(
    voice: Traits, cues: dict[str, np.ndarray], score: Score, times: np.ndarray, rng: Generator
) -> np.ndarray:
    """F0 in Hz: level, declination over each phrase, accents on stressed syllables, jitter."""
    excursion = voice.pitch_range * 2.0 ** cues["f0_range"]
    middle = 0.5 * (score.starts + score.ends)
    accents = np.exp(-0.5 * ((times[:, None] - middle) / 0.07) ** 2) * (score.stress - 0.35)
    semitones = cues["f0"] + 3.2 * excursion * accents.sum(axis=1)
    for start, end in score.phrases:
        inside = (times >= start - 0.05) & (times <= end + 0.05)
        semitones += inside * (cues["f0_slope"] - 1.5) * (times - 0.5 * (start + end))
    semitones = gaussian_filter1d(semitones, 2.0)
    jitter = 0.004 * voice.jitter * 2.0 ** (1.5 * cues["jitter"])
    wander = 0.25 * gaussian_filter1d(rng.normal(size=len(times)), 12.0) * np.sqrt(12.0 * 3.5)
    wobble = rng.normal(size=len(times))  # from cycle to cycle
    f0 = voice.f0 * 2.0 ** ((semitones + wander) / 12.0) * (1.0 + jitter * wobble)
    return np.clip(f0, 65.0, 480.0)


def _formants(
    voice: Traits, cues: dict[str, np.ndarray], score: Score, times: np.ndarray
) -> np.ndarray:
    """Centre frequencies ``(n, 4)`` in Hz, gliding from vowel to vowel."""
    middle = 0.5 * (score.starts + score.ends)
    targets = VOWELS[score.vowels]
    glide = np.stack([np.interp(times, middle, target) for target in targets.T], axis=1)
    glide = np.concatenate([glide, np.full((len(times), 1), FOURTH_FORMANT)], axis=1)
    shift = 2.0 ** (cues["formants"][:, None] * np.array([1.0, 0.5, 0.3, 0.3]))
    return glide * voice.tract * shift


def _harmonics(
    f0: np.ndarray, level: np.ndarray, tilt: np.ndarray, formants: np.ndarray, samples: np.ndarray
) -> np.ndarray:
    """Sum of the partials of F0, each weighted by source slope and formants at its frequency."""
    times = np.arange(len(f0)) / CONTROL_RATE
    count = int(TOP_HZ / f0.min())
    order = np.arange(1, count + 1)
    hz = f0[:, None] * order
    slope = 10.0 ** ((SOURCE_TILT + tilt[:, None]) * np.log2(order) / 20.0)
    gain = slope * _resonance(hz, formants) * (hz < TOP_HZ)
    # Level is a cue of its own: without this, every change of slope would change loudness too.
    gain *= level[:, None] / np.sqrt(0.5 * (gain**2).sum(axis=1, keepdims=True) + 1e-12)
    cycles = np.cumsum(np.interp(samples, times, f0)) / SAMPLE_RATE
    turn = np.exp(2j * np.pi * cycles)
    partial = np.ones(len(samples), dtype=np.complex128)
    total = np.zeros(len(samples))
    for amplitude in gain.T:
        partial *= turn
        total += np.interp(samples, times, amplitude) * partial.imag
    return total


def _resonance(hz: np.ndarray, formants: np.ndarray) -> np.ndarray:
    """Gain of the vocal tract at ``hz``: second-order resonators in cascade, 1 at 0 Hz."""
    gain = np.ones_like(hz)
    for centre, width in zip(formants.T, BANDWIDTHS, strict=True):
        ratio = hz / centre[:, None]
        gain /= np.sqrt((1.0 - ratio**2) ** 2 + (ratio * width / centre[:, None]) ** 2)
    return gain


def _breath(rng: Generator, samples: np.ndarray) -> np.ndarray:
    """Aspiration: noise of unit RMS around the higher formants."""
    noise = sosfilt(_BREATH_BAND, rng.normal(size=len(samples)))
    return noise / np.sqrt(np.mean(noise**2))


def _fricatives(rng: Generator, score: Score, loud: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Noise bursts above 3 kHz before some vowels, ``loud`` as the voice is at each syllable."""
    noise = sosfilt(_HISS_BAND, rng.normal(size=len(samples)))
    gate = np.zeros(len(samples))
    for start, burst, gain in zip(score.starts, score.fricatives, loud, strict=True):
        if burst:
            place = (samples - start + FRICATIVE_SECONDS) / FRICATIVE_SECONDS
            gate += gain * np.where((place > 0) & (place < 1), np.sin(np.pi * place), 0.0)
    return 0.25 * gate * noise


_BREATH_BAND = butter(2, (1200.0, 6500.0), "bandpass", fs=SAMPLE_RATE, output="sos")
_HISS_BAND = butter(2, 3000.0, "highpass", fs=SAMPLE_RATE, output="sos")
