"""One test clip as a fold's models would see it with noise in its sound, or its face covered.

Nothing is fitted here: clean sound or faces are corrupted, described as the feature stages
describe them, and encoded by the encoder that the clip's fold has fitted on clean training clips.
"""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from avlib.descriptors.audio import AudioDescriptor
from avlib.descriptors.descriptor import Descriptor
from avlib.descriptors.video import Faces, VideoDescriptor
from avlib.descriptors.video_clip import read_faces
from avlib.faces.occlusion import occlude
from avlib.fisher.view import ViewEncoder, load_encoders
from avlib.runtime.per_clip import ClipRows
from avlib.runtime.tables import ClipRef, read_clip
from avlib.speech.noise import add_noise, babble, white_noise
from avlib.speech.pcm import from_pcm
from avlib.speech.vad import within

CLEAN = ("clean", 0.0)  # corruption and level of a clip that is left as it is


D = TypeVar("D", bound=Descriptor)


@dataclass(frozen=True)
class CorruptedClip:
    """A clip to corrupt.

    Attributes
    ----------
    rows : ClipRef
        In table `speech` or `faces`.
    encoder : (str, str)
        File and digest of the encoder of the fold that tests it.
    subject : str
        Whose mean is taken off, where the encoder knows it.
    talkers : sequence of ClipRef
        In table `speech`: the clips whose voices make the babble.
    """

    rows: ClipRef
    encoder: tuple[str, str]
    subject: str
    talkers: Sequence[ClipRef] = ()


@dataclass(frozen=True)
class Corruption(Generic[D]):
    """How clips are corrupted, described and encoded.

    Attributes
    ----------
    levels : sequence of float
        Of the corruption: dB over the noise, or shares of the face.
    seed : int
    descriptors : sequence of Descriptor
        Of the modality's views, in the order of the encoder's.
    backend : str
        Of section ``fisher``.
    """

    levels: Sequence[float]
    seed: int
    descriptors: Sequence[D]
    backend: str


def noisy_rows(clip: CorruptedClip, corruption: Corruption[AudioDescriptor]) -> ClipRows:
    """Return the rows of table `corrupted` of one clip in white noise and in babble.

    A clip has one noise of each kind, which the levels only make louder. Detection of voice is not
    repeated: the ratio refers to the intervals found in the clean sound.
    """
    signal, rate, spoken = _speech(clip.rows)
    talkers = []
    for talker in clip.talkers:
        sound, _, voiced = _speech(talker)
        talkers.append(sound[voiced])
    noises = {
        "white": white_noise(len(signal), seed_of(corruption.seed, clip.rows.clip_id, "white")),
        "babble": babble(
            talkers, len(signal), seed_of(corruption.seed, clip.rows.clip_id, "babble")
        ),
    }
    versions = {CLEAN: signal} | {
        (kind, snr): add_noise(signal, noise, snr, spoken)
        for kind, noise in noises.items()
        for snr in corruption.levels
    }
    described = [
        [descriptor.describe(sound, rate)[1] for sound in versions.values()]
        for descriptor in corruption.descriptors
    ]
    return _encoded(list(versions), described, clip, corruption)


@dataclass(frozen=True)
class _Covered(Faces):
    """Faces of which a share is covered at one place; their landmarks are those uncovered."""

    share: float
    place: tuple[float, float]

    def chips(self, chosen: np.ndarray, *, grey: bool = False) -> np.ndarray:
        return occlude(super().chips(chosen, grey=grey), self.share, self.place)


def occluded_rows(clip: CorruptedClip, corruption: Corruption[VideoDescriptor]) -> ClipRows:
    """Return the rows of table `corrupted` of one clip whose face is partly covered.

    A clip has one place that is covered in all of its frames, and more of it at each level.
    Detection is not repeated: what is covered is a face that was found and aligned uncovered, so a
    descriptor of landmarks alone stays what it is.
    """
    faces, _ = read_faces(clip.rows)
    random = np.random.default_rng(seed_of(corruption.seed, clip.rows.clip_id, "occlusion"))
    place = (random.random(), random.random())
    versions = {CLEAN: faces} | {
        ("occlusion", share): _Covered(faces.times, faces.landmarks, faces.jpegs, share, place)
        for share in corruption.levels
    }
    described = [
        [descriptor.describe(of)[1] for of in versions.values()]
        for descriptor in corruption.descriptors
    ]
    return _encoded(list(versions), described, clip, corruption)


def seed_of(seed: int, *names: str) -> int:
    """Return a seed of its own for what the names name, the same in every process."""
    text = "\n".join([str(seed), *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def _speech(clip: ClipRef) -> tuple[np.ndarray, int, np.ndarray]:
    """Read samples, sample rate, and which samples are speech (all, when no voice was found)."""
    row = read_clip(clip.path, clip.row_group).to_pylist()[0]
    signal, rate = from_pcm(row["pcm"]), row["sample_rate"]
    intervals = np.array(row["intervals"], dtype=float).reshape(-1, 2)
    spoken = within(np.arange(len(signal)) / rate, intervals)
    return signal, rate, spoken if spoken.any() else np.ones(len(signal), bool)


def _encoded(
    versions: Sequence[tuple[str, float]],
    described: Sequence[Sequence[np.ndarray]],
    clip: CorruptedClip,
    corruption: Corruption,
) -> ClipRows:
    """Encode what each view's descriptor says of each version, for the fold that tests the clip."""
    encoders = _encoders(*clip.encoder, corruption.backend).values()
    subjects = np.full(len(versions), clip.subject)
    vectors = [
        encoder.encode(rows, subjects) for encoder, rows in zip(encoders, described, strict=True)
    ]
    corruptions, levels = zip(*versions, strict=True)
    return ClipRows(
        {"corruption": list(corruptions), "level": list(levels), "vector": np.hstack(vectors)}
    )


@functools.lru_cache(maxsize=4)
def _encoders(path: str, digest: str, backend: str) -> dict[str, ViewEncoder]:
    """Load encoders once; the digest tells them from those of an earlier run at the same path."""
    return load_encoders(Path(path), backend)
