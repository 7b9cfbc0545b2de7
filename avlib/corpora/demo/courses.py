"""A problem made for crossmodal training: how an expression waxes and wanes is what is labelled.

Few people are heard under labels, others are seen; faces and voices show the same four courses of
intensity. Where in its descriptors a modality shows intensity is learned from few clips. How one
course is told from another under noise is not, and faces teach it as well as voices would.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter1d

from avlib.corpora.demo.acting import VOICE_CUES, Acting, act
from avlib.corpora.demo.generate import film
from avlib.corpora.demo.identity import Identity, identity
from avlib.corpora.demo.microphone import record
from avlib.corpora.demo.motion import move
from avlib.corpora.demo.plan import FPS, Take
from avlib.corpora.demo.score import write_score
from avlib.corpora.demo.streams import clip_stream
from avlib.corpora.demo.voice import SAMPLE_RATE, synthesise
from avlib.media import write_clip

COURSES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {  # -1..1, of 0..1 of the clip
    "dip": lambda place: np.cos(2 * np.pi * place),
    "fall": lambda place: np.cos(np.pi * place),
    "peak": lambda place: -np.cos(2 * np.pi * place),
    "rise": lambda place: -np.cos(np.pi * place),
}
SHOWN = "anger"  # loud and high in the voice, low brows on the face
# How many people, and takes of each course by each.
TRAINING_VOICES, TEST_VOICES, FACES = (6, 1), (20, 3), (25, 3)
UNREST = 0.08  # of the intensity, standard deviation
UNREST_SECONDS = 0.15  # standard deviation of the Gaussian that smooths it
MOST = 1.6  # of the intensity; 1 is an expression as the demo acts it


@dataclass(frozen=True)
class CourseClip(Take):
    """One clip to render, whose emotion is a course.

    Attributes
    ----------
    path
        File relative to the corpus's folder, such as ``V01_rise_4.wav``.
    part
        "train" or "test" of a voice, "" of a face.
    duration
        In seconds, a whole number of frames.
    """

    path: str
    part: str
    duration: float


@dataclass(frozen=True)
class CourseActing(Acting):
    """One take, whose intensity between rest and apex follows a course.

    Attributes
    ----------
    course
        One of ``COURSES``.
    unrest
        ``(n_frames,)`` what the actor adds to it, at ``FPS``.
    """

    course: str
    unrest: np.ndarray

    def activation(self, times: np.ndarray) -> np.ndarray:
        """Share of the expression shown at ``times`` in seconds."""
        frame = np.asarray(times) * FPS
        meant = 0.5 * MOST * (1.0 + COURSES[self.course](frame / len(self.unrest)))
        unrest = np.interp(frame, np.arange(len(self.unrest)), self.unrest)
        return np.maximum(meant + unrest, 0.0)


def voices_plan(seconds: Sequence[float], seed: int) -> list[CourseClip]:
    """List the voices' clips: of few people to learn from, and of others to be tested.

    Parameters
    ----------
    seconds
        Shortest and longest clip.
    seed
        Seed of the corpus.
    """
    first = TRAINING_VOICES[0] + 1
    return [
        *_clips("V", 1, TRAINING_VOICES, "train", seconds, seed),
        *_clips("V", first, TEST_VOICES, "test", seconds, seed),
    ]


def faces_plan(seconds: Sequence[float], seed: int) -> list[CourseClip]:
    """List the faces' clips, of people who are not heard; see `voices_plan`."""
    return _clips("F", 1, FACES, "", seconds, seed)


def render_course(clip: CourseClip, folder: Path | str, *, seed: int) -> None:
    """Speak a voice's clip or film a face's, and write it; the bytes depend on nothing else."""
    person = identity(clip.subject, seed)
    acting = act_course(clip, person, seed)
    hurry = 0.5 * acting.apex["voice"][VOICE_CUES.index("rate")]  # half-way to the apex
    score = write_score(_stream(clip, seed, "score"), clip.duration, person.voice.rate * 2.0**hurry)
    path = Path(folder) / clip.path
    if clip.part:
        voice = synthesise(person.voice, acting, score, clip.duration, _stream(clip, seed, "voice"))
        signal = record(voice, _stream(clip, seed, "microphone"))
        write_clip(path, None, None, signal, SAMPLE_RATE, audio_codec="pcm_s16le")
    else:
        times = np.arange(len(acting.unrest)) / FPS
        motion = move(acting, score, times, _stream(clip, seed, "motion"))
        write_clip(path, film(clip, motion, seed=seed), FPS, None, None)


def act_course(clip: CourseClip, person: Identity, seed: int) -> CourseActing:
    """Draw one take of a course: how `act` has the person show ``SHOWN``, and the unrest."""
    rng = _stream(clip, seed, "course")
    expression = act(person, SHOWN, clip.take, seed)
    width = UNREST_SECONDS * FPS
    unrest = gaussian_filter1d(rng.normal(size=round(clip.duration * FPS)), width)
    unrest *= UNREST * np.sqrt(2.0 * width * np.sqrt(np.pi))
    return CourseActing(**vars(expression), course=clip.emotion, unrest=unrest)


def _clips(
    kind: str, first: int, size: tuple[int, int], part: str, seconds: Sequence[float], seed: int
) -> list[CourseClip]:
    """List the clips of some people; takes are counted over all courses of a person."""
    people, takes = size
    suffix = "wav" if part else "mp4"
    clips = []
    for subject in (f"{kind}{number:02d}" for number in range(first, first + people)):
        for take, course in enumerate([*COURSES] * takes, 1):
            rng = clip_stream(seed, subject, course, take, "duration")
            duration = round(rng.uniform(seconds[0], seconds[1]) * FPS) / FPS
            path = f"{subject}_{course}_{take}.{suffix}"
            clips.append(CourseClip(subject, course, take, path, part, duration))
    return clips


def _stream(clip: CourseClip, seed: int, purpose: str) -> Generator:
    return clip_stream(seed, clip.subject, clip.emotion, clip.take, purpose)
