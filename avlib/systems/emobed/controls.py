"""Clips that say nothing in place of those that help: what they gain is no gain by knowledge."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from avlib.systems.emobed.functional_clips import FunctionalClips


def noise_in_place_of(
    clips: FunctionalClips, modality: str, rng: np.random.Generator
) -> FunctionalClips:
    """Return as many clips, as long, whose features of a modality are Gaussian noise."""
    silent = np.empty(len(clips), object)
    for row, values in enumerate(clips.sequences[modality]):
        silent[row] = rng.normal(size=values.shape).astype(np.float32)
    return replace(clips, sequences={**clips.sequences, modality: silent})


def shuffled(clips: FunctionalClips, modality: str, rng: np.random.Generator) -> FunctionalClips:
    """Return the clips with each other's labels."""
    return replace(clips, emotion=rng.permutation(clips.emotion))


CONTROLS: Mapping[str, Callable[[FunctionalClips, str, np.random.Generator], FunctionalClips]] = {
    "noise": noise_in_place_of,
    "shuffled": shuffled,
}
