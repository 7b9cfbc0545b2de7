import numpy as np
import pytest

from avlib import media
from avlib.runtime.clip_tasks import RecordingInput
from avlib.speech.clip import speech_rows
from avlib.speech.level import LOUD, equal_loudness
from avlib.speech.pcm import from_pcm

RATE = 16000


def tone(seconds, amplitude):
    return (amplitude * np.sin(2 * np.pi * 200 * np.arange(seconds * RATE) / RATE)).astype("f4")


@pytest.mark.parametrize("amplitude", [0.001, 0.1, 1.0])
def test_a_tone_gets_the_level_in_closed_form(amplitude):
    levelled = equal_loudness(tone(1, amplitude), RATE)
    np.testing.assert_allclose(levelled, tone(1, LOUD * np.sqrt(2)), atol=1e-6)
    assert levelled.dtype == np.float32


def test_pauses_and_a_click_change_nothing():
    quiet = np.concatenate([np.zeros(5 * RATE, np.float32), tone(1, 0.01), np.zeros(RATE, "f4")])
    levelled = equal_loudness(quiet, RATE)
    np.testing.assert_allclose(levelled[5 * RATE : 6 * RATE], tone(1, LOUD * np.sqrt(2)), atol=1e-6)
    quiet[100] = 1.0
    clicked = equal_loudness(quiet, RATE)
    assert clicked[100] == 1.0
    np.testing.assert_allclose(clicked[RATE:], levelled[RATE:], rtol=0.01)


@pytest.mark.parametrize("signal", [np.zeros(0), np.zeros(5), np.zeros(RATE), tone(1, 1e-5)])
def test_what_holds_no_voice_stays_as_it_is(signal):
    signal = signal.astype(np.float32)
    assert np.array_equal(equal_loudness(signal, RATE), signal)


def test_recordings_of_one_voice_at_other_levels_get_the_same_row(tmp_path):
    settings = {
        "channels": "mean",
        "loudness": "equal",
        "vad_mode": 2,
        "hangover": 0.15,
        "min_speech": 0.09,
    }
    random = np.random.default_rng(0)
    signal = (tone(1, 0.5) * random.uniform(0.5, 1, RATE)).astype("f4")
    found = []
    for name, gain in (("loud", 1.0), ("quiet", 0.05)):
        path = tmp_path / f"{name}.wav"
        media.write_clip(path, None, None, gain * signal, RATE, audio_codec="pcm_s16le")
        found.append(speech_rows(RecordingInput(str(path)), settings).columns)
    loud, quiet = found
    assert loud["intervals"] == quiet["intervals"]
    # 16 bits of the quiet one are steps of 20 / 32768 of the loud one.
    step = 20 / 32768 * np.abs(from_pcm(loud["pcm"][0])).max() / 0.5
    assert np.abs(from_pcm(loud["pcm"][0]) - from_pcm(quiet["pcm"][0])).max() < step
