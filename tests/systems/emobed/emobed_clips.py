"""Clips as sequences of functionals, made out of arrays."""

import numpy as np

from avlib.systems.common.model import BOTH
from avlib.systems.emobed.functional_clips import FunctionalClips

SIZES = {"audio": 6, "video": 9}


def make_clips(n, seed=0, n_classes=3, steps=(3, 8), **lacking):
    """Clips whose emotions differ in a trend of some features of each modality.

    `lacking` names modalities with the rows of clips without them.
    """
    rng = np.random.default_rng(seed)
    emotion = np.arange(n) % n_classes
    has = {m: ~np.isin(np.arange(n), lacking.get(m, ())) for m in BOTH}
    sequences = {}
    for modality, d in SIZES.items():
        trends = 2 * np.random.default_rng(d).normal(size=(n_classes, d))
        found = np.empty(n, object)
        for row in range(n):
            length = rng.integers(*steps) if has[modality][row] else 0
            ramp = np.linspace(0, 1, length)[:, None]
            noise = 0.3 * rng.normal(size=(length, d))
            found[row] = (100 + 5 * (ramp * trends[emotion[row]] + noise)).astype(np.float32)
        sequences[modality] = found
    names = np.array([f"{seed}-{row:03d}" for row in range(n)])
    return FunctionalClips(names, np.array(["s"] * n), emotion, has, sequences)
