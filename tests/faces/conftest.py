"""Clips with a known face: a photograph's face laid over a plain, lightly textured backdrop."""

import numpy as np
import pytest
import skimage.data
from PIL import Image

FPS = 25.0
# The square of the photograph that is pasted, and dlib's box of the face in it: middle and width.
CUT = (117, 0, 337, 220)
MIDDLE = (227 - 117, 122)
FACE = 105.0


class Studio:
    """Draws frames in which the faces' places are known."""

    def __init__(self, width=320, height=240):
        self.width, self.height = width, height
        self.portrait = Image.fromarray(skimage.data.astronaut()).crop(CUT)

    def frame(self, *faces):
        """One frame, RGB; a face is (x, y, width), its middle and size in pixels."""
        y, x = np.mgrid[: self.height, : self.width]
        backdrop = 110 + 20 * np.sin(x / 17.0) + 20 * np.cos(y / 23.0)
        picture = Image.fromarray(np.repeat(backdrop[..., None], 3, axis=2).astype(np.uint8))
        for middle_x, middle_y, width in faces:
            scale = width / FACE
            side = round(scale * self.portrait.width)
            portrait = self.portrait.resize((side, side), Image.Resampling.LANCZOS)
            corner = (round(middle_x - MIDDLE[0] * scale), round(middle_y - MIDDLE[1] * scale))
            picture.paste(portrait, corner)
        return np.asarray(picture)

    @staticmethod
    def clip(frames, fps=FPS):
        """Frames with their times, as a decoder would hand them out."""
        return [(index / fps, frame) for index, frame in enumerate(frames)]


@pytest.fixture(scope="session")
def studio():
    return Studio()
