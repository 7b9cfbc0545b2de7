"""Tiny clips of every kind of source, for the contract that all systems keep.

A source of a new kind needs a line in `MAKERS`.
"""

import numpy as np
from sequence_clips import clips_of, talking

from avlib.systems.avef.spoken import SpokenStreams, cut_clips
from avlib.systems.common.fold_clips import FisherVectors
from avlib.systems.common.model import BOTH, VectorClips
from avlib.systems.common.sequences import CachedStreams
from avlib.systems.emobed.functional_clips import FrameFunctionals, FunctionalClips
from avlib.systems.gating.recorded import RecordedStreams

N_CLASSES = 3


def tiny_clips(source, folder, n, seed, **lacking):
    """Make clips of the kind that a source reads; equal ones for an equal seed.

    Their emotions follow each other. `lacking` names modalities with the rows of clips without
    them; those of other clips stay as they are.
    """
    has = {m: ~np.isin(np.arange(n), lacking.get(m, ())) for m in BOTH}
    labels = {
        "clip_id": np.array([f"{seed}-{k:02d}" for k in range(n)]),
        "subject": np.array([f"S{seed}-{k // N_CLASSES}" for k in range(n)]),
        "emotion": np.arange(n) % N_CLASSES,
    }
    return MAKERS[type(source)](source, folder, labels, has, seed)


def vectors(source, folder, labels, has, seed):
    emotion = labels["emotion"]
    features = {}
    for modality, d in (("audio", 6), ("video", 9)):
        means = 2 * np.random.default_rng(d).normal(size=(N_CLASSES, d))
        noise = np.random.default_rng([seed, d]).normal(size=(len(emotion), d))
        features[modality] = (means[emotion] + noise).astype(np.float32)
        features[modality][~has[modality]] = np.nan
    return VectorClips(**labels, present=has, features=features)


def streams(source, folder, labels, has, seed):
    folder.mkdir(parents=True, exist_ok=True)
    recordings = [
        (
            clip_id,
            labels["subject"][k],
            labels["emotion"][k],
            *talking(
                labels["emotion"][k],
                1000 * seed + k,
                1.5 - 0.5 * (k % 2),  # whole chips: as long without them
                source.format,
                **{m: has[m][k] for m in BOTH},
            ),
        )
        for k, clip_id in enumerate(labels["clip_id"])
    ]
    return clips_of(folder, recordings, source.format)


def spoken(source, folder, labels, has, seed):
    # Pauses in some clips only: one that lacks its sound keeps them, one that has it does not.
    ends = [0.8 if k % 3 == 2 else 1.5 for k in range(len(labels["clip_id"]))]
    intervals = {c: np.array([[0.0, end]]) for c, end in zip(labels["clip_id"], ends, strict=True)}
    clips = streams(source, folder, labels, has, seed)
    return cut_clips(clips, intervals if source.denoise else {})


def functionals(source, folder, labels, has, seed):
    sequences = {}
    for modality, d in (("audio", 6), ("video", 9)):
        trends = 2 * np.random.default_rng(d).normal(size=(N_CLASSES, d))
        rng = np.random.default_rng([seed, d])
        sequences[modality] = found = np.empty(len(has[modality]), object)
        for k, emotion in enumerate(labels["emotion"]):
            steps = 3 + k % 4
            noise = 0.3 * rng.normal(size=(steps, d))
            found[k] = (np.linspace(0, 1, steps)[:, None] * trends[emotion] + noise).astype("f4")
            if not has[modality][k]:
                found[k] = found[k][:0]
    return FunctionalClips(**labels, present=has, sequences=sequences)


MAKERS = {
    FisherVectors: vectors,
    CachedStreams: streams,
    RecordedStreams: streams,
    SpokenStreams: spoken,
    FrameFunctionals: functionals,
}
