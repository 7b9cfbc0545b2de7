"""How many faces a clip shows at once: one alone is followed."""

from collections.abc import Iterable, Iterator

import numpy as np

from avlib.faces.detection import find_faces
from avlib.faces.tracking import SURE_SCORE

EVERY = 2.0  # s between two pictures that are searched, whatever the follower does


class Company:
    """Counts faces while a clip's pictures are read.

    Attributes
    ----------
    most : int
        Sure faces in one picture.
    time : float
        Of the first picture with so many, s.
    """

    def __init__(self) -> None:
        self.most, self.time = 0, 0.0

    def watch(
        self, frames: Iterable[tuple[float, np.ndarray]]
    ) -> Iterator[tuple[float, np.ndarray]]:
        """Hand on pictures with their times, s, and search some of them."""
        due = -np.inf
        for time, image in frames:
            if time >= due:
                due = time + EVERY
                self._count(time, image)
            yield time, image

    def _count(self, time: float, image: np.ndarray) -> None:
        sure = sum(hit.score >= SURE_SCORE for hit in find_faces(image))
        if sure > self.most:
            self.most, self.time = sure, time

    @property
    def told(self) -> str:
        """What is to be said of it; "" of one face or none."""
        if self.most < 2:
            return ""
        return (
            f"{self.most} faces at {self.time:.1f} s, of which the most prominent is followed: cut"
            " out whom you mean if that is another"
        )
