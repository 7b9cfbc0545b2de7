"""One clip of the speech stage: sound in the table is the sound of the file."""

import re
import struct
from dataclasses import replace

import av
import builders
import numpy as np
import pytest
from recordings import record

from avlib import media
from avlib.corpora.common.base import Recording
from avlib.corpora.common.describe import describe
from avlib.runtime.clip_tasks import RecordingInput
from avlib.runtime.errors import MediaError
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


def encoded(path, codec):
    """Write 4 s of noise."""
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 192000)).astype("f4")
    with av.open(str(path), "w", format="matroska" if path.suffix == ".mka" else None) as container:
        stream = container.add_stream(codec, rate=48000, layout="mono")
        container.start_encoding()
        samples = stream.codec_context.frame_size
        resampler = av.AudioResampler(stream.format, "mono", 48000, frame_size=samples)
        frame = av.AudioFrame.from_ndarray(noise, format="flt", layout="mono")
        frame.sample_rate = 48000
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def test_sound_without_stamps_that_does_not_decode_is_told(tmp_path):
    """Of an MP3 nothing else tells: what is left of it closes up."""
    path = encoded(tmp_path / "a.mp3", "libmp3lame")
    assert "decoded" not in rows_of(str(path)).reason
    rows = rows_of(str(builders.blank(path, "audio", 0.4)))
    assert rows.status == "degraded"
    assert re.match(r"(3\d|4\d)% of its sound cannot be decoded", rows.reason)


def test_noise_that_a_checksum_finds_is_no_sound(tmp_path):
    path = encoded(tmp_path / "a.flac", "flac")
    data = bytearray(path.read_bytes())
    third = len(data) // 3
    data[third : 2 * third] = np.random.default_rng(1).bytes(third)
    path.write_bytes(data)
    assert re.match(r"2\.[5-7] of 4\.0 s hold sound", rows_of(str(path)).reason)


def test_one_bit_of_a_frame_of_ac3_is_found(tmp_path):
    path = encoded(tmp_path / "a.ac3", "ac3")
    assert "hold sound" not in rows_of(str(path)).reason
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(audio=0) if p.size]
    for place, size in packets[2 : 2 + round(0.4 * len(packets))]:
        data[place + size // 3] ^= 1
    path.write_bytes(data)
    assert re.match(r"2\.[3-6] of 4\.0 s hold sound", rows_of(str(path)).reason)


def test_sound_alone_whose_start_does_not_decode_is_told(tmp_path):
    path = encoded(tmp_path / "a.mka", "aac")
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size, p) for p in container.demux(audio=0) if p.size]
    data = bytearray(path.read_bytes())
    n_lost = len(packets) * 3 // 8
    for place, size, packet in packets[:n_lost]:
        start = data.index(bytes(packet), place)
        data[start : start + size] = b"\xff" * size
    path.write_bytes(data)
    lost = media.probe(path).lost_start
    assert 1.3 < lost < 1.6
    assert re.match(rf"{4 - lost:.1f} of 4\.[01] s hold sound", rows_of(str(path)).reason)
    found = describe(Recording("c", "s", "anger", None, path.name), tmp_path)
    assert f"damaged, the first {lost:.1f} s of its sound are lost" in found.reason


def test_a_number_of_channels_that_no_recording_has_is_damage(tmp_path):
    path = tmp_path / "a.au"
    header = struct.pack(">IIIII", 24, 32000, 3, 16000, 129)
    path.write_bytes(b".snd" + header + np.random.default_rng(0).bytes(32000))
    with pytest.raises(MediaError, match="says that it has 129 channels"):
        rows_of(str(path))


def test_a_microphone_that_was_off_for_long_is_told(tmp_path):
    def off(kind, time):
        return None if kind == "audio" and 2 <= time < 8 else time

    path = record(tmp_path / "a.mp4", 12, [1, 10], shift=off)
    assert "6.0 of 12.0 s hold sound" in rows_of(str(path)).reason
    within = speech_rows(RecordingInput(str(path), 8.5, 12.0), SETTINGS)
    assert "hold sound" not in within.reason


def test_channels_that_cancel_for_a_while_are_told(tmp_path):
    left = 0.3 * np.sin(2 * np.pi * 200 * np.arange(160000) / 16000)
    right = np.where(np.arange(160000) < 48000, -left, left)
    stereo = np.stack([left, right], axis=1)
    media.write_clip(tmp_path / "a.wav", None, 25, stereo, 16000, audio_codec="pcm_s16le")
    rows = rows_of(str(tmp_path / "a.wav"))
    assert rows.status == "degraded"
    assert "channels cancel in 30% of the loud seconds; set speech.channels" in rows.reason


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
