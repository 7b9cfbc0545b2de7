"""How an emotion acts on face and voice, how strongly, and how it unfolds over a clip.

Every strength of the demo corpus stands in this file. Face: Ekman & Friesen's action units (AU)
and their emotion prototypes (EMFACS). Voice: the reviews of Scherer (2003, Speech Communication
40) and Juslin & Laukka (2003, Psychological Bulletin 129). Directions are theirs; sizes are ours,
set so that either modality alone is right in half to two thirds of the clips.
"""

from dataclasses import dataclass

import numpy as np

from avlib.corpora.demo.identity import Identity
from avlib.corpora.demo.streams import EMOTIONS, clip_stream

# Face ---------------------------------------------------------------------------------------------
# Activation 0..1 (more is exaggerated) of each drawn action.
ACTIONS = (
    "inner_brow",  # AU 1, inner brow up
    "outer_brow",  # AU 2, outer brow up
    "brow_lower",  # AU 4, brows down and together
    "lid_raise",  # AU 5, upper lid up
    "cheek",  # AU 6, cheeks up, lower lid up
    "lid_tight",  # AU 7, both lids narrow
    "nose_wrinkle",  # AU 9, nose and upper lip up, furrows at the root of the nose
    "lip_raise",  # AU 10, upper lip up, fold beside the nose deeper
    "corner_pull",  # AU 12, mouth corners out and up
    "corner_drop",  # AU 15, mouth corners down
    "chin_raise",  # AU 17, lower lip pushed up
    "lip_stretch",  # AU 20, mouth corners straight out
    "lip_press",  # AU 23/24, lips thin and tight
    "lips_part",  # AU 25, teeth show
    "jaw",  # AU 26, mouth open
)
FACE = {
    # frown, glare with tight lids, pressed lips
    "anger": {
        "brow_lower": 1.0, "lid_raise": 0.5, "lid_tight": 0.6, "lip_press": 0.9, "chin_raise": 0.3,
    },
    # nose wrinkled and upper lip drawn up, brows pulled down by the wrinkle, eyes narrowed
    "disgust": {
        "nose_wrinkle": 1.0, "lip_raise": 1.0, "brow_lower": 0.5, "lid_tight": 0.6,
        "cheek": 0.4, "corner_drop": 0.4, "lips_part": 0.5,
    },
    # brows up and together, eyes wide, mouth stretched open
    "fear": {
        "inner_brow": 1.0, "outer_brow": 0.8, "brow_lower": 0.3, "lid_raise": 1.0,
        "lip_stretch": 0.9, "lips_part": 0.6, "jaw": 0.5,
    },
    # smile with raised cheeks and teeth
    "happiness": {"cheek": 1.0, "corner_pull": 1.0, "lips_part": 0.9, "lip_raise": 0.15},
    "neutral": {},
    # inner brows up, lids heavy, corners down
    "sadness": {
        "inner_brow": 1.0, "brow_lower": 0.3, "corner_drop": 1.0, "chin_raise": 0.6,
        "lid_tight": 0.35,
    },
}  # fmt: skip
# Complementary by construction: joy and disgust are told from the face, anger and sadness from the
# voice (Scherer 2003; Paulmann & Pell 2011).
FACE_CLARITY = {
    "anger": 0.6, "disgust": 1.0, "fear": 0.75, "happiness": 1.0, "neutral": 1.0, "sadness": 0.5,
}  # fmt: skip
# Head at full expression: right (units of the eye distance), down, nearer (ratio), roll, yaw,
# pitch (rad). Anger leans in, fear recoils, disgust turns away, sadness lowers the head.
POSE = ("right", "down", "nearer", "roll", "yaw", "pitch")
HEAD = {
    "anger": {"nearer": 0.05, "pitch": 0.04, "down": 0.03},
    "disgust": {"yaw": 0.08, "roll": 0.03, "nearer": -0.02},
    "fear": {"nearer": -0.05, "pitch": -0.03},
    "happiness": {"pitch": -0.03, "roll": 0.03},
    "neutral": {},
    "sadness": {"pitch": 0.06, "down": 0.08, "roll": 0.03},
}

