"""What a fold of EmoBed costs."""

from avlib.systems.common.rehearsal import Rehearsal
from avlib.systems.emobed.functional_clips import FunctionalClips


class EmoBedRehearsal(Rehearsal):
    """Its pieces are the steps of the sequences of both modalities."""

    def n_pieces(self, clips: FunctionalClips) -> int:
        """Return how many steps clips have."""
        return sum(len(sequence) for of in clips.sequences.values() for sequence in of)
