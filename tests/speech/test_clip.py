"""One clip of the speech stage: sound in the table is the sound of the file."""

from dataclasses import replace

import builders
import numpy as np
from recordings import record

from avlib import media
from avlib.runtime.clip_tasks import RecordingInput
from avlib.speech.clip import speech_rows
from avlib.speech.pcm import from_pcm, to_pcm

SETTINGS = {
    "channels": "mean",
    "loudness": "as_recorded",
    "vad_mode": 2,
    "hangover": 0.15,
    "min_speech": 0.09,
}


def rows_of(path):
    return speech_rows(RecordingInput(path), SETTINGS)


def test_sixteen_bit_samples_survive_the_round_trip_exactly():
    steps = np.arange(-32768, 32768, dtype=np.float32) / 32768
    assert np.array_equal(from_pcm(to_pcm(steps)), steps)


def test_samples_beyond_full_scale_do_not_wrap():
    assert from_pcm(to_pcm(np.array([1.0, -1.2]))).tolist() == [32767 / 32768, -1.0]


def test_the_row_holds_the_recordings_sound(tmp_path):
    signal = 0.3 * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)
    media.write_clip(tmp_path / "a.wav", None, 25, signal, 16000, audio_codec="pcm_s16le")
    rows = rows_of(str(tmp_path / "a.wav"))
    assert rows.columns["sample_rate"] == [16000]
    np.testing.assert_allclose(from_pcm(rows.columns["pcm"][0]), signal, atol=1e-4)


def test_a_clip_cut_out_of_a_recording_has_the_sound_of_its_span(tmp_path):
    signal = 0.3 * np.sin(2 * np.pi * 200 * np.arange(48000) / 16000)
    signal[:32000] = 0
    media.write_clip(tmp_path / "a.wav", None, 25, signal, 16000, audio_codec="pcm_s16le")
    recording = RecordingInput(str(tmp_path / "a.wav"), start=1.75, end=2.5)
    rows = speech_rows(recording, SETTINGS)
    found = from_pcm(rows.columns["pcm"][0])
    np.testing.assert_allclose(found, signal[28000:40000], atol=1e-4)
    assert speech_rows(replace(recording, start=0.5, end=1.5), SETTINGS).reason == "silence"


def test_silence_is_degraded_and_keeps_its_row(tmp_path):
    media.write_clip(tmp_path / "a.wav", None, 25, np.zeros(8000), 16000, audio_codec="pcm_s16le")
    rows = rows_of(str(tmp_path / "a.wav"))
    assert (rows.status, rows.reason) == ("degraded", "silence")
    assert len(rows.columns["pcm"][0]) == 16000


def test_a_clip_most_of_whose_sound_does_not_decode_is_degraded_and_says_how_much(tmp_path):
    path = builders.write_media(tmp_path / "a.mp4", seconds=2.0)
    assert "hold sound" not in rows_of(str(path)).reason
    rows = rows_of(str(builders.blank(path, "audio", 0.6)))
    assert rows.status == "degraded"
    assert "0.8 of 2.0 s hold sound" in rows.reason


def test_a_microphone_that_was_off_for_long_is_told(tmp_path):
    def off(kind, time):
        return None if kind == "audio" and 2 <= time < 8 else time

    path = record(tmp_path / "a.mp4", 12, [1, 10], shift=off)
    assert "6.0 of 12.0 s hold sound" in rows_of(str(path)).reason
    within = speech_rows(RecordingInput(str(path), 8.5, 12.0), SETTINGS)
    assert "hold sound" not in within.reason


def test_channels_that_cancel_are_told_and_another_rule_hears_the_voice(tmp_path):
    voice = 0.3 * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)
    stereo = np.stack([voice, -0.98 * voice], axis=1)
    media.write_clip(tmp_path / "a.wav", None, 25, stereo, 16000, audio_codec="pcm_s16le")
    rows = rows_of(str(tmp_path / "a.wav"))
    assert rows.status == "degraded"
    said = "channels cancel: the mean of 2 channels is 40 dB below the loudest; set speech.channels"
    assert said in rows.reason
    left = speech_rows(RecordingInput(str(tmp_path / "a.wav")), SETTINGS | {"channels": "left"})
    assert "channels cancel" not in left.reason
    np.testing.assert_allclose(from_pcm(left.columns["pcm"][0]), voice, atol=1e-4)
