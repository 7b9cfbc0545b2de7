"""What a fold of EmoBed costs where it follows arousal and valence."""

from collections.abc import Sequence

import numpy as np

from avlib.systems.common.rehearsal import DIMS, Rehearsal
from avlib.systems.emobed.sequence_prep import frames_of
from avlib.systems.emobed.traces import CHUNK
from avlib.systems.emobed.traces.recordings import TraceRecording


class TraceRehearsal(Rehearsal):
    """Its pieces are the labels' steps; the model's arguments are modalities, the target first."""

    def parts(self, n: int, seconds: float) -> tuple[list[TraceRecording], list[TraceRecording]]:
        """Return recordings of noise, that outlast the annotators' delay."""
        rng = np.random.default_rng(0)
        steps = frames_of(max(seconds, 2 * self.settings["delay"]), self.settings["step"])
        features = {m: rng.normal(size=(steps, DIMS)).astype(np.float32) for m in self.arguments}
        one = TraceRecording("noise", rng.normal(size=(steps, 2)), features)
        return [one] * n, [one] * n

    def n_pieces(self, clips: Sequence[TraceRecording]) -> int:
        """Return how many steps recordings have."""
        return sum(len(recording.labels) for recording in clips)

    def at_once(self, per_clip: float) -> float:
        """Return how many steps of a mini-batch are read at a time."""
        return self.settings["batch_size"] * min(CHUNK, per_clip)
