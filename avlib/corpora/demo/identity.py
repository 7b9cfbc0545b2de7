"""Who is speaking: face, voice and habits of one subject, the corpus's strongest nuisance."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace as Traits
from typing import Any

import numpy as np
import yaml
from numpy.random import Generator

from avlib.corpora.demo.streams import EMOTIONS, subject_stream

_FACTS = yaml.safe_load(Path(__file__).with_name("people.yaml").read_text(encoding="utf-8"))
SKIN, HAIR, IRIS = (np.array(_FACTS[colours]) for colours in ("skin", "hair", "iris"))
GOLDEN = 0.6180339887498949  # its multiples modulo 1 spread any number of subjects evenly


@dataclass(frozen=True)
class Identity:
    """One subject.

    Attributes
    ----------
    subject, sex
        Name such as ``S03``, and "female" or "male".
    face
        Geometry in units of the distance between the eyes and colours as RGB in 0..1: the traits
        of ``people.yaml`` and those that `_face` adds.
    voice
        Habitual voice: F0 in Hz, levels in dB, factors as ratios.
    habits
        How much, and in which everyday colouring, the subject shows anything at all.
    """

    subject: str
    sex: str
    face: Traits
    voice: Traits
    habits: Traits


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
        habits=_habits(subject_stream(seed, subject, "habits"), female),
    )


def _face(rng: Generator, number: int, female: bool) -> Traits:
    tone = (number * GOLDEN + 0.25) % 1.0
    stops = tone * (len(SKIN) - 1)
    skin = np.array([np.interp(stops, range(len(SKIN)), channel) for channel in SKIN.T])
    hair = HAIR[int(rng.integers(2 if tone > 0.55 else len(HAIR)))] * rng.uniform(0.85, 1.15)
    styles = ("long", "bob", "fringe") if female else ("short", "receding", "fringe")
    return Traits(
        **_drawn(rng, "face", female),
        skin=(skin * rng.uniform(0.97, 1.03, 3)).astype(np.float32),
        hair=hair.astype(np.float32),
        iris=IRIS[int(rng.integers(2 if tone > 0.55 else len(IRIS)))].astype(np.float32),
        hair_style=styles[(number // 2) % len(styles)],
        hairline=rng.uniform(-1.08, -0.88),
        beard=0.0 if female else rng.uniform(0.0, 0.45),
        lines=rng.uniform(0.6, 1.3),
        texture_seed=int(rng.integers(2**31)),
    )


def _voice(rng: Generator, number: int, female: bool) -> Traits:
    # F0 by sex as in Peterson & Barney (1952); spread evenly over the subjects.
    place = ((number // 2) * GOLDEN + 0.4) % 1.0
    f0 = (178.0 + 50.0 * place) if female else (98.0 + 40.0 * place)
    return Traits(f0=f0, **_drawn(rng, "voice", female))


def _habits(rng: Generator, female: bool) -> Traits:
    face, voice = rng.choice([emotion for emotion in EMOTIONS if emotion != "neutral"], 2)
    return Traits(face_resting=str(face), voice_resting=str(voice), **_drawn(rng, "habits", female))


def _drawn(rng: Generator, part: str, female: bool) -> dict[str, Any]:
    """Draw the traits of a part in the order of ``people.yaml``."""
    drawn = {}
    for trait, bounds in _FACTS[part].items():
        if isinstance(bounds, dict):
            bounds = bounds["female" if female else "male"]
        low, high, *for_women = bounds
        drawn[trait] = rng.uniform(low, high) + sum(for_women) * female
    return drawn