# Voice --------------------------------------------------------------------------------------------
# Change against the habitual voice: F0 level (semitones), F0 range (ratio, as log2), F0 slope
# within a phrase (semitones/s), level (dB), speaking rate (log2 ratio), spectral tilt (dB per
# octave, positive = flatter), breath noise (dB), jitter (log2 ratio), formants (log2 ratio of F1),
# attack (log2 ratio of the syllable's rise time).
VOICE_CUES = (
    "f0", "f0_range", "f0_slope", "level", "rate", "tilt", "breath", "jitter", "formants", "attack",
)  # fmt: skip
VOICE = {
    # loud, high and wide F0, falling, fast, flat spectrum, wide jaw (F1 up), hard attacks
    "anger": {
        "f0": 3.5, "f0_range": 0.7, "f0_slope": -2.0, "level": 8.0, "rate": 0.2, "tilt": 3.0,
        "breath": -2.0, "jitter": 0.4, "formants": 0.12, "attack": -0.8,
    },
    # slightly low and slow, damped, irregular; the least clear emotion in the voice
    "disgust": {
        "f0": -1.2, "f0_range": 0.1, "f0_slope": -1.5, "level": -0.5, "rate": -0.25, "tilt": 0.5,
        "breath": 1.0, "jitter": 0.7, "formants": -0.10, "attack": 0.1,
    },
    # very high, narrow F0, rising, fast, irregular and breathy
    "fear": {
        "f0": 5.0, "f0_range": -0.5, "f0_slope": 1.5, "level": 0.5, "rate": 0.35, "tilt": -0.5,
        "breath": 4.0, "jitter": 0.8, "formants": -0.05, "attack": -0.3,
    },
    # high and wide F0, rising, fairly loud and fast; smiling raises the formants
    "happiness": {
        "f0": 3.0, "f0_range": 0.8, "f0_slope": 2.0, "level": 3.0, "rate": 0.15, "tilt": 1.0,
        "breath": 0.5, "jitter": -0.2, "formants": 0.08, "attack": -0.3,
    },
    "neutral": {},
    # quiet, low and flat F0, falling, slow, steep and breathy spectrum, soft attacks
    "sadness": {
        "f0": -2.0, "f0_range": -0.9, "f0_slope": -2.0, "level": -7.0, "rate": -0.4, "tilt": -3.0,
        "breath": 4.0, "jitter": 0.2, "formants": -0.06, "attack": 0.8,
    },
}  # fmt: skip
VOICE_CLARITY = {
    "anger": 1.0, "disgust": 0.7, "fear": 0.8, "happiness": 0.6, "neutral": 1.0, "sadness": 1.0,
}  # fmt: skip

# Time and feeling ---------------------------------------------------------------------------------
# Seconds from onset to apex: positive expressions are quicker (Calvo & Lundqvist 2008).
RISE_SECONDS = {
    "anger": 1.1, "disgust": 1.1, "fear": 1.0, "happiness": 0.5, "neutral": 1.0, "sadness": 1.3,
}  # fmt: skip
ONSET_SECONDS = (0.10, 0.25)
# Arousal and valence at the apex, -1..1 (Russell's circumplex, 1980).
AFFECT = {
    "anger": (0.75, -0.65), "disgust": (0.30, -0.60), "fear": (0.65, -0.60),
    "happiness": (0.55, 0.80), "neutral": (0.0, 0.0), "sadness": (-0.45, -0.65),
}  # fmt: skip

# Difficulty ---------------------------------------------------------------------------------------
FACE_STRENGTH = 0.8
VOICE_STRENGTH = 1.5
# Largest share of another emotion's pattern that a subject shows at rest, in every take.
FACE_RESTING = 0.35
VOICE_RESTING = 0.22
INTENSITY_SPREAD = 0.25  # standard deviation over takes, drawn for face and voice independently
BLEND_MAX = 0.5  # largest share of another emotion's pattern that a take mixes in
FACE_NOISE = 0.18  # per action and take, in activation
VOICE_NOISE = {
    "f0": 0.7, "f0_range": 0.2, "f0_slope": 0.7, "level": 1.5, "rate": 0.08, "tilt": 0.7,
    "breath": 1.0, "jitter": 0.2, "formants": 0.035, "attack": 0.2,
}  # fmt: skip


