"""Spectrograms of training clips, changed as another recording or speaker would change them.

Everything is drawn for each clip by itself, from a generator of the CPU.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def augmented(spectrograms: Tensor, settings: Mapping[str, Any], noise: torch.Generator) -> Tensor:
    """Shift and mask spectrograms.

    Parameters
    ----------
    spectrograms : Tensor of shape (n, channels, n_bands, n_frames)
        Standardised, so that 0 is their mean.
    settings
        ``shift``, ``mask_bands`` and ``mask_frames`` as shares of bands or frames; ``masks``.
    noise
    """
    n_bands, n_frames = spectrograms.shape[2:]
    moved = shifted(spectrograms, round(settings["shift"] * n_bands), noise)
    bands, frames = (
        round(settings["mask_bands"] * n_bands),
        round(settings["mask_frames"] * n_frames),
    )
    return masked(moved, settings["masks"], bands, frames, noise)


def crops(
    spectrograms: Tensor, lengths: Tensor, frames: int, stretch: float, noise: torch.Generator
) -> Tensor:
    """Cut a stretch of time out of each spectrogram at a random place, and play it at random speed.

    A clip that is shorter lies anywhere in it.

    Parameters
    ----------
    spectrograms : Tensor of shape (n, channels, bands, n_frames)
        Standardised, so that 0 is their mean; on any device.
    lengths : int64 Tensor of shape (n,)
        Frames of each; what follows is padding.
    frames
        Of the crops.
    stretch
        0..1; the speed is drawn from 1 - stretch to 1 + stretch.
    noise

    Returns
    -------
    Tensor of shape (n, channels, bands, frames)
        Interpolated between frames; 0 where the clip has no frame.
    """
    n = len(spectrograms)
    speed, place = torch.rand(2, n, 1, generator=noise)
    speed = 1 + stretch * (2 * speed - 1)
    last = lengths.cpu()[:, None] - 1
    at = place * (last - speed * (frames - 1)) + speed * torch.arange(frames)
    before = at.floor().long().clamp(min=torch.zeros_like(last), max=last)
    after = (before + 1).clamp(max=last)
    inside = (at >= -0.5) & (at <= last + 0.5)
    weight = (at - before).clamp(0, 1)
    shape = n, *spectrograms.shape[1:3], frames

    def taken(index: Tensor) -> Tensor:
        index = index.to(spectrograms.device)
        return spectrograms.gather(3, index[:, None, None].expand(shape))

    weight, inside = (v[:, None, None].to(spectrograms.device) for v in (weight, inside))
    return torch.lerp(taken(before), taken(after), weight) * inside


def shifted(spectrograms: Tensor, most: int, noise: torch.Generator) -> Tensor:
    """Move each spectrogram up or down by up to `most` bands: another pitch and vocal tract.

    Parameters
    ----------
    spectrograms : Tensor of shape (n, channels, bands, frames)
    most
        Bands; the outermost band is repeated in place of those that are missing.
    noise

    Returns
    -------
    Tensor of shape (n, channels, bands, frames)
    """
    if not most:
        return spectrograms
    n, _, bands, _ = spectrograms.shape
    by = torch.randint(-most, most + 1, (n, 1), generator=noise)
    source = (torch.arange(bands) - by).clamp(0, bands - 1).to(spectrograms.device)
    return spectrograms.gather(2, source[:, None, :, None].expand_as(spectrograms))


def masked(
    spectrograms: Tensor, masks: int, bands: int, frames: int, noise: torch.Generator
) -> Tensor:
    """Blank stripes of bands and of frames (SpecAugment, Park et al. 2019).

    Parameters
    ----------
    spectrograms : Tensor of shape (n, channels, n_bands, n_frames)
        Standardised, so that 0 is their mean.
    masks
        Stripes of either kind.
    bands, frames
        Widest stripe; the width is drawn from 0 on.
    noise

    Returns
    -------
    Tensor of shape (n, channels, n_bands, n_frames)
        0 where it is blank.
    """
    n, _, n_bands, n_frames = spectrograms.shape
    kept = torch.ones(n, 1, n_bands, n_frames, dtype=torch.bool)
    for _ in range(masks):
        kept &= ~_stripes(n, n_bands, min(bands, n_bands), noise)[:, None, :, None]
        kept &= ~_stripes(n, n_frames, min(frames, n_frames), noise)[:, None, None, :]
    return spectrograms * kept.to(spectrograms.device)


def _stripes(n: int, length: int, widest: int, noise: torch.Generator) -> Tensor:
    """Draw a stripe of each of n rows, bool of shape (n, length)."""
    width = torch.randint(widest + 1, (n, 1), generator=noise)
    first = (torch.rand(n, 1, generator=noise) * (length - width + 1)).long()
    place = torch.arange(length)
    return (place >= first) & (place < first + width)
