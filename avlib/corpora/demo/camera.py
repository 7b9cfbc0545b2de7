"""Camera and room: framing, light, backdrop, shoulders, sensor noise; head canvas to picture."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.random import Generator

from avlib.corpora.demo.canvas import LEFT, SCALE, TOP, U, cloud, sample
from avlib.corpora.demo.head import Head, Light

PIVOT = 0.75  # the head turns about this height, in units below the eyes
EYES = 0.43  # height of the eyes in the picture, as a share
ZOOM = 0.225  # distance between the eyes over the picture's height
GRAINS = 6  # fields of sensor noise that a take's frames choose from
MARGIN = 14.0  # pixels by which the head may leave its resting place sideways


class Camera:
    """One take's framing, light and backdrop: mostly the subject's own room, a little different.

    Parameters
    ----------
    room, take
        Streams of the subject's room and of this take.
    width, height
        Of the picture, in pixels.

    Attributes
    ----------
    light
        On the face.
    zoom
        Pixels per unit.
    centre
        Where the point between the eyes rests (column, row), in pixels.
    tint
        ``(3, 1, 1)`` white balance and exposure.
    backdrop, grain
        ``(3, height, width)`` and ``(GRAINS, 1, height, width)``: what stands behind the
        head, and fields of the sensor's noise; 0 is black and 255 white.
    """

    def __init__(self, room: Generator, take: Generator, width: int, height: int) -> None:
        side = np.clip(room.uniform(-0.7, 0.7) + take.normal(0.0, 0.15), -0.8, 0.8)
        key = room.uniform(0.50, 0.72) + take.normal(0.0, 0.03)
        fill = room.uniform(0.36, 0.48) + take.normal(0.0, 0.02)
        zoom = np.clip(room.uniform(0.94, 1.06) + take.normal(0.0, 0.02), 0.88, 1.1)
        self.zoom = float(ZOOM * height * zoom)
        centre = np.array([0.5, EYES]) + room.normal(0.0, 0.02, 2) * (1.0, 0.5)
        self.centre = ((centre + take.normal(0.0, 0.015, 2)) * (width, height)).tolist()
        self.light = Light((float(side), -0.6 + 0.2 * room.uniform(-1, 1), 0.8), key, fill)
        tint = 1.0 + room.uniform(-0.05, 0.05, 3) + take.normal(0.0, 0.012, 3)
        self.tint = tint[:, None, None]
        noise = room.uniform(0.004, 0.010)
        self.backdrop = 255.0 * self._backdrop(room, width, height) * self.tint
        grain = 255.0 * noise * take.standard_normal((GRAINS, 1, height, width))
        self.grain = grain.astype(np.float32)
        self._take = take

    def film(
        self, head: Head, painted: Iterable[np.ndarray], poses: np.ndarray
    ) -> Iterator[np.ndarray]:
        """Photograph a head frame by frame before the backdrop.

        Parameters
        ----------
        head
            Still layers, for the depth that turning shifts.
        painted
            Of each frame ``(4, h, w)`` from ``Face.paint``.
        poses
            ``(n_frames, n_pose)`` in the order of ``POSE``.

        Yields
        ------
        ``(height, width, 3)`` uint8 RGB.
        """
        height, width = self.backdrop.shape[1:]
        noisy = np.clip(self.backdrop + self.grain, 0, 255).astype(np.uint8)
        empty = np.ascontiguousarray(noisy.transpose(0, 2, 3, 1))
        covered = np.maximum(head.skin[3], head.back_hair[3]).any(axis=0)
        reach = np.abs(U[0, covered]).max() * self.zoom * 1.06 + MARGIN
        left = max(0, int(self.centre[0] - reach))
        right = min(width, int(self.centre[0] + reach))
        still_u = ((np.arange(left, right) - self.centre[0]) / self.zoom).astype(np.float32)[None]
        still_v = ((np.arange(height) - self.centre[1]) / self.zoom).astype(np.float32)[:, None]
        x, y = np.broadcast_arrays((still_u - LEFT) * SCALE, (still_v - TOP) * SCALE)
        depth = sample(head.depth[None], x, y)[0] - np.float32(0.3)
        columns = slice(left, right)
        tint = (255.0 * self.tint).astype(np.float32)
        behind = self.backdrop[:, :, columns].astype(np.float32)
        for picture, pose in zip(painted, poses, strict=True):
            shift, down, nearer, roll, yaw, pitch = pose.tolist()
            size = 1.0 / (1.0 + nearer)
            cos, sin = np.float32(size * np.cos(roll)), np.float32(size * np.sin(roll))
            u = still_u - shift
            v = still_v - down - PIVOT
            x = cos * u + sin * v - np.float32(yaw) * depth
            y = cos * v - sin * u - np.float32(pitch) * depth
            seen = sample(picture, (x - LEFT) * SCALE, (y + (PIVOT - TOP)) * SCALE)
            choice = self._take.integers(GRAINS)
            seen = behind + seen[3] * (seen[:3] * tint - behind)
            seen += self.grain[choice, :, :, columns]
            shown = empty[choice].copy()
            for channel, plane in enumerate(seen.clip(0.0, 255.0).astype(np.uint8)):
                shown[:, columns, channel] = plane
            yield shown

    def _backdrop(self, room: Generator, width: int, height: int) -> np.ndarray:
        """Return a wall with blobs, and the subject's shoulders: ``(3, h, w)`` in 0..1."""
        y, x = np.indices((height, width), dtype=np.float32)
        wall = room.uniform(0.35, 0.75) + room.uniform(-0.08, 0.08, 3)
        slope = room.uniform(-0.12, 0.12, 2)
        tone = 1.0 + slope[0] * (x / width - 0.5) + slope[1] * (y / height - 0.5)
        picture = wall[:, None, None] * (tone + 0.10 * cloud(room, (height, width), 45))
        u = (x - self.centre[0]) / self.zoom
        v = (y - self.centre[1]) / self.zoom
        shoulder = 1.92 + 0.10 * np.abs(u) ** 1.5 + 0.9 * np.clip(np.abs(u) - 1.55, 0.0, None) ** 2
        cloth = np.clip((v - shoulder) * self.zoom + 0.5, 0.0, 1.0)
        colour = room.uniform(0.10, 0.65, 3)
        folds = 1.0 + 0.12 * cloud(room, (height, width), 14) - 0.15 * np.abs(u)
        return picture + cloth * (colour[:, None, None] * folds - picture)
