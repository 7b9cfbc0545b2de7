"""SoundNet's sound: at 22,050 Hz from the recordings themselves.

SoundNet learned from sound at that rate, whose uppermost 3 kHz are not in table ``speech``.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from avlib.runtime import paths, tables
from avlib.runtime.clip_tasks import RecordingInput
from avlib.speech.pcm import SAMPLE_RATE, to_pcm
from avlib.speech.recorded import recorded_sound
from avlib.systems.common.sequences import CachedStreams
from avlib.systems.common.stream_cache import decode


@dataclass(frozen=True)
class Hearing:
    """What is heard of a recording; see section ``speech`` of params.yaml.

    Attributes
    ----------
    channels, loudness : str
    """

    channels: str
    loudness: str


@dataclass(frozen=True)
class Recorded:
    """A clip's sound as it was recorded; see `avlib.systems.common.stream_cache.Wider`.

    Attributes
    ----------
    recording : RecordingInput
    sha256 : str
        Of the recording.
    hearing : Hearing
    """

    recording: RecordingInput
    sha256: str
    hearing: Hearing

    @property
    def digest(self) -> str:
        """What tells the sound from others, wherever the project lies."""
        return f"{self.sha256} {self.recording.start} {self.recording.end} {self.hearing}"

    def pcm(self, rate: int) -> bytes:
        """Return the sound at a rate, Hz, as of `avlib.speech.pcm`."""
        return to_pcm(recorded_sound(self.recording, rate, vars(self.hearing)))


@dataclass(frozen=True)
class RecordedStreams(CachedStreams):
    """A `Source`: the streams of all clips, their sound from the recordings.

    Attributes
    ----------
    hearing : Hearing, optional
        Of what is not in memory already.
    """

    hearing: Hearing | None = None

    def inputs(self) -> list[Path]:
        """Decode the sound that is not decoded yet; return the index files."""
        return decode(self.format.rate, wider=recordings(self.hearing))


def recordings(hearing: Hearing | None) -> dict[str, Recorded]:
    """Return the clips by clip_id whose recording holds more than table ``speech`` does.

    Of others the table has all that there is.
    """
    if hearing is None:
        return {}
    clips = tables.read_table(paths.CLIPS)
    found = {}
    for clip in clips[clips["sample_rate"].fillna(0) > SAMPLE_RATE].to_dict("records"):
        if isinstance(clip["audio_path"], str):
            start, end = (None if pd.isna(clip[key]) else clip[key] for key in ("start", "end"))
            path = (paths.RAW / clip["corpus"] / clip["audio_path"]).absolute()
            recording = RecordingInput(str(path), start, end)
            found[clip["clip_id"]] = Recorded(recording, clip["sha256"], hearing)
    return found
