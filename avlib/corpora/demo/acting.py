"""How an emotion acts on face and voice, how strongly, and how it unfolds over a clip.

What each emotion does stands in ``acting.yaml``, with its sources.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from avlib.corpora.demo.identity import Identity
from avlib.corpora.demo.streams import EMOTIONS, clip_stream

_FACTS = yaml.safe_load(Path(__file__).with_name("acting.yaml").read_text(encoding="utf-8"))
ACTIONS: tuple[str, ...] = tuple(_FACTS["actions"])
POSE: tuple[str, ...] = tuple(_FACTS["pose"])
VOICE_CUES: tuple[str, ...] = tuple(_FACTS["voice_cues"])
_COLUMNS = {"face": ACTIONS, "head": POSE, "voice": VOICE_CUES}
PATTERNS = _FACTS["emotions"]  # by emotion, then by what is affected: "face", "head", "voice", ...

# How hard it is.
ONSET_SECONDS = (0.10, 0.25)
FACE_STRENGTH = 0.8
VOICE_STRENGTH = 1.5
# Largest share of another emotion's pattern that a subject shows at rest, in every take.
FACE_RESTING = 0.35
VOICE_RESTING = 0.22
INTENSITY_SPREAD = 0.25  # standard deviation over takes, drawn for face and voice independently
BLEND_MAX = 0.5  # largest share of another emotion's pattern that a take mixes in
FACE_NOISE = 0.18  # per action and take, in activation


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
    rest, apex
        By part, before onset and at the apex: actions of the "face" ``(n_actions,)``, pose of the
        "head" ``(n_pose,)``, cues of the "voice" ``(n_cues,)``.
    """

    emotion: str
    onset: float
    rise: float
    intensity: float
    rest: dict[str, np.ndarray]
    apex: dict[str, np.ndarray]

    def activation(self, times: np.ndarray) -> np.ndarray:
        """Share of the expression shown at ``times`` in seconds: 0 before onset, 1 at the apex.

        The rise is a smooth step, fast in the middle and still at both ends.
        """
        progress = np.clip((np.asarray(times) - self.onset) / self.rise, 0.0, 1.0)
        return progress * progress * (3.0 - 2.0 * progress)

    def shown(self, part: str, times: np.ndarray) -> np.ndarray:
        """Return what a part shows at ``times`` in seconds, ``(n, n_columns)``."""
        grown = self.activation(times)[:, None]
        return (1.0 - grown) * self.rest[part] + grown * self.apex[part]

    def affect(self, times: np.ndarray) -> np.ndarray:
        """Arousal and valence ``(n, 2)`` felt at ``times`` in seconds, each in -1..1."""
        apex = self.intensity * np.array(PATTERNS[self.emotion]["affect"])
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
    face_rest = resting * _row("face", PATTERNS[habits.face_resting]["face"])
    face_rest = face_rest + np.abs(rng.normal(0.0, FACE_NOISE, len(ACTIONS)))
    head_rest = rng.normal(0.0, (0.05, 0.04, 0.02, 0.03, 0.05, 0.03))
    voice_noise = rng.normal(0.0, _row("voice", _FACTS["voice_noise"]))
    resting = VOICE_RESTING * habits.voice_resting_weight
    voice_rest = resting * _row("voice", PATTERNS[habits.voice_resting]["voice"]) + voice_noise

    face_gain = FACE_STRENGTH * strength[0] * habits.face_expressiveness
    voice_gain = VOICE_STRENGTH * strength[1] * habits.voice_expressiveness
    face = face_rest + face_gain * _mix("face", "face_clarity", emotion, others[0], blends[0])
    head = head_rest + face_gain * _mix("head", "face_clarity", emotion, others[0], blends[0])
    voice = voice_rest + voice_gain * _mix("voice", "voice_clarity", emotion, others[1], blends[1])
    return Acting(
        emotion=emotion,
        onset=rng.uniform(*ONSET_SECONDS),
        rise=PATTERNS[emotion]["rise"] * rng.uniform(0.85, 1.15),
        intensity=float(strength.mean()),
        rest={"face": face_rest, "head": head_rest, "voice": voice_rest},
        apex={"face": np.clip(face, 0.0, 1.5), "head": head, "voice": voice},
    )


def _mix(part: str, clarity: str, emotion: str, other: str, blend: float) -> np.ndarray:
    """Pattern of an emotion in a part with a share of another one in it."""
    shown, mixed_in = PATTERNS[emotion], PATTERNS[other]
    main = shown[clarity] * _row(part, shown[part])
    return (1.0 - 0.5 * blend) * main + blend * mixed_in[clarity] * _row(part, mixed_in[part])


def _row(part: str, values: dict[str, float]) -> np.ndarray:
    return np.array([values.get(column, 0.0) for column in _COLUMNS[part]])
