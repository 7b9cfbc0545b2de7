"""Faces and sounds for the page, from tables that the test writes."""

import base64
import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from avlib.media import read_audio
from avlib.report.clip_media import face_of, sound_of
from avlib.runtime import paths
from avlib.runtime.tables import part_path, write_part
from avlib.speech.tables import SPEECH

RATE = 16_000
TONE = 440.0  # Hz


@pytest.fixture
def sounds(tmp_path, monkeypatch):
    """The table of speech with a tone of twelve seconds and a clip without sound."""
    monkeypatch.chdir(tmp_path)
    time = np.arange(12 * RATE) / RATE
    tone = (8000 * np.sin(2 * np.pi * TONE * time)).astype(np.int16).tobytes()
    rows = {
        name: pa.table({"clip_id": [name], "sample_rate": [RATE], "pcm": [pcm], "intervals": [[]]})
        for name, pcm in {"loud": tone, "none": b""}.items()
    }
    part = part_path(paths.SPEECH, "anna")
    part.parent.mkdir(parents=True)
    write_part(part, rows.items(), SPEECH)


def content(address, mime):
    head, _, text = address.partition(";base64,")
    assert head == f"data:{mime}"
    return base64.b64decode(text)


def test_a_sound_is_playable_short_and_the_same_every_time(sounds, tmp_path):
    address = sound_of("loud", "anna")
    assert address == sound_of("loud", "anna")
    file = tmp_path / "sound.mp4"
    file.write_bytes(content(address, "audio/mp4"))
    assert file.stat().st_size < 60_000
    heard = read_audio(file, RATE)
    assert len(heard) / RATE == pytest.approx(8.0, abs=0.2)
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) * RATE / len(heard) == pytest.approx(TONE, abs=2)


@pytest.mark.parametrize(("clip", "subject"), [("none", "anna"), ("x", "anna"), ("loud", "bert")])
def test_what_is_not_there_is_left_out(sounds, clip, subject):
    assert sound_of(clip, subject) == ""
    assert face_of(clip, subject) == ""


def test_a_face_is_the_middle_one_and_small(tmp_path, monkeypatch):
    chips = []
    for grey in (10, 200, 90):
        file = io.BytesIO()
        Image.new("RGB", (224, 224), (grey, grey, grey)).save(file, "jpeg")
        chips.append(file.getvalue())
    table = pa.table({"chip": [None, *chips]})
    monkeypatch.setattr("avlib.report.clip_media._rows", lambda *_: table)
    image = Image.open(io.BytesIO(content(face_of("clip", "anna"), "image/jpeg")))
    assert image.size == (96, 96)
    assert np.mean(np.asarray(image)) == pytest.approx(200, abs=3)
