"""What the face does in every frame: expression, speech, blinks, gaze and head."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from avlib.corpora.demo.acting import ACTIONS, POSE, Acting
from avlib.corpora.demo.score import Score

SPEECH_OPENING = 0.17  # lip gap of a stressed open vowel, in units
PARTED_OPENING = 0.12  # lip gap of a full smile with teeth, in units
RAISED_OPENING = 0.07  # lip gap of a fully raised upper lip, in units
JAW_OPENING = 0.22  # lip gap of a dropped jaw, in units
WANDER = 0.03  # unrest of the actions, in activation
SWAY = np.array([0.025, 0.015, 0.008, 0.012, 0.03, 0.02])  # unrest of the head, in POSE's units
BLINK_SECONDS = 0.16


@dataclass(frozen=True)
class Motion:
    """Tracks with one row per frame.

    Attributes
    ----------
    actions
        ``(n, n_actions)`` activations in the order of ``ACTIONS``.
    opening
        ``(n,)`` gap between the lips, in units of the distance between the eyes.
    stretch
        ``(n,)`` change of the mouth's width by speech, as a ratio.
    blink
        ``(n,)`` 0 open to 1 closed.
    gaze
        ``(n, 2)`` shift of the irises (right, down), in units.
    pose
        ``(n, n_pose)`` in the order of ``POSE``.
    """

    actions: np.ndarray
    opening: np.ndarray
    stretch: np.ndarray
    blink: np.ndarray
    gaze: np.ndarray
    pose: np.ndarray

    def shown(self, frame: int) -> dict[str, float]:
        """Tell what one frame shows: actions, opening, stretch, blink, gaze_right and gaze_down."""
        names = (*ACTIONS, "opening", "stretch", "blink", "gaze_right", "gaze_down")
        tracks = (*self.actions.T, self.opening, self.stretch, self.blink, *self.gaze.T)
        return {name: float(track[frame]) for name, track in zip(names, tracks, strict=True)}


def move(acting: Acting, score: Score, times: np.ndarray, rng: np.random.Generator) -> Motion:
    """Animate a take at ``times`` in seconds, ``(n,)``."""
    unrest = WANDER * _unrest(rng, times, len(ACTIONS))
    actions = np.clip(acting.shown("face", times) + unrest, 0.0, 1.5)
    act = dict(zip(ACTIONS, actions.T, strict=True))

    speech = score.opening(times) * SPEECH_OPENING * (1.0 + 0.4 * act["jaw"])
    held = PARTED_OPENING * act["lips_part"] + JAW_OPENING * act["jaw"]
    held += RAISED_OPENING * (act["lip_raise"] + 0.6 * act["nose_wrinkle"])
    tight = 1.0 - 0.45 * np.minimum(act["lip_press"], 1.0)
    pose = acting.shown("head", times) + SWAY * _unrest(rng, times, len(POSE))
    pose[:, POSE.index("pitch")] += 0.03 * score.opening(times)
    return Motion(
        actions=actions,
        opening=np.clip((speech + held) * tight, 0.0, 0.45),
        stretch=score.width(times),
        blink=_blinks(rng, times),
        gaze=0.02 * _unrest(rng, times, 2),
        pose=pose,
    )


def _unrest(rng: np.random.Generator, times: np.ndarray, tracks: int) -> np.ndarray:
    """Slow noise of about unit size, ``(n, tracks)``."""
    width = 0.25 / max(times[1] - times[0], 1e-3)
    noise = gaussian_filter1d(rng.normal(size=(len(times), tracks)), width, axis=0)
    return noise * np.sqrt(2.0 * width * np.sqrt(np.pi))


def _blinks(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """About one blink in three seconds."""
    moments = rng.uniform(0.0, times[-1], rng.poisson((times[-1] + 0.1) / 3.0))
    closed = 1.0 - np.abs(times[:, None] - moments) / (0.5 * BLINK_SECONDS)
    return np.clip(1.6 * closed.max(axis=1, initial=0.0), 0.0, 1.0)
