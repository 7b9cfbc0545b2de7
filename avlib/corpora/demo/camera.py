"""Camera and room: framing, light, backdrop, shoulders, sensor noise; head canvas to picture."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from avlib.corpora.demo.canvas import LEFT, SCALE, TOP, U, cloud, sample
from avlib.corpora.demo.head import Head, Light

PIVOT = 0.75  # the head turns about this height, in units below the eyes
EYES = 0.43  # height of the eyes in the picture, as a share
ZOOM = 0.225  # distance between the eyes over the picture's height
GRAINS = 6  # fields of sensor noise that a take's frames choose from
MARGIN = 14.0  # pixels by which the head may leave its resting place sideways


@dataclass(frozen=True)
class Shot:
    """One take's framing and light.

    Attributes
    ----------
    zoom
        Pixels per unit.
    centre
        Where the point between the eyes rests (column, row), in pixels.
    light
        On the face.
    tint
        ``(3,)`` white balance and exposure.
    noise
        Standard deviation of the sensor's noise, 0..1 being black to white.
    """

    zoom: float
    centre: tuple[float, float]
    light: Light
    tint: np.ndarray
    noise: float


def set_up(room: Generator, take: Generator, width: int, height: int) -> Shot:
    """Light and framing: mostly the subject's own room, a little different in every take."""
    side = np.clip(room.uniform(-0.7, 0.7) + take.normal(0.0, 0.15), -0.8, 0.8)
    key = room.uniform(0.50, 0.72) + take.normal(0.0, 0.03)
    fill = room.uniform(0.36, 0.48) + take.normal(0.0, 0.02)
    zoom = ZOOM * height * np.clip(room.uniform(0.94, 1.06) + take.normal(0.0, 0.02), 0.88, 1.1)
    centre = np.array([0.5, EYES]) + room.normal(0.0, 0.02, 2) * (1.0, 0.5)
    centre = (centre + take.normal(0.0, 0.015, 2)) * (width, height)
    return Shot(
        zoom=float(zoom),
        centre=(float(centre[0]), float(centre[1])),
        light=Light((float(side), float(-0.6 + 0.2 * room.uniform(-1, 1)), 0.8), key, fill),
        tint=1.0 + room.uniform(-0.05, 0.05, 3) + take.normal(0.0, 0.012, 3),
        noise=float(room.uniform(0.004, 0.010)),
    )


class Camera:
    """Puts painted heads before the backdrop.

    Parameters
    ----------
    shot
        Framing and light.
    head
        Still layers, for the depth that turning shifts.
    room, take
        Streams of the subject's room and of this take.
    width, height
        Of the picture, in pixels.
    """

    def __init__(
        self, shot: Shot, head: Head, room: Generator, take: Generator, width: int, height: int
    ) -> None:
        self._take = take
        backdrop = 255.0 * _backdrop(shot, room, width, height) * shot.tint[:, None, None]
        grain = 255.0 * shot.noise * take.standard_normal((GRAINS, 1, height, width))
        self._grain = grain.astype(np.float32)
        self._backdrop = backdrop.astype(np.float32)
        noisy = np.clip(backdrop + self._grain, 0, 255).astype(np.uint8)
        self._empty = np.ascontiguousarray(noisy.transpose(0, 2, 3, 1))
        covered = np.maximum(head.skin[3], head.back_hair[3]).any(axis=0)
        reach = np.abs(U[0, covered]).max() * shot.zoom * 1.06 + MARGIN
        left = max(0, int(shot.centre[0] - reach))
        right = min(width, int(shot.centre[0] + reach))
        self._columns = slice(left, right)
        self._u = ((np.arange(left, right) - shot.centre[0]) / shot.zoom).astype(np.float32)[None]
        self._v = ((np.arange(height) - shot.centre[1]) / shot.zoom).astype(np.float32)[:, None]
        x, y = np.broadcast_arrays((self._u - LEFT) * SCALE, (self._v - TOP) * SCALE)
        self._depth = sample(head.depth[None], x, y)[0] - np.float32(0.3)
        self._tint = (255.0 * shot.tint).astype(np.float32)[:, None, None]

    def take_picture(self, head: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """Photograph a painted head.

        Parameters
        ----------
        head
            ``(4, h, w)`` from ``Face.paint``.
        pose
            ``(n_pose,)`` in the order of ``POSE``.

        Returns
        -------
        ``(height, width, 3)`` uint8 RGB.
        """
        right, down, nearer, roll, yaw, pitch = pose.tolist()
        size = 1.0 / (1.0 + nearer)
        cos, sin = size * np.cos(roll), size * np.sin(roll)
        u = self._u - right
        v = self._v - down - PIVOT
        x = np.float32(cos) * u + np.float32(sin) * v - np.float32(yaw) * self._depth
        y = np.float32(cos) * v - np.float32(sin) * u - np.float32(pitch) * self._depth
        seen = sample(head, (x - LEFT) * SCALE, (y + (PIVOT - TOP)) * SCALE)
        part = self._backdrop[:, :, self._columns]
        grain = self._take.integers(GRAINS)
        seen = part + seen[3] * (seen[:3] * self._tint - part)
        seen += self._grain[grain, :, :, self._columns]
        picture = self._empty[grain].copy()
        picture[:, self._columns] = seen.clip(0.0, 255.0).astype(np.uint8).transpose(1, 2, 0)
        return picture


def _backdrop(shot: Shot, room: Generator, width: int, height: int) -> np.ndarray:
    """Wall with a soft gradient and blobs, and the subject's shoulders: ``(3, h, w)`` in 0..1."""
    y, x = np.indices((height, width), dtype=np.float32)
    wall = room.uniform(0.35, 0.75) + room.uniform(-0.08, 0.08, 3)
    slope = room.uniform(-0.12, 0.12, 2)
    tone = 1.0 + slope[0] * (x / width - 0.5) + slope[1] * (y / height - 0.5)
    picture = wall[:, None, None] * (tone + 0.10 * cloud(room, (height, width), 45))
    u = (x - shot.centre[0]) / shot.zoom
    v = (y - shot.centre[1]) / shot.zoom
    shoulder = 1.92 + 0.10 * np.abs(u) ** 1.5 + 0.9 * np.clip(np.abs(u) - 1.55, 0.0, None) ** 2
    cloth = np.clip((v - shoulder) * shot.zoom + 0.5, 0.0, 1.0)
    colour = room.uniform(0.10, 0.65, 3)
    folds = 1.0 + 0.12 * cloud(room, (height, width), 14) - 0.15 * np.abs(u)
    return picture + cloth * (colour[:, None, None] * folds - picture)
