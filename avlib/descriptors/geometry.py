"""Geometric features of a face over time, from its landmarks, after the AVEC baselines.

AVEC 2015 and 2016 track 49 points, which are the 68 without the jaw line and the inner corners of
the mouth, and describe each frame by 316 values; means and standard deviations of these are the 632
features that EmoBed uses (section 4.1). The points are aligned to a mean shape on those that
expressions move least, the corners of the eyes and the nose. Then come, in this order:

====  ==========================================================================================
  98  the aligned points minus the mean shape: x and y of the first point, of the second, ...
  98  the aligned points minus those of the frame before; zeros where there is none
  37  distances between neighbours in each group: left brow and eye, right brow and eye, mouth
  34  angles at each point between its two neighbours in the group, in [0, pi]
  49  distances of the aligned points from the median of the stable ones
====  ==========================================================================================

AVEC says of the groups only that distances and angles between points are 71 values; neighbours in
the landmarks' order are that many. Lengths are in distances between the centres of the eyes.
"""

import numpy as np

from avlib.descriptors.video import Faces, VideoDescriptor, subsample

N_POINTS = 68
N_FEATURES = 316
# Of the 68: brows, nose, eyes, mouth without its inner corners.
POINTS = np.r_[17:60, 61:64, 65:68]
GROUPS = (np.r_[17:22, 36:42], np.r_[22:27, 42:48], np.r_[48:60, 61:64, 65:68])
STABLE = np.r_[27:36, 36, 39, 42, 45]
# The mean shape on which dlib's landmark predictor starts, in distances between the centres of the
# eyes, from the middle between these; x to the right and y down. One row a part of the face.
MEAN_SHAPE = np.array(
    [
        *[(-0.927, -0.205), (-0.785, -0.333), (-0.584, -0.371), (-0.377, -0.341), (-0.183, -0.261)],
        *[(0.183, -0.261), (0.377, -0.341), (0.584, -0.371), (0.785, -0.333), (0.927, -0.205)],
        *[(0.0, -0.024), (0.0, 0.172), (0.0, 0.365), (0.0, 0.564)],
        *[(-0.232, 0.699), (-0.121, 0.740), (0.0, 0.775), (0.121, 0.740), (0.232, 0.699)],
        *[(-0.696, 0.001), (-0.572, -0.070), (-0.424, -0.068)],
        *[(-0.294, 0.030), (-0.433, 0.055), (-0.581, 0.053)],
        *[(0.294, 0.030), (0.424, -0.068), (0.572, -0.070)],
        *[(0.696, 0.001), (0.581, 0.053), (0.433, 0.055)],
        *[(-0.445, 1.061), (-0.281, 0.995), (-0.116, 0.961), (0.0, 0.990)],
        *[(0.116, 0.961), (0.281, 0.995), (0.445, 1.061), (0.287, 1.221)],
        *[(0.126, 1.291), (0.0, 1.305), (-0.126, 1.291), (-0.287, 1.221)],
        *[(-0.117, 1.058), (0.0, 1.070), (0.117, 1.058)],
        *[(0.119, 1.145), (0.0, 1.159), (-0.119, 1.145)],
    ]
)
BLOCK = 2**13  # frames at once: of all frames of two hours 2 GB would be held
# Where they stand among the 49.
_STABLE = np.searchsorted(POINTS, STABLE)
_GROUPS = [np.searchsorted(POINTS, group) for group in GROUPS]


