"""Pictures of how AVEF prepares a clip; in the manner of `avlib.report.plots`."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from avlib.report.plots import PALETTE, drawing
from avlib.speech.mel import HOP, SAMPLE_RATE

if TYPE_CHECKING:
    from avlib.systems.avef.preparation import Prepared

_SILENT = "#D9D9D9"
_ACROSS = 12  # faces as wide as the clip as recorded


def before_and_after(clip: "Prepared") -> bytes:
    """Draw waves, mel spectrogram and faces, as recorded and what is left (figure 2).

    What denoising cuts is grey. The picture has no faces where none was found.

    Parameters
    ----------
    clip
        What is to be shown.
    """
    seconds = len(clip.signal) / SAMPLE_RATE
    widest = max(seconds, clip.spoken.n_samples / SAMPLE_RATE)
    heights = [1.0, 1.1] + ([1.0] if clip.faces else [])
    with drawing(8, 1.9 * len(heights) + 0.4) as (figure, png):
        panels = figure.subplots(
            2 * len(heights), 1, sharex=True, squeeze=False, height_ratios=heights * 2
        )[:, 0]
        for denoised, (wave, mel, *faces) in (
            (False, panels[: len(heights)]),
            (True, panels[len(heights) :]),
        ):
            signal = clip.left if denoised else clip.signal
            time = np.arange(len(signal)) / SAMPLE_RATE
            wave.plot(time, signal, color=PALETTE[0], linewidth=0.5)
            wave.set(ylabel="wave", yticks=[])
            reach = max(float(np.abs(clip.signal).max()), 1e-3)
            wave.set_ylim(-reach, reach)
            length = f"{len(signal) / SAMPLE_RATE:.1f} s"
            recorded = f"{clip.clip_id} ({clip.emotion}) as recorded, {length}; grey is cut"
            wave.set_title(f"what is left, {length}" if denoised else recorded)
            levels = clip.levels(denoised=denoised)
            _mel(mel, levels, len(levels) * HOP / SAMPLE_RATE)
            for panel in faces:
                _faces(panel, clip, widest / _ACROSS, denoised=denoised)
            if not denoised:
                for start, end in _silences(clip):
                    wave.axvspan(start, end, color=_SILENT, linewidth=0)
        panels[0].set_xlim(0, widest)
        panels[-1].set_xlabel("time (s)")
    return png.getvalue()


def _mel(panel: Axes, levels: np.ndarray, seconds: float) -> None:
    panel.imshow(levels.T, origin="lower", aspect="auto", cmap="magma", extent=(0, seconds, 0, 64))
    panel.set(ylabel="mel band", yticks=[0, 32, 64])


def _faces(panel: Axes, clip: "Prepared", width: float, *, denoised: bool) -> None:
    """Put the face that is nearest to each moment next to each other."""
    seconds = (clip.spoken.n_samples if denoised else len(clip.signal)) / SAMPLE_RATE
    for number in range(max(1, int(seconds / width))):
        moment = (number + 0.5) * width
        moment = _recorded(clip, moment) if denoised else moment
        place = number * width, (number + 1) * width
        panel.imshow(
            clip.face_at(moment), aspect="auto", extent=(*place, 0, 1), interpolation="antialiased"
        )
    panel.set(ylabel="faces", yticks=[], ylim=(0, 1))


def _recorded(clip: "Prepared", moment: float) -> float:
    """Return when something was recorded that stands at a moment of what is left, s."""
    lengths = np.diff(clip.spoken.parts)[:, 0] / SAMPLE_RATE
    ends = np.cumsum(lengths)
    part = min(int(np.searchsorted(ends, moment)), len(ends) - 1)
    start = clip.spoken.parts[part, 0] / SAMPLE_RATE
    return float(start + moment - (ends[part] - lengths[part]))


def _silences(clip: "Prepared") -> list[tuple[float, float]]:
    """Return what lies between the parts that are left, s."""
    _, once = np.unique(clip.spoken.parts[:, 0], return_index=True)  # not what is repeated
    edges = [0.0, *clip.spoken.parts[once].ravel() / SAMPLE_RATE, len(clip.signal) / SAMPLE_RATE]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]


def mel_channels(image: np.ndarray, of_whom: str) -> bytes:
    """Draw a segment's mel image in colour, and its channels one by one (figure 3).

    Parameters
    ----------
    image : float array of shape (3, 64, n_frames)
        The mel spectrogram, and its first and second differences.
    of_whom
        For the title.
    """
    low, high = (end(image, axis=(1, 2), keepdims=True) for end in (np.min, np.max))
    colours = (image - low) / np.maximum(high - low, 1e-9)
    seconds = 0.025 + (image.shape[2] - 1) * HOP / SAMPLE_RATE
    names = ["(b) mel spectrogram", "(c) first differences", "(d) second differences"]
    with drawing(8, 2.6) as (figure, png):
        panels = figure.subplots(1, 4, sharey=True)
        shown = [
            ("(a) all, as colours", colours.transpose(1, 2, 0)),
            *zip(names, image, strict=True),
        ]
        for panel, (name, values) in zip(panels, shown, strict=True):
            panel.imshow(
                values, origin="lower", aspect="auto", cmap="magma", extent=(0, seconds, 0, 64)
            )
            panel.set_title(name, fontsize=9)
            panel.set(xlabel="time (s)", yticks=[0, 32, 64])
        panels[0].set_ylabel("mel band")
        figure.suptitle(f"A segment of {of_whom}", fontsize=10, fontweight="bold")
    return png.getvalue()
