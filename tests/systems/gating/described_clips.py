"""Clips of two emotions that are described in windows of a second, made out of arrays."""

import numpy as np

from avlib.systems.common.model import BOTH
from avlib.systems.common.streams import StreamFormat, held_streams
from avlib.systems.gating.clips import DescribedClips

WIDTHS = {"audio": 6, "video": 4}


def described(per_emotion=6, seed=0, gates=3, modalities=BOTH, **lacking):
    """Clips whose descriptors tell their emotion; `lacking` names modalities with clips without.

    The last gate of every third clip is not there.
    """
    rng = np.random.default_rng(seed)
    n = 2 * per_emotion
    emotion = np.arange(n) % 2
    values, present = {}, {}
    for modality in BOTH:
        width = WIDTHS[modality]
        trend = np.random.default_rng(width).normal(size=width)
        noise = rng.normal(0, 0.4, (n, gates, width))
        found = (5 + trend * (2 * emotion - 1)[:, None, None] + noise).astype(np.float32)
        found[::3, -1:] = np.nan if gates > 1 else found[::3, -1:]
        found[list(lacking.get(modality, ()))] = np.nan
        if modality in modalities:
            values[modality] = found[:, None]
        present[modality] = np.isfinite(found).all(2).any(1) & (modality in modalities)
    streams = np.empty(n, object)
    streams[:] = [held_streams(StreamFormat.of_sound(1), None, None)] * n
    return DescribedClips(
        clip_id=np.array([f"{seed}-{k:02d}" for k in range(n)]),
        subject=np.array([f"S{k // 2}" for k in range(n)]),
        emotion=emotion,
        present=present,
        streams=streams,
        described=values,
        until=np.where(np.arange(n) % 3 == 0, 0.5 * (gates + 1) - 0.6, 0.5 * (gates + 1)),
    )