class Geometry(VideoDescriptor):
    """The 316 values of each frame with a face, differences being those to the video's last frame.

    Faces that were lost are not filled in: the landmarks of short gaps are in the table already.
    """

    name = "geometry"
    dim = N_FEATURES

    def describe(self, faces: Faces) -> tuple[np.ndarray, np.ndarray]:
        """Describe the chosen frames of a clip."""
        values, there = self._blocks(faces.landmarks)
        seen = np.flatnonzero(there)
        chosen = seen[subsample(faces.times[seen], self.fps)]
        return faces.times[chosen], values[chosen]

    def _blocks(self, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return `geometric_features` of all frames, some thousand at a time, in float32."""
        values = np.empty((len(landmarks), N_FEATURES), np.float32)
        there = np.empty(len(landmarks), bool)
        for start in range(0, len(landmarks), BLOCK):
            block = slice(start, start + BLOCK)
            before = min(start, 1)  # a frame has differences to the one before
            found, seen = geometric_features(landmarks[start - before : block.stop])
            values[block], there[block] = found[before:], seen[before:]
        return values, there


def geometric_features(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Describe the face in each frame of a recording.

    Parameters
    ----------
    landmarks : float array of shape (n_frames, 68, 2)
        x and y in pixels; NaN in frames without a face.

    Returns
    -------
    features : float64 array of shape (n_frames, 316)
        See the module. Zeros in frames without a face.
    there : bool array of shape (n_frames,)
        Which frames have features. After one that has none, differences to it are zeros.

    Raises
    ------
    ValueError
        The landmarks are not of that shape.
    """
    if landmarks.shape[1:] != (N_POINTS, 2):
        raise ValueError(f"landmarks of shape {landmarks.shape}; expected (n_frames, 68, 2)")
    there = np.isfinite(landmarks).all(axis=(1, 2))
    shapes = _complex(landmarks[:, POINTS])
    stable = shapes[there][:, _STABLE]
    there[there] = (stable != stable[:, :1]).any(axis=1)  # points that coincide are no face
    aligned = _aligned(shapes[there])
    features = np.zeros((len(landmarks), N_FEATURES))
    previous = np.zeros_like(aligned)
    frames = np.flatnonzero(there)
    follows = np.flatnonzero(np.diff(frames) == 1) + 1
    previous[follows] = aligned[follows] - aligned[follows - 1]
    features[there] = np.concatenate(
        [
            _coordinates(aligned - _complex(MEAN_SHAPE)),
            _coordinates(previous),
            *[np.abs(np.diff(aligned[:, group])) for group in _GROUPS],
            *[_angles(aligned[:, group]) for group in _GROUPS],
            _from_median(aligned),
        ],
        axis=1,
    )
    return features, there


def _aligned(shapes: np.ndarray) -> np.ndarray:
    """Turn, scale and move each shape, complex (n, 49), so that its stable points fit best.

    As `avlib.faces.alignment.similarity`, for all frames at once.
    """
    target = _complex(MEAN_SHAPE)[_STABLE]
    centres = shapes[:, _STABLE].mean(axis=1, keepdims=True)
    source = shapes[:, _STABLE] - centres
    fit = (source.conj() * (target - target.mean())).sum(axis=1)
    turn = fit / (np.abs(source) ** 2).sum(axis=1)
    return (shapes - centres) * turn[:, None] + target.mean()


def _complex(points: np.ndarray) -> np.ndarray:
    return points[..., 0] + 1j * points[..., 1]


def _coordinates(points: np.ndarray) -> np.ndarray:
    """Return x and y side by side, (n, 2 n_points), of complex points (n, n_points)."""
    return np.stack([points.real, points.imag], axis=2).reshape(len(points), 2 * points.shape[1])


def _angles(points: np.ndarray) -> np.ndarray:
    """Return the angle at each inner point of a chain, (n, n_points - 2); 0 where two coincide."""
    back = points[:, :-2] - points[:, 1:-1]
    on = points[:, 2:] - points[:, 1:-1]
    return np.abs(np.angle(back * on.conj()))


def _from_median(aligned: np.ndarray) -> np.ndarray:
    """Return each point's distance from the coordinates' median over the stable points."""
    stable = aligned[:, _STABLE]
    middle = np.median(stable.real, axis=1) + 1j * np.median(stable.imag, axis=1)
    return np.abs(aligned - middle[:, None])
