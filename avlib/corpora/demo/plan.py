"""Which clips the demo corpus consists of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avlib.corpora.demo.acting import act
from avlib.corpora.demo.identity import identity
from avlib.corpora.demo.streams import EMOTIONS, clip_stream
from avlib.runtime.errors import ParamsError

FPS = 12.5  # pictures; none of the demo's systems looks at more
LABELS = 12.5  # per second, of continuous ones
# Seconds by which continuous labels lag behind what is felt, as annotators' do (Mariooryad & Busso
# 2015, IEEE Trans. Affective Computing 6(2)); theirs is some seconds, ours leaves room in a clip.
ANNOTATION_DELAY = 0.4
# An annotator's hand on the slider: a slow drift about what is felt, this large and this slow.
ANNOTATION_NOISE = 0.04  # standard deviation
ANNOTATION_DRIFT = 0.2  # s, standard deviation of the Gaussian that smooths it


@dataclass(frozen=True)
class Take:
    """Who acts what, and which time it is (from 1): what a clip's random streams are named by."""

    subject: str
    emotion: str
    take: int


@dataclass(frozen=True)
class DemoClip(Take):
    """One clip to render.

    Attributes
    ----------
    clip_id
        Name of the file without its suffix, such as ``S01_anger_1``.
    sex
        Of the subject.
    path
        File relative to the corpus folder, such as ``S01/S01_anger_1.mp4``.
    duration
        In seconds, a whole number of frames.
    arousal, valence
        -1..1, mean over the clip.
    """

    clip_id: str
    sex: str
    path: str
    duration: float
    arousal: float
    valence: float


def clip_plan(*, subjects: int, takes: int, seconds: Sequence[float], seed: int) -> list[DemoClip]:
    """List the clips, by subject, emotion and take.

    A clip does not depend on how many subjects or takes there are: adding some leaves the others
    as they were.

    Parameters
    ----------
    subjects
        Number of subjects; half of them are female.
    takes
        Clips per subject and emotion.
    seconds
        Shortest and longest clip.
    seed
        Seed of the corpus.

    Raises
    ------
    ParamsError
        A clip's length is out of range.
    """
    require_room_for_speech(seconds)
    return [
        _clip(f"S{number:02d}", emotion, take, seconds, seed)
        for number in range(1, subjects + 1)
        for emotion in EMOTIONS
        for take in range(1, takes + 1)
    ]


def require_room_for_speech(seconds: Sequence[float]) -> None:
    """Refuse clips that are too short or too long, shortest and longest in seconds.

    Raises
    ------
    ParamsError
        A clip's length is out of range.
    """
    shortest, longest = seconds
    if not 1.5 <= shortest <= longest <= 60.0:
        raise ParamsError(
            f"demo corpus: found clips of {shortest} to {longest} s, expected 1.5 <= shortest <= "
            "longest <= 60; shorter clips leave no room for speech between the pauses"
        )


def annotate(clip: DemoClip, seed: int) -> np.ndarray:
    """Label a clip continuously, as an annotator would: late, and with an unsteady hand.

    The labels lie `ANNOTATION_DELAY` behind what the actor shows; the noise has a random stream of
    its own, so that it enters no recording.

    Parameters
    ----------
    clip
        From `clip_plan`.
    seed
        Seed of the corpus.

    Returns
    -------
    ndarray of shape (n_labels, 3)
        Time in seconds, arousal and valence (-1..1), 25 times per second.
    """
    times = np.arange(round(clip.duration * LABELS)) / LABELS
    acting = act(identity(clip.subject, seed), clip.emotion, clip.take, seed)
    rng = clip_stream(seed, clip.subject, clip.emotion, clip.take, "annotation")
    felt = acting.affect(times - ANNOTATION_DELAY) + _unsteady_hand(rng, len(times))
    return np.column_stack([times, np.clip(felt, -1.0, 1.0)])


def _unsteady_hand(rng: np.random.Generator, n: int) -> np.ndarray:
    """Smooth noise in arousal and valence, (n, 2)."""
    reach = np.arange(-3 * ANNOTATION_DRIFT, 3 * ANNOTATION_DRIFT + 1e-9, 1 / LABELS)
    kernel = np.exp(-0.5 * (reach / ANNOTATION_DRIFT) ** 2)
    kernel *= ANNOTATION_NOISE / np.linalg.norm(kernel)
    white = rng.normal(size=(2, n + len(kernel) - 1))
    return np.stack([np.convolve(row, kernel, "valid") for row in white], axis=1)


def _clip(subject: str, emotion: str, take: int, seconds: Sequence[float], seed: int) -> DemoClip:
    rng = clip_stream(seed, subject, emotion, take, "duration")
    frames = round(rng.uniform(seconds[0], seconds[1]) * FPS)
    person = identity(subject, seed)
    felt = act(person, emotion, take, seed).affect(np.arange(frames) / FPS).mean(axis=0)
    arousal, valence = (round(value, 4) for value in felt.tolist())
    clip_id = f"{subject}_{emotion}_{take}"
    return DemoClip(
        clip_id=clip_id,
        subject=subject,
        emotion=emotion,
        take=take,
        sex=person.sex,
        path=f"{subject}/{clip_id}.mp4",
        duration=frames / FPS,
        arousal=arousal,
        valence=valence,
    )
