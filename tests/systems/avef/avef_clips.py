"""Clips for the tests of AVEF: brightness and pitch tell the emotion, pauses are known."""

import itertools

import numpy as np
from sequence_clips import clips_of, talking

from avlib.systems.avef.spoken import cut_clips
from avlib.systems.common.model import BOTH
from avlib.systems.common.streams import StreamFormat

FORMAT = StreamFormat(32, 8.0, 16000)


def sequences(folder, per_emotion=4, seconds=(1.4,), **lacking):
    """Clips of two emotions; `lacking` names modalities with the numbers of clips without them."""
    folder.mkdir(exist_ok=True)
    recordings, lengths = [], itertools.cycle(seconds)
    for i, emotion in itertools.product(range(per_emotion), (0, 1)):
        k = len(recordings)
        has = {m: k not in lacking.get(m, ()) for m in BOTH}
        streams = talking(emotion, i, next(lengths), FORMAT, **has)
        recordings.append((f"c{k:02d}", f"S{i}", emotion, *streams))
    return clips_of(folder, recordings, FORMAT)


def spoken_clips(folder, per_emotion=4, seconds=(1.4,), spoken=None, **lacking):
    """Return such clips cut; `spoken` holds intervals by clip_id."""
    return cut_clips(sequences(folder, per_emotion, seconds, **lacking), spoken or {})


def unseen(clips, row, places):
    """Hide the face of a clip at some chips."""
    clips.streams[row].seen[np.asarray(places)] = False
