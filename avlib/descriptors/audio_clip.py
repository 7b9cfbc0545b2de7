"""One clip of the audio_features stage."""

import numpy as np

from avlib.descriptors.audio import AudioDescriptor
from avlib.descriptors.tables import AUDIO
from avlib.runtime.per_clip import ClipRows
from avlib.runtime.tables import ClipRef, cell_bytes, no_rows, read_clip
from avlib.speech.pcm import from_pcm


def audio_rows(clip: ClipRef, descriptor: AudioDescriptor) -> ClipRows:
    """Return the rows of table `audio` of one clip.

    Parameters
    ----------
    clip
        Its row in table `speech`.
    descriptor
        What describes the sound.
    """
    speech = read_clip(clip.path, clip.row_group)
    signal, sample_rate = from_pcm(cell_bytes(speech["pcm"])), speech["sample_rate"][0].as_py()
    del speech  # of hours, half as much as the signal
    if not np.any(signal):
        return ClipRows(no_rows(AUDIO), "degraded", "silence")
    times, values = descriptor.describe(signal, sample_rate)
    return ClipRows({"frame": np.arange(len(times)), "time": times, "descriptor": values})
