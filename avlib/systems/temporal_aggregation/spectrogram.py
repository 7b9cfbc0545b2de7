"""The spectrogram of a stretch of sound as a picture of fixed size, for networks that see sound."""

from collections.abc import Callable
from math import log

import torch
from torch import Tensor
from torch.nn import functional

from avlib.speech.mel import N_BANDS, N_FFT, mel_bank

WINDOW = 384  # samples: 24 ms at 16 kHz
COLUMNS = 120  # moments
# Channels, rows and columns of what a network sees: frequencies evenly spaced, as published, or
# mel bands and their first and second differences over time.
SIZES = {"linear": (1, WINDOW // 2, COLUMNS), "mel": (3, N_BANDS, COLUMNS)}
FLOOR_DB = -100.0  # the noise of rounding to 16 bits lies 19 dB below
TOGETHER = 4  # sounds whose spectra are computed at once
RANGE_DB = 80.0  # what is heard of a standardised sound, below its loudest cell
_TINIEST = 1e-10  # amplitude below any sound of 16 bits


def log_spectrogram(
    waves: Tensor, floors: Tensor | None = None, frequencies: str = "linear"
) -> Tensor:
    """Return log-spectrograms of 192 frequencies, or 64 mel bands, at 120 moments.

    Birhala et al. 2020 (temporal aggregation), section IV, give only the length of the sound,
    1.28 s, and the size 192x120 that spectrograms "were resized to". Resolved so that nothing is
    resized: Hann windows of 384 samples have 192 frequencies above zero, which are the rows, the
    lowest first; 120 of them, spread evenly with the leftover samples shared out to both ends,
    are the columns. At 16 kHz a row is 41.7 Hz, up to 8 kHz; in 1.28 s (20,480 samples) a column
    is 168 samples, 10.5 ms. Another length changes the distance between columns, not their number.

    Levels are in decibels below a full-scale sine, floored at -100 dB, and scaled so that the
    floor is 0 and the sine 1: silence is a black picture, and a loud voice stays brighter than a
    faint one. Mel bands are AVEF's, of the same windows padded to 512 samples.

    Parameters
    ----------
    waves : Tensor of shape (n, samples)
        Finite floats in [-1, 1]; on the device that is to compute.
    floors : Tensor of shape (n,), optional
        Others than -100 dB.
    frequencies : {"linear", "mel"}

    Returns
    -------
    Tensor of shape (n, 1, 192, 120) or (n, 1, 64, 120)
        Of the waves' type, on their device; none below 0, unless floors are lower.

    Raises
    ------
    ValueError
        The waves are no such tensor, or hold fewer than the 503 samples of 120 different moments.
    """
    shortest = WINDOW + COLUMNS - 1
    if waves.ndim != 2 or not waves.is_floating_point() or waves.shape[1] < shortest:
        raise ValueError(
            f"waves are {waves.dtype} of shape {tuple(waves.shape)}; expected floats of shape "
            f"(n, samples) with at least {shortest} samples"
        )
    hop = (waves.shape[1] - WINDOW) // (COLUMNS - 1)
    used = WINDOW + hop * (COLUMNS - 1)
    margin = (waves.shape[1] - used) // 2
    window = torch.hann_window(WINDOW, dtype=waves.dtype, device=waves.device)
    frames = waves[:, margin : margin + used].unfold(1, WINDOW, hop)
    # On a CPU a few sounds at a time, whose spectra stay in its cache.
    parts = frames.split(TOGETHER if frames.device.type == "cpu" else max(1, len(frames)))
    level = torch.cat([_LEVELS[frequencies](part, window) for part in parts])
    least = level.new_tensor(FLOOR_DB) if floors is None else floors[:, None, None]
    return (1 - level.maximum(least) / FLOOR_DB).transpose(1, 2).unsqueeze(1)


def row_statistics(wave: Tensor, frequencies: str = "linear") -> tuple[Tensor, Tensor]:
    """Return the floor of a whole sound, and mean and deviation of each row of its spectrogram.

    Spectrograms above that floor, less the mean and over the deviation, know neither the level of a
    recording nor what colours all of it.

    Parameters
    ----------
    wave : Tensor of shape (samples,)
        As in `log_spectrogram`, of any length.
    frequencies : {"linear", "mel"}

    Returns
    -------
    floor : Tensor of shape ()
        80 dB below the loudest cell.
    rows : Tensor of shape (2, 192) or (2, 64)
        The deviation of a row that does not vary is 1.
    """
    if len(wave) < WINDOW:
        wave = functional.pad(wave, (0, WINDOW - len(wave)))
    window = torch.hann_window(WINDOW, dtype=wave.dtype, device=wave.device)
    level = _LEVELS[frequencies](wave.unfold(0, WINDOW, WINDOW // 2), window)
    floor = level.max() - RANGE_DB
    spread, mean = torch.std_mean(1 - level.maximum(floor) / FLOOR_DB, 0, correction=0)
    return floor, torch.stack([mean, torch.where(spread > 1e-4, spread, 1.0)])


def with_differences(spectrograms: Tensor) -> Tensor:
    """Put the first and the second differences over time beside spectrograms, as further channels.

    Slopes over the two columns on either side, as of `avlib.speech.mel.differences`.

    Parameters
    ----------
    spectrograms : Tensor of shape (..., 1, rows, columns)

    Returns
    -------
    Tensor of shape (..., 3, rows, columns)
    """
    first = _slopes(spectrograms)
    return torch.cat([spectrograms, first, _slopes(first)], -3)


def _slopes(values: Tensor) -> Tensor:
    c = torch.cat([values[..., :1]] * 2 + [values] + [values[..., -1:]] * 2, -1)
    return (c[..., 3:-1] - c[..., 1:-3] + 2 * (c[..., 4:] - c[..., :-4])) / 10


def _linear_decibels(frames: Tensor, window: Tensor) -> Tensor:
    """Return the levels of frames (..., 384) below a full-scale sine, dB."""
    # A sine in the middle of a row has half the window's sum there.
    amplitude = torch.fft.rfft(frames * window).abs()[..., 1:] / (window.sum() / 2)
    return 20 * _log10(amplitude.clamp(min=_TINIEST))


def _mel_decibels(frames: Tensor, window: Tensor) -> Tensor:
    """Return the levels of mel bands of frames (..., 384), dB."""
    bank = torch.from_numpy(mel_bank().T).to(frames)
    with torch.autocast(frames.device.type, enabled=False):  # half floats know no soft voice
        spectrum = torch.fft.rfft(frames * (window / (window.sum() / 2)), N_FFT)
        powers = spectrum.real.square().add_(spectrum.imag.square()) @ bank
    return 10 * _log10(powers.clamp(min=_TINIEST**2))


def _log10(x: Tensor) -> Tensor:
    """Not torch's, whose last bits on a CPU depend on the processor's maker."""
    return x.log() / log(10)


_LEVELS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "linear": _linear_decibels,
    "mel": _mel_decibels,
}
