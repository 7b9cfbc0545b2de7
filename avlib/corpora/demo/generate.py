"""Render the demo corpus: one function per clip, each from the clip's own random streams."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avlib.corpora.demo.acting import VOICE_CUES, Acting, act
from avlib.corpora.demo.camera import Camera
from avlib.corpora.demo.face import Face
from avlib.corpora.demo.head import build_head
from avlib.corpora.demo.identity import Identity, identity
from avlib.corpora.demo.microphone import record
from avlib.corpora.demo.motion import Motion, move
from avlib.corpora.demo.plan import FPS, DemoClip, Take
from avlib.corpora.demo.score import Score, write_score
from avlib.corpora.demo.streams import clip_stream, subject_stream
from avlib.corpora.demo.voice import SAMPLE_RATE, synthesise
from avlib.media import write_clip

SOUND = "flac"  # lossless: AAC computes with floats, and other bits on another processor


def render_clip(
    clip: DemoClip, folder: Path | str, *, seed: int, width: int = 320, height: int = 240
) -> Path:
    """Act, paint, speak and write one clip.

    The bytes depend on the arguments alone: not on other clips, their order or their number.

    Parameters
    ----------
    clip
        From ``clip_plan``.
    folder
        Corpus folder; the clip's own folder in it is created.
    seed
        Seed of the corpus.
    width, height
        Of the picture, in pixels.

    Returns
    -------
    Path of the mp4 file: H.264 at 12.5 frames per second, FLAC mono at 16 kHz.
    """
    person, acting, score = rehearse(clip, seed)
    path = Path(folder) / clip.path
    path.parent.mkdir(parents=True, exist_ok=True)
    voice = synthesise(person.voice, acting, score, clip.duration, _stream(clip, seed, "voice"))
    signal = record(voice, _stream(clip, seed, "microphone"))
    frames = film(clip, animate(clip, seed), seed=seed, width=width, height=height)
    write_clip(path, frames, FPS, signal, SAMPLE_RATE, audio_codec=SOUND)
    return path


def rehearse(clip: DemoClip, seed: int) -> tuple[Identity, Acting, Score]:
    """Who acts a clip, how, and what is said when."""
    person = identity(clip.subject, seed)
    acting = act(person, clip.emotion, clip.take, seed)
    hurry = acting.apex["voice"][VOICE_CUES.index("rate")]
    score = write_score(_stream(clip, seed, "score"), clip.duration, person.voice.rate * 2.0**hurry)
    return person, acting, score


def animate(clip: DemoClip, seed: int) -> Motion:
    """Movements of a clip, one row per frame."""
    _, acting, score = rehearse(clip, seed)
    times = np.arange(round(clip.duration * FPS)) / FPS
    return move(acting, score, times, _stream(clip, seed, "motion"))


def film(
    clip: Take, motion: Motion, *, seed: int, width: int = 320, height: int = 240
) -> Iterator[np.ndarray]:
    """Paint and photograph a clip's frames, each ``(height, width, 3)`` uint8 RGB."""
    person = identity(clip.subject, seed)
    room = subject_stream(seed, clip.subject, "room")
    take = _stream(clip, seed, "camera")
    camera = Camera(room, take, width, height)
    head = build_head(person.face, camera.light)
    face = Face(person.face, head, camera.light.fill + 0.8 * camera.light.key)
    painted = (face.paint(motion.shown(frame)) for frame in range(len(motion.opening)))
    return camera.film(head, painted, motion.pose)


def _stream(clip: Take, seed: int, purpose: str) -> np.random.Generator:
    return clip_stream(seed, clip.subject, clip.emotion, clip.take, purpose)
