"""What stands in place of the clips that help: what it gains too is not owed to their modality."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from avlib.systems.common.model import BOTH
from avlib.systems.emobed.functional_clips import FunctionalClips


def noise_in_place_of(
    clips: FunctionalClips, target: FunctionalClips, modality: str, rng: np.random.Generator
) -> FunctionalClips:
    """Return as many clips, as long, whose features of a modality are Gaussian noise."""
    silent = np.empty(len(clips), object)
    for row, values in enumerate(clips.sequences[modality]):
        silent[row] = rng.normal(size=values.shape).astype(np.float32)
    return replace(clips, sequences={**clips.sequences, modality: silent})


def shuffled(
    clips: FunctionalClips, target: FunctionalClips, modality: str, rng: np.random.Generator
) -> FunctionalClips:
    """Return the clips with each other's labels."""
    return replace(clips, emotion=rng.permutation(clips.emotion))


def target_once_more(
    clips: FunctionalClips, target: FunctionalClips, modality: str, rng: np.random.Generator
) -> FunctionalClips:
    """Return as many clips of the target, each again and again, as if they showed the modality.

    Triplets are then of one modality, and nobody knows more than before.
    """
    (own,) = set(BOTH) - {modality}
    again = target.select(np.arange(len(clips)) % len(target))
    present = {own: again.present[modality], modality: again.present[own]}
    sequences = {own: again.sequences[modality], modality: again.sequences[own]}
    return replace(again, present=present, sequences=sequences)


# Each takes the clips that help, those of the target that are learned from, the modality that the
# former show, and a source of random numbers.
Control = Callable[
    [FunctionalClips, FunctionalClips, str, np.random.Generator],
    FunctionalClips,
]
CONTROLS: Mapping[str, Control] = {
    "noise": noise_in_place_of,
    "shuffled": shuffled,
    "intramodal": target_once_more,
}
