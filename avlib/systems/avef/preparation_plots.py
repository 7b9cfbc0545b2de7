"""Pictures of how AVEF prepares a clip; in the manner of `avlib.report.figure`."""

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from avlib.report.figure import Axis, Panel, figure
from avlib.speech.mel import HOP, SAMPLE_RATE

if TYPE_CHECKING:
    from avlib.systems.avef.preparation import Prepared

_ACROSS = 12  # faces as wide as the clip as recorded
_WIDE = 700
_FACE = 96  # pixels of a face's side
_BANDS = Axis(0, 64, "mel band", (0, 32, 64))
# From dark to bright, evenly to the eye: every 32nd colour of matplotlib's magma.
_MAGMA = np.array(
    [(0, 0, 4), (29, 17, 71), (81, 18, 124), (130, 38, 129), (182, 54, 121), (230, 81, 100),
     (251, 136, 97), (254, 194, 135), (252, 253, 191)], float,
)  # fmt: skip


def before_and_after(clip: "Prepared", alt: str) -> str:
    """Draw waves, mel spectrogram and faces, as recorded and what is left (figure 2).

    What denoising cuts is grey. The picture has no faces where none was found.

    Parameters
    ----------
    clip
        What is to be shown.
    alt
        What the picture says.
    """
    seconds = len(clip.signal) / SAMPLE_RATE
    widest = max(seconds, clip.spoken.n_samples / SAMPLE_RATE)
    time, timed = Axis(0, widest, names=()), Axis(0, widest, "time (s)")
    reach = max(float(np.abs(clip.signal).max()), 1e-3)
    panels = []
    for denoised in (False, True):
        signal = clip.left if denoised else clip.signal
        length = f"{len(signal) / SAMPLE_RATE:.1f} s"
        recorded = f"{clip.clip_id} ({clip.emotion}) as recorded, {length}; grey is cut"
        title = f"what is left, {length}" if denoised else recorded
        wave = Panel(time, Axis(-reach, reach, "wave", ()), _WIDE, 70, title=title, grid="")
        if not denoised:
            wave.bars([(*silence, -reach, reach) for silence in _silences(clip)], "cut")
        wave.line(np.arange(len(signal)) / SAMPLE_RATE, signal, "fine g0")
        levels = clip.levels(denoised=denoised)
        last = timed if denoised else time
        mel = Panel(time if clip.faces else last, _BANDS, _WIDE, 80, grid="")
        box = (0, len(levels) * HOP / SAMPLE_RATE, 0, 64)
        mel.image(_png(_in_magma(levels.T)), "png", box, "crisp")
        panels += [wave, mel]
        if clip.faces:
            panels.append(_faces(last, clip, widest / _ACROSS, denoised=denoised))
    return figure(panels, alt)


def _faces(time: Axis, clip: "Prepared", width: float, *, denoised: bool) -> Panel:
    """Put the face that is nearest to each moment next to each other."""
    panel = Panel(time, Axis(0, 1, "faces", ()), _WIDE, _WIDE / _ACROSS, grid="")
    seconds = (clip.spoken.n_samples if denoised else len(clip.signal)) / SAMPLE_RATE
    for number in range(max(1, int(seconds / width))):
        moment = (number + 0.5) * width
        moment = _recorded(clip, moment) if denoised else moment
        face = Image.fromarray(clip.face_at(moment))
        face.thumbnail((_FACE, _FACE), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        face.save(file, "jpeg", quality=85)
        panel.image(file.getvalue(), "jpeg", (number * width, (number + 1) * width, 0, 1))
    return panel


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


def mel_channels(image: np.ndarray, of_whom: str, alt: str) -> str:
    """Draw a segment's mel image in colour, and its channels one by one (figure 3).

    Parameters
    ----------
    image : float array of shape (3, 64, n_frames)
        The mel spectrogram, and its first and second differences.
    of_whom
        For the title.
    alt
        What the picture says.
    """
    low, high = (end(image, axis=(1, 2), keepdims=True) for end in (np.min, np.max))
    colours = 255 * (image - low) / np.maximum(high - low, 1e-9)
    seconds = 0.025 + (image.shape[2] - 1) * HOP / SAMPLE_RATE
    shown = {
        "(a) all, as colours": colours.transpose(1, 2, 0),
        "(b) mel spectrogram": _in_magma(image[0]),
        "(c) first differences": _in_magma(image[1]),
        "(d) second differences": _in_magma(image[2]),
    }
    panels: list[Panel] = []
    for name, pixels in shown.items():
        y = _BANDS._replace(title="" if panels else _BANDS.title)
        panel = Panel(Axis(0, seconds, "time (s)"), y, 160, 150, title=name, grid="")
        panel.image(_png(pixels), "png", (0, seconds, 0, 64), "crisp")
        panels.append(panel)
    return figure(panels, alt, columns=len(panels), title=f"A segment of {of_whom}")


def _in_magma(values: np.ndarray) -> np.ndarray:
    """Colour values of shape (rows, columns), the least dark; RGB from 0 to 255."""
    low, high = float(values.min()), float(values.max())
    places = (values - low) / max(high - low, 1e-9) * (len(_MAGMA) - 1)
    steps = np.arange(len(_MAGMA))
    return np.stack([np.interp(places, steps, channel) for channel in _MAGMA.T], axis=-1)


def _png(pixels: np.ndarray) -> bytes:
    """Return RGB values from 0 to 255, shape (rows, columns, 3), as PNG; the first row is below."""
    file = io.BytesIO()
    Image.fromarray(pixels[::-1].round().astype(np.uint8)).save(file, "png")
    return file.getvalue()
