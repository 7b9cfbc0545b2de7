import dataclasses

import numpy as np
import pytest

from avlib.corpora.demo.acting import ACTIONS, PATTERNS, POSE, VOICE_CUES, act
from avlib.corpora.demo.identity import identity
from avlib.corpora.demo.microphone import record
from avlib.corpora.demo.score import write_score
from avlib.corpora.demo.streams import EMOTIONS
from avlib.corpora.demo.voice import SAMPLE_RATE, synthesise

SEED = 0


def takes(emotion):
    return [
        act(identity(f"S{number:02d}", SEED), emotion, take, SEED)
        for number in range(1, 9)
        for take in (1, 2)
    ]


def test_tables_name_only_known_emotions_actions_and_cues():
    assert set(PATTERNS) == set(EMOTIONS)
    for part, columns in (("face", ACTIONS), ("head", POSE), ("voice", VOICE_CUES)):
        assert all(set(pattern[part]) <= set(columns) for pattern in PATTERNS.values())


def test_expression_grows_from_a_neutral_onset_to_its_apex():
    times = np.linspace(0.0, 3.0, 200)
    for emotion in EMOTIONS:
        for acting in takes(emotion):
            shown = acting.activation(times)
            assert shown[0] == 0.0
            assert shown[-1] == 1.0
            assert np.all(np.diff(shown) >= 0.0)


def test_positive_emotion_rises_faster():
    def half_time(emotion):
        return np.mean([acting.onset + 0.5 * acting.rise for acting in takes(emotion)])

    negative = [half_time(e) for e in ("anger", "disgust", "fear", "sadness")]
    assert half_time("happiness") < 0.75 * min(negative)


def test_affect_is_neutral_before_the_onset_and_has_the_sign_of_the_emotion_after():
    signs = {"anger": (1, -1), "happiness": (1, 1), "sadness": (-1, -1), "neutral": (0, 0)}
    for emotion, sign in signs.items():
        affect = takes(emotion)[0].affect(np.array([0.0, 3.0]))
        assert affect.shape == (2, 2)
        assert np.all(affect[0] == 0.0)
        assert tuple(np.sign(affect[1])) == sign


def spoken(emotion, rate=1.0, seconds=2.0):
    """Speak the same score with the same noise in the voice of S02, at the emotion's apex."""
    person = identity("S02", SEED)
    acting = act(person, emotion, 1, SEED)
    cues = np.array([PATTERNS[emotion]["voice"].get(name, 0.0) for name in VOICE_CUES])
    acting = dataclasses.replace(acting, rest={"voice": cues}, apex={"voice": cues})
    score = write_score(np.random.default_rng(1), seconds, rate)
    return synthesise(person.voice, acting, score, seconds, np.random.default_rng(2)), score


def centroid(signal):
    power = np.abs(np.fft.rfft(signal)) ** 2
    return (power * np.fft.rfftfreq(len(signal), 1 / SAMPLE_RATE)).sum() / power.sum()


def test_anger_is_louder_and_brighter_than_neutral_and_sadness_the_opposite():
    anger, neutral, sadness = (spoken(e)[0] for e in ("anger", "neutral", "sadness"))
    assert anger.std() > 1.5 * neutral.std() > 2.25 * sadness.std()
    assert centroid(anger) > centroid(neutral) > centroid(sadness)


def test_recording_stays_within_full_scale_and_pauses_stay_quiet():
    voice, score = spoken("anger")
    signal = record(100.0 * voice, np.random.default_rng(0))
    assert np.abs(signal).max() <= 0.95
    before = signal[: int((score.phrases[0, 0] - 0.05) * SAMPLE_RATE)]
    assert np.sqrt(np.mean(before**2)) == pytest.approx(5e-5, rel=0.3)


def test_takes_differ_in_loudness_and_colour():
    voice, _ = spoken("neutral")
    takes = [record(voice, np.random.default_rng(take)) for take in range(40)]
    loudness = [20 * np.log10(take.std() / voice.std()) for take in takes]
    assert -9.1 < min(loudness) < -6
    assert 2 < max(loudness) < 5.1
    assert max(map(centroid, takes)) > 1.4 * min(map(centroid, takes))
