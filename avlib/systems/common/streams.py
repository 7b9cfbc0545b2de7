"""A clip's chips and sound at the size and the rates that a system wants."""

import functools
import io
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from PIL import Image

from avlib.speech.pcm import SAMPLE_RATE, from_pcm, to_pcm

# s; a single step between frames that is longer is a hole, as long as a face is bridged at most.
_LONGEST_STEP = 0.5


@dataclass(frozen=True)
class StreamFormat:
    """How streams are kept.

    Attributes
    ----------
    size : int
        Side of a chip, pixels; 0: no chips are kept.
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
        """Return how sound alone is kept."""
        return cls(0, 1.0, rate)

    def __str__(self) -> str:
        return f"{self.size}px-{self.fps:g}fps-{self.rate}Hz" if self.size else f"{self.rate}Hz"


@dataclass(frozen=True)
class Streams(ABC):
    """The decoded streams of one clip.

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
    def chips(self) -> np.ndarray:
        """Return the chips, uint8 of shape (n_chips, size, size, 3)."""

    @abstractmethod
    def sound(self) -> np.ndarray:
        """Return the sound, int16 of shape (samples,)."""


@dataclass(frozen=True)
class StoredStreams(Streams):
    """Streams in the files ``<folder>/<part>.chips`` and ``<folder>/<part>.sound``.

    Attributes
    ----------
    folder, part : str
    first_chip, first_sample : int
        Place in the files.
    """

    folder: str
    part: str
    first_chip: int
    first_sample: int

    def chips(self) -> np.ndarray:
        """Return the chips, mapped from disk; see `Streams`."""
        shape = (self.format.size, self.format.size, 3)
        return self._mapped("chips", "u1", self.first_chip, len(self.seen), shape)

    def sound(self) -> np.ndarray:
        """Return the sound, mapped from disk; see `Streams`."""
        return self._mapped("sound", "<i2", self.first_sample, self.samples)

    def _mapped(
        self, kind: str, dtype: str, first: int, n: int, shape: tuple[int, ...] = ()
    ) -> np.ndarray:
        if not n:  # an empty file cannot be mapped
            return np.zeros((0, *shape), dtype)
        values = _mapped_file(f"{self.folder}/{self.part}.{kind}", dtype)
        return values.reshape(-1, *shape)[first : first + n]


@functools.lru_cache(maxsize=128)  # each holds a file open
def _mapped_file(path: str, dtype: str) -> np.ndarray:
    """Map a file once for all of its clips: a mapping costs more than what is read through it."""
    return np.memmap(path, dtype, "r")


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

    def chips(self) -> np.ndarray:
        """Return the chips; see `Streams`."""
        return self.pixels

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
        Sound as of `avlib.speech.pcm`, at its rate.
    """
    chips = [] if faces is None else list(chips_on_grid(*faces, stream_format))
    sound = b"" if pcm is None else resampled(pcm, SAMPLE_RATE, stream_format.rate)
    waveform = np.frombuffer(sound, "<i2")
    size = stream_format.size
    pixels = np.zeros((len(chips), size, size, 3), np.uint8)
    for place, chip in enumerate(chips):
        if chip is not None:
            pixels[place] = np.frombuffer(chip, np.uint8).reshape(size, size, 3)
    seen = np.array([chip is not None for chip in chips], bool)
    return HeldStreams(stream_format, seen, len(waveform), pixels, waveform)


def chips_on_grid(
    times: np.ndarray, jpegs: Sequence[bytes | None], stream_format: StreamFormat
) -> Iterator[bytes | None]:
    """Yield the pixels of the frame shown at each time of the grid; None without a face."""
    if not len(times) or not stream_format.size:
        return
    frames = shown_frames(times, stream_format.fps)
    for frame, places in itertools.groupby(frames.tolist()):
        jpeg = jpegs[frame] if frame >= 0 else None
        pixels = None if jpeg is None else _pixels(jpeg, stream_format.size)
        yield from (pixels for _ in places)


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


def _pixels(jpeg: bytes, size: int) -> bytes:
    image = Image.open(io.BytesIO(jpeg))
    image.draft("RGB", (size, size))  # lets the decoder skip detail that would be averaged away
    chip = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    return chip.tobytes()
