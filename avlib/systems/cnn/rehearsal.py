"""What a fold of the plain network costs."""

from avlib.speech.mel import N_BANDS
from avlib.systems.cnn.mels import RATE
from avlib.systems.common.rehearsal import Rehearsal


class CNNRehearsal(Rehearsal):
    """Its pieces are clips, whose bands lie on disk at each speed."""

    def scratch(self, n_pieces: float) -> float:
        """Return the bytes of the bands."""
        played = self.seconds * sum(1 / speed for speed in self.settings["speeds"])
        return 4 * N_BANDS * RATE * played * n_pieces
