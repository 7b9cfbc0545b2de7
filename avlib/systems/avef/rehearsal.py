"""What a fold of AVEF costs."""

import math
from dataclasses import replace

from avlib.networks.channels import scaled
from avlib.systems.avef.dbn import SIZES
from avlib.systems.avef.segments import image_shape
from avlib.systems.avef.spoken import SpokenClips
from avlib.systems.common.rehearsal import Rehearsal


class AVEFRehearsal(Rehearsal):
    """Its pieces are segments; how much of a clip is spoken is not known before, so all of it."""

    def parts(self, n: int, seconds: float) -> tuple[SpokenClips, SpokenClips]:
        """Return clips of noise that have binary labels, too."""
        train, validation = (
            replace(clips, binary=dict.fromkeys(self.settings["binary"], clips.emotion % 2))
            for clips in super().parts(n, seconds)
        )
        return train, validation

    def n_pieces(self, clips: SpokenClips) -> int:
        """Return how many segments clips have; the modern recipe draws some of each."""
        if self.settings.get("modern"):
            return len(clips) * int(self.settings["shown"])
        return _n_segments(clips)

    def n_once(self, clips: SpokenClips) -> int:
        """Return how many segments clips have, all of which wholly frozen networks compute."""
        return _n_segments(clips)

    def at_once(self, per_clip: float) -> float:
        """Return how many segments a mini-batch has."""
        s = self.settings
        return s["modern"]["batch_size"] if s.get("modern") else max(s["batch"], s["joint_batch"])

    def scratch(self, n_pieces: float) -> float:
        """Return the bytes of mel images, of what the belief network is filled from, and fc7."""
        clips, _ = self.parts(1, self.seconds)
        both = scaled(SIZES[0], self.settings["width"])
        features = both + both // 2 * len(self.model().described)
        pixels = math.prod(image_shape(clips.spoken[0].length))
        return 4 * (pixels + features) * self.n_clips * _n_segments(clips)


def _n_segments(clips: SpokenClips) -> int:
    return sum(spoken.n_segments for spoken in clips.spoken)
