"""What SoundNet hears of a recording: all that it learned to hear, up to 11 kHz."""

import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from avlib.corpora.common.tables import CLIPS
from avlib.media import probe
from avlib.params import Params, load
from avlib.recognizer.describe import PieceDescriber
from avlib.recognizer.observe import spans
from avlib.registry import system
from avlib.runtime import paths, tables
from avlib.runtime.clip_tasks import RecordingInput
from avlib.runtime.tables.schema import conform_clip
from avlib.speech.clip import speech_rows
from avlib.speech.tables import SPEECH
from avlib.systems.gating.batch import LOUDEST, cut_sound
from avlib.systems.gating.clips import GatingDataset
from avlib.systems.gating.soundnet import RATE

TONE, OWN, SECONDS = 10_000, 44_100, 3.0  # Hz, Hz, s


@pytest.fixture
def params(tmp_path, monkeypatch):
    """Parameters of streams of sound, in a folder with the stages' tables of clips `a` and `b`.

    `a` is a recording of a tone at 44.1 kHz; `b` is a second of it, from 1 s on.
    """
    found = load(tuple(Params.model_fields))
    streamed = found.gating.model_copy(update={"recipe": "paper", "weights": "none"})
    found = found.model_copy(update={"gating": streamed, "modalities": ["audio"]})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    folder = paths.RAW / "tones"
    folder.mkdir(parents=True)
    times = np.arange(round(SECONDS * OWN)) / OWN
    samples = np.rint(16384 * np.sin(2 * np.pi * TONE * times)).astype("<i2")
    with wave.open(str(folder / "tone.wav"), "wb") as file:
        file.setparams((1, 2, OWN, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    rows = {name: [None, None] for name in CLIPS.columns}
    rows |= {"clip_id": ["a", "b"], "corpus": ["tones"] * 2, "subject": ["S"] * 2}
    rows |= {"sha256": ["0" * 64] * 2, "audio_path": ["tone.wav"] * 2, "sample_rate": [OWN] * 2}
    rows |= {"start": [None, 1.0], "end": [None, 2.0], "emotion": ["joy", "joy"]}
    tables.write_table(paths.CLIPS, rows, CLIPS)
    heard = []
    for clip_id, span in (("a", (None, None)), ("b", (1.0, 2.0))):
        recording = RecordingInput(str(folder / "tone.wav"), *span)
        columns = speech_rows(recording, found.speech.model_dump()).columns
        heard.append((clip_id, conform_clip(columns, clip_id, SPEECH)))
    tables.write_part(tables.part_path(paths.SPEECH, "S"), heard, SPEECH)
    paths.FACES.mkdir()
    return found


def heard_clips(params):
    source = system("gating").recipe("gating", params).source
    labelled = tables.read_table(paths.CLIPS)[["clip_id", "subject", "emotion"]]
    return source.read(labelled.assign(fold=0, part="train"), ["joy"], source.inputs())["train"]


def strongest(window):
    """Return frequency, Hz, and amplitude of the strongest tone of a second of sound."""
    spectrum = np.abs(np.fft.rfft(window * np.hanning(len(window)))) / (len(window) / 4)
    return int(spectrum.argmax()), float(spectrum.max())


def test_a_tone_of_10_khz_in_a_recording_reaches_soundnet(params):
    batch = GatingDataset(heard_clips(params), ("audio",), {})[[0, 1]]
    starts = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    opened = torch.tensor([[True, True], [True, False]])
    for window in cut_sound(batch, starts, opened, 1.0, RATE).windows.numpy():
        assert strongest(window) == (TONE, pytest.approx(LOUDEST / 2, rel=0.01))
    assert batch.samples.tolist() == [3 * RATE, RATE]


def test_what_is_not_recorded_above_8_khz_comes_from_table_speech(params):
    clips = tables.read_table(paths.CLIPS)
    tables.write_table(paths.CLIPS, clips.assign(sample_rate=16_000), CLIPS)
    batch = GatingDataset(heard_clips(params), ("audio",), {})[[0]]
    middle = batch.sound[0, RATE : 2 * RATE]  # where filters swing in and out there is something
    assert middle.abs().max() < 3  # of 32768: the tone is above what the table holds


def test_a_recording_that_is_no_clip_is_heard_as_clips_are(params):
    file = Path(paths.RAW / "tones" / "tone.wav")
    source = system("gating").recipe("gating", params).source
    settings, maker = params.model_dump(), PieceDescriber(source, {})
    assert maker.rate == RATE
    [span] = spans(file, probe(file), ("audio",), 0.0, settings, maker.rate)
    whole, part = maker.clips(span, [None, (1.0, 2.0)]).streams
    expected = heard_clips(params).streams[0].sound()
    np.testing.assert_array_equal(whole.sound(), expected)
    np.testing.assert_array_equal(part.sound(), expected[RATE : 2 * RATE])
