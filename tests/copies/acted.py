"""Voices and pictures that are made in memory, each from a seed."""

import numpy as np

RATE = 16000


def speak(seed, seconds=2.0):
    """Return a voice: syllables of a pitch that glides, their vowels drawn anew."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    knots = np.arange(0, seconds + 0.2, 0.2)
    pitch = np.interp(time, knots, rng.uniform(100, 240) * 1.25 ** rng.normal(size=len(knots)))
    loud = np.interp(time, knots, rng.uniform(0, 1, len(knots)) ** 2) + 1e-3
    formants = [np.interp(time, knots, rng.uniform(*span, len(knots)))
                for span in ((300, 900), (900, 2200))]  # fmt: skip
    phase, voice = 2 * np.pi * np.cumsum(pitch) / RATE, np.zeros(len(time))
    for harmonic in range(1, 16):
        near = sum(1 / (1 + ((harmonic * pitch - formant) / 120) ** 2) for formant in formants)
        voice += near * np.sin(harmonic * phase)
    voice = 0.3 * loud * voice / np.abs(voice).max() + rng.normal(scale=1e-4, size=len(time))
    return voice.astype(np.float32)


def act(seed, seconds=4.0, fps=25):
    """Return times, and grey pictures of a room in which three bright spots wander."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * fps)) / fps
    rows, columns = np.mgrid[:64, :96]
    room = 60 + 40 * np.random.default_rng(7).random((4, 6)).repeat(16, 0).repeat(16, 1)
    steps = rng.normal(scale=1.5, size=(3, 2, len(times)))
    steps = np.apply_along_axis(np.convolve, 2, steps, np.ones(6) / 4, "same")
    paths = np.cumsum(steps, axis=2) + rng.uniform(15, 50, (3, 2, 1))
    pictures = np.empty((len(times), 64, 96), np.uint8)
    for n in range(len(times)):
        spots = sum(np.exp(-((rows - y[n]) ** 2 + (columns - x[n] - 16) ** 2) / 80)
                    for y, x in paths)  # fmt: skip
        pictures[n] = np.clip(room + 100 * spots, 0, 255)
    return times, pictures
