"""Augmentation on the device: one draw for all that is given, by default a whole mini-batch.

So the paper on the gating paradigm wants it (Ghaleb et al., ACII 2019, section IV): crops that
differ within a mini-batch show different regions of the face and mislead the choice of triplets.
"""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from avlib.runtime.same_bits import root

# The paper names noise, pitch and speed, not how strong: resolved as what leaves a voice natural.
SNR_DB = (10.0, 30.0)  # from clearly audible noise, with every word understood, to hardly any
SPEED = (0.9, 1.1)  # the range of speed perturbation in speech recognition (Ko et al., 2015)
SEMITONES = (-2.0, 2.0)  # emotions raise the voice by several semitones: less than that

# Of the phase vocoder, at 22,050 Hz: 46 ms, which tells a voice's harmonics from one another.
FRAME = 1024  # samples
HOP = FRAME // 4


def crop(frames: Tensor, size: int, offset: tuple[int, int]) -> Tensor:
    """Cut the same square out of every frame.

    Parameters
    ----------
    frames : Tensor of shape (..., h, w)
    size : int
        Side of the square, pixels; at most that of the frames.
    offset : (int, int)
        Its first row and column.

    Returns
    -------
    Tensor of shape (..., size, size)
        A view.
    """
    top, left = offset
    return frames[..., top : top + size, left : left + size]


def centre_crop(frames: Tensor, size: int) -> Tensor:
    """Cut the central square, (..., h, w) to (..., size, size)."""
    height, width = frames.shape[-2:]
    return crop(frames, size, ((height - size) // 2, (width - size) // 2))


def random_crop(frames: Tensor, size: int, generator: Generator) -> Tensor:
    """Cut a square at a random place, the same in every frame of every clip."""
    height, width = frames.shape[-2:]
    top = math.floor(_uniform((0, height - size + 1), generator))
    left = math.floor(_uniform((0, width - size + 1), generator))
    return crop(frames, size, (top, left))


def random_sound(waves: Tensor, generator: Generator) -> Tensor:
    """Leave a mini-batch as it is, add noise, or change its pitch or its speed.

    Which of the four, each as likely, and how strongly is drawn once.

    Parameters
    ----------
    waves : Tensor of shape (n, samples)
        At any scale.
    generator : Generator
        Noise is drawn on its device: a CPU generator gives the same on every device, one of the
        waves' device saves the transfer.

    Returns
    -------
    Tensor of shape (n, samples)
    """
    method = math.floor(_uniform((0, 4), generator))
    if method == 0:
        return waves
    if method == 1:
        return add_noise(waves, _uniform(SNR_DB, generator), generator)
    if method == 2:
        return change_speed(waves, _uniform(SPEED, generator))
    return shift_pitch(waves, _uniform(SEMITONES, generator))


def add_noise(waves: Tensor, snr_db: float, generator: Generator) -> Tensor:
    """Add white Gaussian noise at a ratio to each wave's own power; a silent wave stays silent.

    Parameters
    ----------
    waves : Tensor of shape (n, samples)
    snr_db : float
        Power of the wave over the expected power of the noise, in dB.
    generator : Generator

    Returns
    -------
    Tensor of shape (n, samples)
    """
    noise = torch.randn(waves.shape, generator=generator, device=generator.device)
    level = root(waves.square().mean(1, keepdim=True)) * 10 ** (-snr_db / 20)
    return waves + level * noise.to(waves)


def change_speed(waves: Tensor, factor: float) -> Tensor:
    """Play faster or slower, pitch and all, about the middle of each wave.

    The length stays: a faster wave is followed and preceded by silence, a slower one loses its
    ends.

    Parameters
    ----------
    waves : Tensor of shape (n, samples)
    factor : float
        Above 1 is faster; rounded such that a whole number of samples is lost or won at each end.

    Returns
    -------
    Tensor of shape (n, samples)
    """
    samples = waves.shape[1]
    margin = round(samples * (factor - 1) / 2)
    return _resampled(functional.pad(waves, (margin, margin)), samples)  # a negative margin cuts


def shift_pitch(waves: Tensor, semitones: float) -> Tensor:
    """Raise or lower the voice; what happens when, and how long it takes, stays.

    A phase vocoder (Flanagan and Golden, 1966) stretches the wave without changing its pitch;
    played back in the old time, the pitch changes by the ratio of the stretch.

    Parameters
    ----------
    waves : Tensor of shape (n, samples)
    semitones : float
        Above 0 is higher; 12 is an octave.

    Returns
    -------
    Tensor of shape (n, samples)
    """
    ratio = 2 ** (semitones / 12)
    return _resampled(_stretched(waves, ratio), waves.shape[1])


def _stretched(waves: Tensor, ratio: float) -> Tensor:
    """Make waves `ratio` times as long at the same pitch, (n, samples) to (n, samples * ratio).

    Frames are read at a distance of HOP / ratio, between two frames of the spectrogram where need
    be, and laid down at a distance of HOP. From one to the next every frequency's phase goes on by
    as much as it does over one HOP at that place of the original.
    """
    samples = waves.shape[1]
    length = max(1, round(samples * ratio))
    steps = 1 + math.ceil(length / HOP)
    place = torch.arange(steps, dtype=torch.float64) / ratio
    before = place.long()
    frames = int(before[-1]) + 2
    window = torch.hann_window(FRAME, device=waves.device)
    padded = functional.pad(waves, (0, HOP * (frames - 1) - samples))
    spectra = torch.stft(
        padded, FRAME, HOP, window=window, pad_mode="constant", return_complex=True
    )
    share = (place - before).to(waves)
    before = before.to(waves.device)
    magnitudes, phases = spectra.abs(), spectra.angle()
    magnitude = torch.lerp(magnitudes[..., before], magnitudes[..., before + 1], share)
    advance = phases.diff()[..., before]
    phase = phases[..., :1] + functional.pad(advance, (1, -1)).cumsum(2)
    return torch.istft(torch.polar(magnitude, phase), FRAME, HOP, window=window, length=length)


def _resampled(waves: Tensor, samples: int) -> Tensor:
    """Interpolate linearly to another number of samples."""
    return functional.interpolate(waves[:, None], samples, mode="linear")[:, 0]


def _uniform(bounds: tuple[float, float], generator: Generator) -> float:
    low, high = bounds
    drawn = torch.rand((), generator=generator, device=generator.device, dtype=torch.float64)
    return low + (high - low) * drawn.item()
