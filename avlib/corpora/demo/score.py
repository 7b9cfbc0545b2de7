"""What is said and when: nonsense syllables in two phrases, with pauses around and between."""

from dataclasses import dataclass

import numpy as np

# F1, F2, F3 of an adult male in Hz (after Peterson & Barney, 1952), and how far the lips open.
VOWELS = np.array(
    [
        (730.0, 1090.0, 2440.0),
        (530.0, 1840.0, 2480.0),
        (270.0, 2290.0, 3010.0),
        (570.0, 840.0, 2410.0),
        (300.0, 870.0, 2240.0),
    ]
)
VOWEL_OPENING = np.array([1.0, 0.75, 0.35, 0.7, 0.3])
VOWEL_WIDTH = np.array([0.0, 0.06, 0.12, -0.12, -0.2])  # lips spread or rounded
SYLLABLE_SECONDS = 0.21  # at a speaking rate of 1
FRICATIVE_SECONDS = 0.06
PAUSES = ((0.20, 0.30), (0.32, 0.42), (0.28, 0.38))  # before, between and after the phrases, s


@dataclass(frozen=True)
class Score:
    """Syllables of a clip; every array has one entry per syllable.

    Attributes
    ----------
    starts, ends
        Voiced part of each syllable, in seconds.
    vowels
        Row in ``VOWELS``.
    stress
        Accent, about 0..1.
    fricatives
        Whether a noise burst of ``FRICATIVE_SECONDS`` precedes the vowel.
    phrases
        ``(2, 2)`` start and end of the two phrases, in seconds.
    """

    starts: np.ndarray
    ends: np.ndarray
    vowels: np.ndarray
    stress: np.ndarray
    fricatives: np.ndarray
    phrases: np.ndarray

    def opening(self, times: np.ndarray) -> np.ndarray:
        """Lip opening that speech asks for at ``times`` (s), 0 closed to 1 wide open."""
        return self._follow(times, VOWEL_OPENING)

    def width(self, times: np.ndarray) -> np.ndarray:
        """Change of the mouth's width that speech asks for at ``times`` (s), as a ratio."""
        return self._follow(times, VOWEL_WIDTH)

    def _follow(self, times: np.ndarray, values: np.ndarray) -> np.ndarray:
        middle = 0.5 * (self.starts + self.ends)
        half = 0.5 * (self.ends - self.starts) + 0.03
        inside = np.clip(1.0 - np.abs(times[:, None] - middle) / half, 0.0, 1.0)
        bell = np.sin(0.5 * np.pi * inside) ** 1.2
        return (bell * values[self.vowels] * (0.7 + 0.3 * self.stress)).sum(axis=1)


def write_score(rng: np.random.Generator, duration: float, rate: float) -> Score:
    """Fill a clip with syllables at a speaking rate (1 = habitual for people at large)."""
    stretch = np.clip(rate**-0.5, 0.8, 1.3)  # who speaks slowly pauses longer
    before, between, after = (stretch * rng.uniform(*pause) for pause in PAUSES)
    speech = duration - before - between - after
    split = before + speech * rng.uniform(0.4, 0.6)
    phrases = np.array([(before, split), (split + between, duration - after)])
    spoken = []
    for start, end in phrases:
        count = max(1, round((end - start) * rate / SYLLABLE_SECONDS))
        lengths = rng.uniform(0.8, 1.2, count)
        edges = start + np.concatenate([[0.0], np.cumsum(lengths)]) * (end - start) / lengths.sum()
        hiss = rng.random(count) < 0.35
        spoken.append((edges[:-1] + np.where(hiss, FRICATIVE_SECONDS, 0.0), edges[1:], hiss))
    starts, ends, fricatives = map(np.concatenate, zip(*spoken, strict=True))
    vowels = rng.integers(len(VOWELS), size=len(starts))
    stress = rng.uniform(0.0, 1.0, len(starts))
    return Score(starts, ends, vowels, stress, fricatives, phrases)
