"""A clip's chips and sound at the size and the rates that a system wants."""

import io
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from PIL import Image

from avlib.speech.pcm import SAMPLE_RATE, from_pcm, to_pcm
from avlib.systems.common.pieces import Piece

# s; a single step between frames that is longer is a hole, as long as a face is bridged at most.
_LONGEST_STEP = 0.5
EVERY = slice(None)  # place


@dataclass(frozen=True)
class StreamFormat:
    """How a system wants streams.

    Attributes
    ----------
    size : int
        Side of a chip, pixels; 0: no chips are wanted.
    fps : float
        Chips per second; each is of the frame that a viewer sees at its time.
    rate : int
        Samples of sound per second, Hz.
    """

    size: int
    fps: float
    rate: int

    @classmethod
    def of_sound(cls, rate: int) -> "StreamFormat":
        """Return how sound alone is wanted."""
        return cls(0, 1.0, rate)


@dataclass(frozen=True)
class Streams(ABC):
    """The streams of one clip.

    Attributes
    ----------
    format : StreamFormat
    seen : bool array of shape (n_chips,)
        Whether a face was found; the chip is black where not.
    samples : int
        Number of samples of sound.
    """

    format: StreamFormat
    seen: np.ndarray
    samples: int

    @property
    def duration(self) -> float:
        """Length of the longer stream, s."""
        return max(len(self.seen) / self.format.fps, self.samples / self.format.rate)

    @abstractmethod
    def chips(self, places: np.ndarray | slice = EVERY) -> np.ndarray:
        """Return the chips at some places, uint8 of shape (n_places, size, size, 3)."""

    @abstractmethod
    def sound(self) -> np.ndarray:
        """Return the sound, int16 of shape (samples,)."""


@dataclass(frozen=True)
class HeldStreams(Streams):
    """Streams in memory.

    Attributes
    ----------
    pixels : uint8 array of shape (n_chips, size, size, 3)
    waveform : int16 array of shape (samples,)
    """

    pixels: np.ndarray
    waveform: np.ndarray

    def chips(self, places: np.ndarray | slice = EVERY) -> np.ndarray:
        """Return the chips at some places; see `Streams`."""
        return self.pixels[places]

    def sound(self) -> np.ndarray:
        """Return the sound; see `Streams`."""
        return self.waveform


def held_streams(
    stream_format: StreamFormat,
    faces: tuple[np.ndarray, Sequence[bytes | None]] | None,
    pcm: bytes | None,
) -> HeldStreams:
    """Decode streams into memory.

    Parameters
    ----------
    stream_format
    faces : (float array of shape (n_frames,), sequence of length n_frames), or None
        Times of frames, s, increasing, and the aligned faces as JPEG.
    pcm
        Sound as of `avlib.speech.pcm`, at the format's rate.
    """
    waveform = np.frombuffer(pcm or b"", "<i2")
    times, jpegs = faces or (np.zeros(0), ())
    frames = frames_on_grid(times, np.array([j is not None for j in jpegs], bool), stream_format)
    pixels = np.zeros((len(frames), stream_format.size, stream_format.size, 3), np.uint8)
    for frame in np.unique(frames[frames >= 0]):
        jpeg = jpegs[frame]
        assert jpeg is not None
        pixels[frames == frame] = decoded(jpeg, stream_format.size)
    return HeldStreams(stream_format, frames >= 0, len(waveform), pixels, waveform)


def streams_of_piece(stream_format: StreamFormat, piece: Piece) -> HeldStreams:
    """Decode the streams of a piece of a recording into memory."""
    rate, pcm = stream_format.rate, None
    if piece.wider is not None and piece.wider[0] == rate:
        pcm = to_pcm(piece.wider[1])
    elif piece.sound is not None:
        pcm = resampled(to_pcm(piece.sound), SAMPLE_RATE, rate)
    return held_streams(stream_format, piece.faces, pcm)


def frames_on_grid(
    times: np.ndarray, has_chip: np.ndarray, stream_format: StreamFormat
) -> np.ndarray:
    """Return the frame whose chip is shown at each time of a grid.

    Parameters
    ----------
    times : array of shape (n_frames,)
        Seconds, increasing.
    has_chip : bool array of shape (n_frames,)
        Which of them show a face.
    stream_format

    Returns
    -------
    int array of shape (n_chips,)
        -1 where no face is shown; empty where no chips are wanted.
    """
    if not len(times) or not stream_format.size:
        return np.zeros(0, int)
    frames = shown_frames(times, stream_format.fps)
    return np.where((frames >= 0) & has_chip[frames], frames, -1)


def resampled(pcm: bytes, own: int, rate: int) -> bytes:
    """Return sound as of `avlib.speech.pcm` at another rate, Hz, than its own."""
    return pcm if own == rate else to_pcm(soxr.resample(from_pcm(pcm), own, rate))


def shown_frames(times: np.ndarray, fps: float) -> np.ndarray:
    """Return which frame a viewer sees at each time k / fps.

    That is the last one at or before it, for as long as it is shown: until the next one, but not
    through a hole. Half of the shortest usual step counts as at the time, so that frames at a
    constant rate are those nearest to the grid.

    Parameters
    ----------
    times : array of shape (n_frames,)
        Seconds, increasing.
    fps : float

    Returns
    -------
    int array of shape (n_chips,)
        Indices into `times`; -1 where none is shown, that is where the recording has a hole.
    """
    steps = np.diff(times)
    usual = float(np.median(steps)) if len(steps) else 1 / fps
    grid = np.arange(max(1, round((times[-1] + usual) * fps))) / fps
    # Of two equally near frames it is the earlier, whatever rounding says.
    short = float(np.quantile(steps, 0.1)) if len(steps) else 0.0
    early = np.append(0.0, np.minimum(steps, short) / 2 - 1e-9)
    place = np.searchsorted(times - early, grid, side="right") - 1
    # The first frame stands for the moment before it, where a span begins between two frames.
    place[(place < 0) & (times[0] - grid <= max(usual, 1 / fps))] = 0
    until = np.append(times[:-1] + np.where(holes(steps), usual, steps), np.inf)
    return np.where((place >= 0) & (grid < until[place] + 1e-9), place, -1)


def holes(steps: np.ndarray) -> np.ndarray:
    """Tell which steps between frames, s, are holes: long, and much longer than those around them.

    Slow pictures are no holes: there the next steps are as long.
    """
    around = np.maximum(np.append(0.0, steps[:-1]), np.append(steps[1:], 0.0))
    return steps > np.maximum(_LONGEST_STEP, 2.5 * around)


def nearest_places(places: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the index of the nearest of some places, ascending, for each that is wanted.

    Of two equally near ones it is the earlier, whatever rounding says.
    """
    after = np.clip(np.searchsorted(places, wanted), 0, len(places) - 1)
    before = np.maximum(after - 1, 0)
    is_before = wanted - places[before] <= places[after] - wanted + 1e-9
    return np.where(is_before, before, after)


def decoded(jpeg: bytes, size: int) -> np.ndarray:
    """Return a chip at a size, pixels, uint8 of shape (size, size, 3)."""
    image = Image.open(io.BytesIO(jpeg))
    image.draft("RGB", (size, size))  # lets the decoder skip detail that would be averaged away
    return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))
