"""Who is speaking: face, voice and habits of one subject, the corpus's strongest nuisance."""

from dataclasses import dataclass

import numpy as np

from avlib.corpora.demo.streams import EMOTIONS, subject_stream

# Albedo from the lightest to the darkest skin, linear between the stops (RGB, 0..1). The darkest
# stop keeps enough contrast between skin, brows and mouth for a HOG detector.
SKIN = np.array([(0.95, 0.80, 0.71), (0.85, 0.66, 0.53), (0.68, 0.49, 0.37), (0.52, 0.35, 0.26)])
HAIR = np.array(
    [
        (0.10, 0.08, 0.07),
        (0.22, 0.14, 0.09),
        (0.38, 0.25, 0.14),
        (0.62, 0.46, 0.26),
        (0.50, 0.48, 0.47),
    ]
)
IRIS = np.array([(0.25, 0.16, 0.09), (0.36, 0.26, 0.13), (0.25, 0.38, 0.45), (0.30, 0.40, 0.26)])
GOLDEN = 0.6180339887498949  # its multiples modulo 1 spread any number of subjects evenly


@dataclass(frozen=True)
class FaceTraits:
    """Geometry in units of the distance between the eyes, colours as RGB in 0..1."""

    width: float
    chin: float
    jaw_shape: float
    eye_size: float
    eye_tilt: float
    brow_height: float
    brow_thickness: float
    brow_arch: float
    nose_width: float
    nose_length: float
    mouth_width: float
    mouth_height: float
    lip_fullness: float
    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    hair_style: str
    hairline: float
    beard: float
    lines: float
    texture_seed: int


@dataclass(frozen=True)
class VoiceTraits:
    """Habitual voice: F0 in Hz, levels in dB, factors as ratios."""

    f0: float
    tract: float
    tilt: float
    breath: float
    level: float
    rate: float
    pitch_range: float
    jitter: float


@dataclass(frozen=True)
class Habits:
    """How much, and in which everyday colouring, a subject shows anything at all."""

    face_expressiveness: float
    voice_expressiveness: float
    face_resting: str
    face_resting_weight: float
    voice_resting: str
    voice_resting_weight: float


@dataclass(frozen=True)
class Identity:
    """One subject."""

    subject: str
    sex: str
    face: FaceTraits
    voice: VoiceTraits
    habits: Habits


def identity(subject: str, seed: int) -> Identity:
    """Draw a subject from the seed and the subject's name alone.

    Parameters
    ----------
    subject
        Name such as ``S03``; odd numbers are female, even ones male.
    seed
        Seed of the corpus.
    """
    number = int(subject[1:])
    female = number % 2 == 1
    return Identity(
        subject=subject,
        sex="female" if female else "male",
        face=_face(subject_stream(seed, subject, "face"), number, female),
        voice=_voice(subject_stream(seed, subject, "voice"), number, female),
        habits=_habits(subject_stream(seed, subject, "habits")),
    )


def _face(rng: np.random.Generator, number: int, female: bool) -> FaceTraits:
    tone = (number * GOLDEN + 0.25) % 1.0
    stops = tone * (len(SKIN) - 1)
    low = min(int(stops), len(SKIN) - 2)
    skin = SKIN[low] + (stops - low) * (SKIN[low + 1] - SKIN[low])
    shades = 2 if tone > 0.55 else len(HAIR)
    hair = HAIR[int(rng.integers(shades))] * rng.uniform(0.85, 1.15)
    styles = ("long", "bob", "fringe") if female else ("short", "receding", "fringe")
    return FaceTraits(
        width=rng.uniform(0.97, 1.09) - 0.03 * female,
        chin=rng.uniform(1.66, 1.84) - 0.05 * female,
        jaw_shape=rng.uniform(2.0, 2.5) if female else rng.uniform(2.4, 3.2),
        eye_size=rng.uniform(0.92, 1.1) + 0.04 * female,
        eye_tilt=rng.uniform(-0.02, 0.035),
        brow_height=rng.uniform(0.22, 0.26) + 0.01 * female,
        brow_thickness=rng.uniform(0.045, 0.058) if female else rng.uniform(0.055, 0.072),
        brow_arch=rng.uniform(0.03, 0.07),
        nose_width=rng.uniform(0.17, 0.23) - 0.015 * female,
        nose_length=rng.uniform(0.61, 0.69),
        mouth_width=rng.uniform(0.38, 0.46),
        mouth_height=rng.uniform(1.07, 1.14),
        lip_fullness=rng.uniform(0.8, 1.2) + 0.12 * female,
        skin=(skin * rng.uniform(0.97, 1.03, 3)).astype(np.float32),
        hair=hair.astype(np.float32),
        iris=IRIS[int(rng.integers(2 if tone > 0.55 else len(IRIS)))].astype(np.float32),
        hair_style=styles[(number // 2) % len(styles)],
        hairline=rng.uniform(-1.08, -0.88),
        beard=0.0 if female else rng.uniform(0.0, 0.45),
        lines=rng.uniform(0.6, 1.3),
        texture_seed=int(rng.integers(2**31)),
    )


def _voice(rng: np.random.Generator, number: int, female: bool) -> VoiceTraits:
    # F0 and tract length by sex as in Peterson & Barney (1952); spread evenly over the subjects.
    place = ((number // 2) * GOLDEN + 0.4) % 1.0
    return VoiceTraits(
        f0=(178.0 + 50.0 * place) if female else (98.0 + 40.0 * place),
        tract=rng.uniform(1.10, 1.22) if female else rng.uniform(0.94, 1.06),
        tilt=rng.uniform(-1.5, 1.5) - 0.8 * female,
        breath=rng.uniform(-3.0, 3.0) + 2.0 * female,
        level=rng.uniform(-2.5, 2.5),
        rate=rng.uniform(0.9, 1.12),
        pitch_range=rng.uniform(0.75, 1.3),
        jitter=rng.uniform(0.7, 1.4),
    )


def _habits(rng: np.random.Generator) -> Habits:
    face_resting, voice_resting = rng.choice([e for e in EMOTIONS if e != "neutral"], 2)
    return Habits(
        face_expressiveness=rng.uniform(0.75, 1.15),
        voice_expressiveness=rng.uniform(0.75, 1.15),
        face_resting=str(face_resting),
        face_resting_weight=rng.uniform(0.2, 1.0),
        voice_resting=str(voice_resting),
        voice_resting_weight=rng.uniform(0.2, 1.0),
    )