@dataclass(frozen=True)
class Acting:
    """One take as the actor means it: targets at the apex and the way there.

    Attributes
    ----------
    emotion
        What the actor was asked for.
    onset, rise
        Start of the expression and time from there to its apex, in seconds.
    intensity
        Mean strength over face and voice, about 1.
    face_rest, face_apex
        Actions ``(n_actions,)`` before onset and at the apex.
    head_rest, head_apex
        Poses ``(n_pose,)`` before onset and at the apex.
    voice_rest, voice_apex
        Voice cues ``(n_cues,)`` before onset and at the apex.
    """

    emotion: str
    onset: float
    rise: float
    intensity: float
    face_rest: np.ndarray
    face_apex: np.ndarray
    head_rest: np.ndarray
    head_apex: np.ndarray
    voice_rest: np.ndarray
    voice_apex: np.ndarray

    def activation(self, times: np.ndarray) -> np.ndarray:
        """Share of the expression shown at ``times`` in seconds: 0 before onset, 1 at the apex.

        The rise is a smooth step, fast in the middle and still at both ends.
        """
        progress = np.clip((np.asarray(times) - self.onset) / self.rise, 0.0, 1.0)
        return progress * progress * (3.0 - 2.0 * progress)

    def affect(self, times: np.ndarray) -> np.ndarray:
        """Arousal and valence ``(n, 2)`` felt at ``times`` in seconds, each in -1..1."""
        apex = self.intensity * np.array(AFFECT[self.emotion])
        return np.clip(self.activation(times)[:, None] * apex, -1.0, 1.0)


def act(person: Identity, emotion: str, take: int, seed: int) -> Acting:
    """Draw one take of one emotion by one subject.

    Parameters
    ----------
    person
        The subject.
    emotion
        One of the six emotions.
    take
        1-based number of the take.
    seed
        Seed of the corpus.
    """
    rng = clip_stream(seed, person.subject, emotion, take, "acting")
    habits = person.habits
    strength = np.clip(rng.normal(1.0, INTENSITY_SPREAD, 2), 0.4, 1.6)
    others = rng.choice([e for e in EMOTIONS if e != emotion], 2)
    blends = rng.uniform(0.0, BLEND_MAX, 2)

    resting = FACE_RESTING * habits.face_resting_weight
    face_rest = resting * _row(FACE[habits.face_resting], ACTIONS)
    face_rest = face_rest + np.abs(rng.normal(0.0, FACE_NOISE, len(ACTIONS)))
    face_gain = FACE_STRENGTH * strength[0] * habits.face_expressiveness
    head_rest = rng.normal(0.0, (0.05, 0.04, 0.02, 0.03, 0.05, 0.03))

    voice_noise = rng.normal(0.0, _row(VOICE_NOISE, VOICE_CUES))
    resting = VOICE_RESTING * habits.voice_resting_weight
    voice_rest = resting * _row(VOICE[habits.voice_resting], VOICE_CUES)
    voice_rest = voice_rest + voice_noise
    voice_gain = VOICE_STRENGTH * strength[1] * habits.voice_expressiveness

    mixed_face = _mix(FACE, FACE_CLARITY, ACTIONS, emotion, str(others[0]), blends[0])
    mixed_head = _mix(HEAD, FACE_CLARITY, POSE, emotion, str(others[0]), blends[0])
    mixed_voice = _mix(VOICE, VOICE_CLARITY, VOICE_CUES, emotion, str(others[1]), blends[1])
    return Acting(
        emotion=emotion,
        onset=rng.uniform(*ONSET_SECONDS),
        rise=RISE_SECONDS[emotion] * rng.uniform(0.85, 1.15),
        intensity=float(strength.mean()),
        face_rest=face_rest,
        face_apex=np.clip(face_rest + face_gain * mixed_face, 0.0, 1.5),
        head_rest=head_rest,
        head_apex=head_rest + face_gain * mixed_head,
        voice_rest=voice_rest,
        voice_apex=voice_rest + voice_gain * mixed_voice,
    )


def _mix(
    table: dict[str, dict[str, float]],
    clarity: dict[str, float],
    columns: tuple[str, ...],
    emotion: str,
    other: str,
    blend: float,
) -> np.ndarray:
    """Pattern of an emotion with a share of another one in it."""
    main = clarity[emotion] * _row(table[emotion], columns)
    return (1.0 - 0.5 * blend) * main + blend * clarity[other] * _row(table[other], columns)


def _row(values: dict[str, float], columns: tuple[str, ...]) -> np.ndarray:
    return np.array([values.get(column, 0.0) for column in columns])
