"""Clips whose streams lie on disk, made out of arrays."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avlib.systems.common.sequences import SequenceClips
from avlib.systems.common.streams import EVERY, StreamFormat, Streams


@dataclass(frozen=True)
class FileStreams(Streams):
    """Streams in files of pixels and of samples, which are opened when they are asked for."""

    folder: Path
    clip_id: str

    def chips(self, places=EVERY):
        pixels = np.fromfile(self.folder / f"{self.clip_id}.chips", "u1")
        return pixels.reshape(-1, self.format.size, self.format.size, 3)[places]

    def sound(self):
        return np.fromfile(self.folder / f"{self.clip_id}.sound", "<i2")


def clips_of(folder, recordings, kept=None):
    """Write streams and return their clips.

    Parameters
    ----------
    recordings
        Of (clip_id, subject, emotion, chips, seen, sound): chips uint8 (n, size, size, 3), or None;
        seen bool (n,); sound int16 (samples,), or None.
    """
    kept = kept or StreamFormat(32, 4.0, 22050)
    streams = []
    for clip_id, _, _, chips, seen, sound in recordings:
        chips = np.zeros((0, kept.size, kept.size, 3), np.uint8) if chips is None else chips
        sound = np.zeros(0, np.int16) if sound is None else sound
        (folder / f"{clip_id}.chips").write_bytes(chips.tobytes())
        (folder / f"{clip_id}.sound").write_bytes(sound.astype("<i2").tobytes())
        flags = np.zeros(0, bool) if seen is None else np.asarray(seen, bool)
        streams.append(FileStreams(kept, flags, len(sound), folder, clip_id))
    found = np.empty(len(streams), object)
    found[:] = streams
    return SequenceClips(
        clip_id=np.array([r[0] for r in recordings]),
        subject=np.array([r[1] for r in recordings]),
        emotion=np.array([r[2] for r in recordings]),
        present={
            "audio": np.array([s.samples > 0 for s in streams]),
            "video": np.array([bool(s.seen.any()) for s in streams]),
        },
        streams=found,
    )


def talking(emotion, seed, seconds=2.0, kept=None, audio=True, video=True):
    """Return chips, seen and sound of a clip whose brightness and pitch tell its emotion."""
    kept = kept or StreamFormat(32, 4.0, 22050)
    rng = np.random.default_rng([seed, emotion])
    n = round(seconds * kept.fps)
    level = 60 + 60 * emotion + rng.normal(0, 8, (n, kept.size, kept.size, 3))
    chips = np.clip(level, 0, 255).astype(np.uint8) if video else None
    t = np.arange(round(seconds * kept.rate)) / kept.rate
    tone = np.sin(2 * np.pi * 200 * 2**emotion * t) + rng.normal(0, 0.1, len(t))
    sound = (tone * 6000).astype(np.int16) if audio else None
    return chips, np.ones(n, bool) if video else None, sound
