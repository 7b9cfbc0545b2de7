"""Time of AVEF's preparation of sound over its duration on one core, beside librosa's.

The paper (Ma et al. 2019, section 4.3.2) takes ten times a clip's duration for sound and faces.
"""

import functools
from collections.abc import Callable
from time import process_time

import librosa
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import lfilter

from avlib.speech.mel import FRAMES, HOP, N_BANDS, N_FFT, OVERLAP, SAMPLE_RATE, WINDOW, mel_images
from avlib.speech.preprocess import pre_emphasis
from avlib.speech.vad import voiced_intervals
from avlib.systems.avef.denoise import cut_signal, spoken_parts
from benchmarks.machine import one_core, take_turns
from benchmarks.table import Table

CLIPS = {5.0: 24, 120.0: 1}  # clips by duration in seconds
PAPER = 10.0  # times the duration
TARGET = PAPER / 30
ROUNDS = 5


def tables() -> list[Table]:
    """Prepare short clips and a long one."""
    with one_core():
        return [measure(duration, n_clips) for duration, n_clips in CLIPS.items()]


def measure(duration: float, n_clips: int) -> Table:
    """Time each step, the whole, and librosa, over clips of one duration."""
    clips = [spoken(duration, seed) for seed in range(n_clips)]
    steps: dict[str, Callable[[np.ndarray], object]] = {
        "mel images": lambda clip: mel_images(pre_emphasis(clip)),
        "voice activity": lambda clip: voiced_intervals(clip, SAMPLE_RATE),
        "whole preparation: voice activity, cut, mel images": prepare,
        "mel images by librosa": by_librosa,
    }
    difference = max(
        float(np.abs(by_librosa(c) - mel_images(pre_emphasis(c))).max()) for c in clips
    )
    each = {name: functools.partial(_all, step, clips) for name, step in steps.items()}
    times = take_turns(each, ROUNDS, process_time)
    share = np.mean([spoken_parts(len(c), voiced_intervals(c, SAMPLE_RATE)).share for c in clips])
    rows = []
    for name, time in times.items():
        ratio = time / (duration * n_clips)
        rows.append([name, f"{1000 * ratio:.2f}", f"{PAPER / ratio:.0f}"])
    return Table(
        f"{n_clips} x {duration:.0f} s of sound, {share:.0%} of it speech.",
        f"Target: {1000 * TARGET:.0f} ms per second of clip, 30 times faster than the paper, whose"
        " figure holds faces too; decoding and faces are in `prepare`. CPU time, best of"
        f" {ROUNDS}. librosa's images differ by {difference:.0e} at most.",
        ["step", "CPU ms per second of clip", "times faster than the paper"],
        rows,
    )


def prepare(clip: np.ndarray) -> np.ndarray:
    """Return the images of what is spoken, the paper's case 2."""
    parts = spoken_parts(len(clip), voiced_intervals(clip, SAMPLE_RATE))
    return mel_images(cut_signal(pre_emphasis(clip), parts))


def by_librosa(clip: np.ndarray) -> np.ndarray:
    """Return the images of a whole clip as librosa's functions make them."""
    bands = librosa.feature.melspectrogram(
        # Its windows stand in the middle of a transform, ours at the beginning.
        y=np.pad(librosa.effects.preemphasis(clip, coef=0.97, zi=[0.0]), (N_FFT - WINDOW) // 2),
        sr=SAMPLE_RATE,
        n_fft=N_FFT,
        hop_length=HOP,
        win_length=WINDOW,
        window=np.hamming(WINDOW),
        center=False,
        n_mels=N_BANDS,
        htk=True,
        norm=None,
    )
    static = np.log(bands + 0.01)
    first = librosa.feature.delta(static, width=5, mode="nearest")
    second = librosa.feature.delta(first, width=5, mode="nearest")
    channels = np.stack([static, first, second]).astype(np.float32)
    segments = sliding_window_view(channels, FRAMES, axis=2)[:, :, :: FRAMES - OVERLAP]
    return np.ascontiguousarray(segments.transpose(2, 0, 1, 3))


def spoken(duration: float, seed: int) -> np.ndarray:
    """Return vowels of 1 s with pauses of 0.5 s, in a little noise."""
    random = np.random.default_rng(seed)
    n = int(duration * SAMPLE_RATE)
    sound = np.zeros(n)
    sound[:: random.integers(70, 160)] = 1.0
    for formant, bandwidth in ((700, 80), (1200, 90), (2600, 120)):
        radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
        poles = [1, -2 * radius * np.cos(2 * np.pi * formant / SAMPLE_RATE), radius**2]
        sound = lfilter([1], poles, sound)
    sound *= np.arange(n) % (3 * SAMPLE_RATE // 2) < SAMPLE_RATE
    noise = random.normal(scale=1e-4, size=n)
    return (0.5 * sound / np.abs(sound).max() + noise).astype(np.float32)


def _all(step: Callable[[np.ndarray], object], clips: list[np.ndarray]) -> None:
    for clip in clips:
        step(clip)
