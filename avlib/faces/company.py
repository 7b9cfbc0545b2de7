"""How many faces a clip shows at once: one alone is followed."""

import numpy as np

from avlib.faces.detection import Detection, find_faces

EVERY = 2.0  # s between two pictures that are searched, whatever the follower does
# A detection of this score is a face even where its landmarks do not settle (a beard, blur); a
# weaker one is a face only if they do, which sorts out the detector's false hits.
SURE_SCORE = 0.5


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
        self.most, self.time, self._due = 0, 0.0, -np.inf

    def look(self, time: float, image: np.ndarray) -> list[Detection] | None:
        """Search a picture of second `time` where it is time to; return what `find_faces` does."""
        if time < self._due:
            return None
        self._due = time + EVERY
        hits = find_faces(image)
        sure = sum(hit.score >= SURE_SCORE for hit in hits)
        if sure > self.most:
            self.most, self.time = sure, time
        return hits

    @property
    def told(self) -> str:
        """What is to be said of it; "" of one face or none."""
        if self.most < 2:
            return ""
        return (
            f"{self.most} faces at {self.time:.1f} s, of which the most prominent is followed: cut"
            " out whom you mean if that is another"
        )
