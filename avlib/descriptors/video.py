"""Descriptors of a clip's faces, and the faces as they see them."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avlib.descriptors.descriptor import Descriptor
from avlib.faces.alignment import decode_chips


@dataclass(frozen=True)
class Faces:
    """A clip's faces, a row a frame of the video; where no face was found too.

    Attributes
    ----------
    times : float64 array of shape (n_frames,)
        In seconds, increasing.
    landmarks : float array of shape (n_frames, 68, 2)
        x and y in pixels of the video; NaN in frames without a face.
    jpegs : sequence of (bytes or None), of length n_frames
        The aligned faces, see `chips`.
    """

    times: np.ndarray
    landmarks: np.ndarray
    jpegs: Sequence[bytes | None]

    def sampled(self, fps: float | None) -> np.ndarray:
        """Choose about `fps` frames with a face per second: indices, increasing; see `subsample`.

        Frames without a face do not hide their neighbours.
        """
        seen = np.flatnonzero([jpeg is not None for jpeg in self.jpegs])
        return seen[subsample(self.times[seen], fps)]

    def chips(self, chosen: np.ndarray, *, grey: bool = False) -> np.ndarray:
        """Return the aligned faces of some frames, uint8 RGB of shape (n, 224, 224, 3).

        Those in grey, of shape (n, 224, 224), are decoded sooner.
        """
        return decode_chips([self.jpegs[i] for i in chosen], grey=grey)


@dataclass(frozen=True)
class VideoDescriptor(Descriptor):
    """A descriptor of faces: of their landmarks, their aligned pictures, or both.

    Parameters
    ----------
    fps : float or None
        Faces described per second; None: those of every frame.
    """

    fps: float | None = None

    modality = "video"

    @property
    def rate(self) -> float | None:
        """Rows per second, Hz."""
        return self.fps

    @abstractmethod
    def describe(self, faces: Faces) -> tuple[np.ndarray, np.ndarray]:
        """Describe a clip.

        Returns
        -------
        times : array of shape (n_rows,), float64
            In seconds; each is one of the frames'.
        values : array of shape (n_rows, dim), float32
        """


def subsample(times: np.ndarray, fps: float | None) -> np.ndarray:
    """Pick about `fps` frames per second, by their times.

    Time is cut into slots of 1 / fps seconds from the first frame on; the first frame of each slot
    is taken. A slot without a frame gives none, so a variable frame rate needs no special case.

    Parameters
    ----------
    times : (n,)
        In seconds, increasing.
    fps : float or None
        Above 0, in frames per second; None, or a rate above the clip's own, takes every frame.

    Returns
    -------
    (m,) int64
        Indices into `times`, increasing.

    Raises
    ------
    ValueError
        `fps` is not above 0.
    """
    times = np.asarray(times, dtype=float)
    if fps is None or not len(times):
        return np.arange(len(times))
    if not fps > 0:
        raise ValueError(f"fps is {fps}; expected a number above 0, or None for every frame")
    # A frame that rounding puts just before its slot belongs to it.
    slots = np.floor((times - times[0]) * fps + 1e-6)
    return np.flatnonzero(np.diff(slots, prepend=-1.0) > 0)
