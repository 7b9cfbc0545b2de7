"""One clip of the audio_features stage."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from avlib.descriptors.audio import AudioDescriptor
from avlib.descriptors.tables import AUDIO
from avlib.runtime.per_clip import ClipRows
from avlib.runtime.tables import ClipRef, cell_bytes, no_rows, read_clip
from avlib.runtime.tables.schema import fixed_size_list
from avlib.speech.pcm import from_pcm, steps_in


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
    pcm, sample_rate = steps_in(cell_bytes(speech["pcm"])), speech["sample_rate"][0].as_py()
    if not np.any(pcm):
        return ClipRows(no_rows(AUDIO), "degraded", "silence")
    if descriptor.streams(len(pcm)):
        return ClipRows(_tables(descriptor.pieces(pcm, sample_rate)))
    signal = from_pcm(pcm)
    del speech, pcm  # of hours, half as much as the signal
    times, values = descriptor.describe(signal, sample_rate)
    return ClipRows({"frame": np.arange(len(times)), "time": times, "descriptor": values})


def _tables(pieces: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[pa.Table]:
    first = 0
    for times, values in pieces:
        frames = np.arange(first, first + len(times))
        yield pa.table({"frame": frames, "time": times, "descriptor": fixed_size_list(values)})
        first += len(times)
