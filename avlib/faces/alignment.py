"""Faces laid upright on one canonical frame, and kept as JPEG.

"Each face is aligned by registering it with respect to facial landmarks, for instance, eye's
centers, nose, mouth, and chin, to a canonical frame through a similarity transformation. Facial
images are cropped and re-sized to a fixed resolution: 224 x 224." (MERML, section 4)
"""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from avlib.faces.warp import warp

# Pixels; the canonical frame is laid out for this size and scales with it.
CHIP = 224
# Of the 68 landmarks, each anchor the mean of its points: the right eye and the left one, the nose,
# the right corner of the mouth and the left one, the chin.
ANCHORS = (range(36, 42), range(42, 48), [30], [48], [54], [8])
_SHARES = np.array([np.bincount(points, minlength=68) / len(points) for points in ANCHORS])
# Where the anchors lie in a chip, x and y in pixels: the proportions of an average face, made
# symmetric, at such a size that `RESNET_CROP` is the crop that dlib's ResNet was trained on.
CANONICAL = np.array(
    [(82.0, 79.0), (142.0, 79.0), (112.0, 108.5), (88.0, 149.0), (136.0, 149.0), (112.0, 196.0)]
)
# The square of the chip, from this pixel to this one, that dlib's ResNet is to see.
RESNET_CROP = (24, 200)


def anchors(landmarks: np.ndarray) -> np.ndarray:
    """Return the six points (6, 2) that are registered, from the landmarks (68, 2)."""
    return _SHARES @ landmarks


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the rotation, scaling and shift that bring points closest to others.

    Least squares in closed form. With the points as complex numbers, a similarity of the plane is
    z -> a z + b, so no decomposition is needed and a reflection cannot come out
    (Umeyama, PAMI 1991, solves the same problem in any dimension).

    Parameters
    ----------
    source, target : (n, 2)
        Corresponding points, at least two of `source` apart.

    Returns
    -------
    (2, 3)
        The matrix M with ``target ~ source @ M[:, :2].T + M[:, 2]``.

    Raises
    ------
    ValueError
        All points of `source` coincide.
    """
    z, w = (points[:, 0] + 1j * points[:, 1] for points in (source, target))
    z_mean, w_mean = z.mean(), w.mean()
    spread = np.vdot(z - z_mean, z - z_mean).real
    if spread == 0:
        raise ValueError("all points coincide; expected at least two different ones")
    a = np.vdot(z - z_mean, w - w_mean) / spread
    b = w_mean - a * z_mean
    return np.array([(a.real, -a.imag, b.real), (a.imag, a.real, b.imag)])


def apply(transform: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply a (2, 3) transform to points of shape (n, 2)."""
    return points @ transform[:, :2].T + transform[:, 2]


def extract_chip(image: np.ndarray, landmarks: np.ndarray, size: int = CHIP) -> np.ndarray:
    """Cut a face out of a frame, aligned.

    Parameters
    ----------
    image : uint8 of shape (h, w, 3)
        The frame, RGB.
    landmarks : (68, 2)
        In its pixels.
    size : int
        Side of the chip in pixels.

    Returns
    -------
    uint8 of shape (size, size, 4)
        RGB and a 0, which `encode_jpeg` takes without a copy. Bilinear, low-pass filtered where the
        face is larger than the chip; black outside the frame.
    """
    return warp(image, similarity(CANONICAL * (size / CHIP), anchors(landmarks)), size)


def encode_jpeg(chip: np.ndarray, quality: int = 95) -> bytes:
    """Return a chip, uint8 of shape (h, w, 3) or (h, w, 4), as JPEG; a fourth byte is ignored.

    The same bytes for the same chip.
    """
    if chip.shape[2] == 4:
        image = Image.frombuffer("RGBX", chip.shape[1::-1], chip, "raw", "RGBX", 0, 1)
    else:
        image = Image.fromarray(chip)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def decode_chips(chips: Sequence[bytes], *, grey: bool = False) -> np.ndarray:
    """Decode JPEG chips of one size into RGB.

    Parameters
    ----------
    chips : sequence of bytes
    grey : bool
        Decode the luma alone, which a JPEG holds beside its colours: half the work.

    Returns
    -------
    uint8 of shape (n, h, w, 3), or (n, h, w)
        n = 0 gives 224x224.
    """
    if not len(chips):
        return np.zeros((0, CHIP, CHIP) if grey else (0, CHIP, CHIP, 3), np.uint8)
    images = [Image.open(io.BytesIO(chip)) for chip in chips]
    if grey:
        for image in images:
            image.draft("L", None)
    return np.stack([np.asarray(image) for image in images])
