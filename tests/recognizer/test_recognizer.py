"""What a kept model says of recordings of all kinds, of their moments, and of none."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from kept_models import EMOTIONS, RATE, buzz, write_sound
from PIL import Image

from avlib import Recognizer
from avlib.media import write_clip
from avlib.recognizer import observe, worker
from avlib.recognizer import recognizer as module
from avlib.recognizer.picture import draw
from avlib.recognizer.recognizer import Said
from avlib.runtime.errors import ParamsError

FPS = 5


def frames(seconds, faces=True):
    """Frames of a face on a plain ground, or of the ground alone."""
    ground = np.full((240, 320, 3), 120, np.uint8)
    portrait = np.asarray(Image.fromarray(skimage.data.astronaut()).crop((117, 0, 337, 220)))
    if faces:
        ground[10:230, 50:270] = portrait
    return [ground] * round(seconds * FPS)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Recordings of all kinds, by kind."""
    folder = tmp_path_factory.mktemp("recordings")
    sound, silence = buzz("anger", 1, 2.0), np.zeros(2 * RATE, np.float32)
    made = {
        "both": (frames(2), sound), "faceless": (frames(2, faces=False), sound),
        "silent": (frames(2), silence), "mute": (frames(2), None),
        "nothing": (frames(1, faces=False), silence[:RATE]),
    }  # fmt: skip
    paths = {kind: folder / f"{kind}.mp4" for kind in made}
    for kind, (pictures, signal) in made.items():
        write_clip(paths[kind], pictures, FPS, signal, RATE)
    paths["sound"] = write_sound(folder / "sound.wav", sound)
    paths["long"] = write_sound(folder / "long.wav", np.concatenate([sound, sound, silence]))
    paths["text"] = folder / "text.mp4"
    paths["text"].write_text("no recording")
    paths["empty"] = folder / "empty.wav"
    paths["empty"].write_bytes(b"")
    paths["headed"] = folder / "headed.wav"  # a header, and 0 s of sound
    whole = paths["sound"].read_bytes()
    paths["headed"].write_bytes(whole[: whole.index(b"data")] + b"data\0\0\0\0")
    paths["cut"] = folder / "cut.wav"
    paths["cut"].write_bytes(whole[: whole.index(b"data") + 8 + 2 * round(1.2 * RATE)])
    whistle = 0.001 * np.sin(2 * np.pi * 6000 * np.arange(2 * RATE) / RATE)
    paths["whistle"] = write_sound(folder / "whistle.wav", whistle.astype(np.float32))
    four = [np.tile(image, (2, 2, 1)) for image in frames(2)]
    write_clip(folder / "several.mp4", four, FPS, sound, RATE)
    paths["several"] = folder / "several.mp4"
    paths["gone"] = folder / "gone.wav"
    return paths


@pytest.fixture(scope="module")
def recognizer(by_hand):
    return Recognizer.load(by_hand)


USED = {
    "both": ("both", ""),
    "sound": ("audio", "no video stream"),
    "mute": ("video", "no audio stream"),
    "silent": ("video", "silence"),
    "faceless": ("audio", "no face found"),
    "whistle": ("audio", "no voice found; no video stream"),
    "several": (
        "both",
        "4 faces at 0.0 s, of which the most prominent is followed: cut out whom you mean if that"
        " is another",
    ),
    "cut": (
        "audio",
        "truncated, 1.20 of 2.00 s can be read; download or copy it again; no video stream",
    ),
}


@pytest.mark.parametrize("kind", USED)
def test_whatever_a_recording_has_is_used(recognizer, recordings, kind):
    [row] = recognizer.predict(recordings[kind]).to_dict("records")
    assert (row["used"], row["reason"]) == USED[kind]
    values = [row[f"prob_{emotion}"] for emotion in EMOTIONS]
    assert sum(values) == pytest.approx(1)
    assert row["probability"] == max(values)
    assert row["emotion"] == EMOTIONS[int(np.argmax(values))]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("nothing", "silence; no face found"),
        ("text", "cannot be opened as a recording"),
        ("empty", "the file is empty"),
        ("headed", "no frame of it can be decoded"),
        ("gone", "there is no such file"),
    ],
)
def test_what_nothing_can_be_said_of_has_a_row_and_a_reason_and_harms_no_other(
    recognizer, recordings, kind, reason
):
    table = recognizer.predict([recordings["sound"], recordings[kind], recordings["sound"]])
    assert len(table) == 3
    assert table["emotion"].isna().tolist() == [False, True, False]
    assert reason in table["reason"][1]
    assert "\n" not in table["reason"][1]
    assert str(recordings[kind]) not in table["reason"][1]
    assert table["prob_anger"][0] == table["prob_anger"][2]


def test_a_moment_is_what_the_window_around_it_would_be_as_a_clip(recognizer, tmp_path):
    """Log mel bands of a frame know nothing of what is outside of it, but at the window's ends."""
    signal = np.concatenate([buzz("anger", 1, 3.0), buzz("calm", 2, 3.0)])
    found = recognizer.predict(write_sound(tmp_path / "a.wav", signal), every=1.0, window=2.0)
    assert found["time"].tolist() == [0, 1, 2, 3, 4, 5]
    for time in (1, 4, 5):
        piece = signal[round((time - 1) * RATE) : round((time + 1) * RATE)]
        [alone] = recognizer.predict(write_sound(tmp_path / "b.wav", piece)).to_dict("records")
        assert found["prob_anger"][time] == pytest.approx(alone["prob_anger"], abs=0.03)


def test_moments_do_not_change_what_is_said_of_the_whole(recognizer, recordings):
    alone = recognizer.recognise(recordings["both"])
    beside = recognizer.recognise(recordings["both"], every=0.5)
    assert np.array_equal(alone.whole.probabilities, beside.whole.probabilities)
    assert len(beside.moments) == len(beside.times) == 4


def test_a_moment_without_anything_is_a_gap(recognizer, recordings):
    table = recognizer.predict(recordings["long"], every=0.5, window=1.0)
    silent = table["time"] > 4.4  # the sound ends at 4 s
    assert table["emotion"].isna().tolist() == silent.tolist()
    assert set(table.loc[silent, "reason"]) == {"silence; no video stream"}


def test_a_long_recording_is_taken_span_by_span(recognizer, recordings, monkeypatch):
    """Spans of 2 s of 6 s, the last one silent: the mean of the first two, which are equal."""
    whole = recognizer.recognise(recordings["long"], every=0.5, window=1.0)
    read, given = [], observe.speech_rows

    def watched(recording, settings):
        rows = given(recording, settings)
        read.append(len(rows.columns["pcm"][0]) // 2 / RATE)
        return rows

    monkeypatch.setattr(observe, "LONGEST", 2.0)
    monkeypatch.setattr(observe, "speech_rows", watched)
    done = []
    cut = recognizer.recognise(
        recordings["long"], every=0.5, window=1.0, told=lambda *said: done.append(said)
    )
    assert done == [(2.0, 6.0), (4.0, 6.0), (6.0, 6.0)]
    assert read == [2.5, 3.0, 2.5]  # with half a window of the neighbours
    assert len(cut.moments) == len(whole.moments) == 12
    for a, b in zip(cut.moments, whole.moments, strict=True):
        assert a.used == b.used
        if a.used:  # frames begin at other samples
            np.testing.assert_allclose(a.probabilities, b.probabilities, atol=0.05)
    part = recognizer.recognise(recordings["sound"]).whole.probabilities
    np.testing.assert_allclose(cut.whole.probabilities, part, atol=0.05)
    assert cut.whole.reason == "no video stream; in part: silence"
    envelope = np.concatenate([values for _, values in cut.traces.envelope])
    expected = np.concatenate([values for _, values in whole.traces.envelope])
    np.testing.assert_allclose(envelope, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        (("no video stream", "no video stream"), "no video stream"),
        (("no face found", ""), "in part: no face found"),
        (("no face found", "no face found; silence"), "no face found; in part: silence"),
        (("2 faces at 4.0 s", "3 faces at 0.0 s"), "in part: 2 faces at 4.0 s"),
    ],
)
def test_what_long_recordings_lack_throughout_is_not_in_part(reasons, said):
    spans = [(60.0, Said(np.array([0.5, 0.5]), ("audio",), reason)) for reason in reasons]
    assert module._mean(spans).reason == said


@pytest.mark.parametrize("kind", ["both", "sound", "mute", "nothing", "long"])
@pytest.mark.parametrize("every", [None, 0.5])
def test_every_recording_has_a_picture(recognizer, recordings, kind, every):
    found = recognizer.recognise(recordings[kind], every)
    png = draw(kind, EMOTIONS, found)
    assert png.startswith(b"\x89PNG")
    if kind == "both":
        assert found.traces.faces
        assert found.traces.seen[0][0] == 0.0
        assert found.traces.seen[-1][1] == pytest.approx(2.0, abs=0.05)
    if kind == "nothing":
        assert not found.traces.faces


@pytest.mark.parametrize("given", [{"every": 0.0}, {"every": -1.0}, {"every": 1.0, "window": 0.0}])
def test_impossible_seconds_are_one_line(recognizer, recordings, given):
    with pytest.raises(ParamsError, match=r"expected 0\.01 s or more"):
        recognizer.predict(recordings["sound"], **given)


def test_importing_the_library_loads_nothing_heavy():
    code = "import avlib, sys; print([m for m in ('torch', 'numpy', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        exec("from avlib import Nothing")
    assert Path("avlib").is_dir()


def test_sound_whose_channels_cancel_is_told_whether_it_is_used_or_not(recognizer, tmp_path):
    voice = buzz("anger", 0)
    for name, rest, used in (("a.wav", 0.0, ""), ("b.wav", 0.01, "audio")):
        stereo = np.stack([voice, (rest - 1) * voice], axis=1)
        write_clip(tmp_path / name, None, None, stereo, RATE, audio_codec="pcm_s16le")
        [row] = recognizer.predict(tmp_path / name).to_dict("records")
        assert row["used"] == used
        assert "channels cancel" in row["reason"]


def test_a_long_recording_is_told_of_now_and_then(monkeypatch, capsys):
    clock = iter([0.0, 1.0, 20.0, 20.0, 21.0, 40.0])
    monkeypatch.setattr(worker.time, "monotonic", lambda: next(clock))
    told = worker.teller("a/talk.mp4")
    for done in (60, 120, 180, 240):
        told(done, 240)
    assert capsys.readouterr().err.splitlines() == ["a/talk.mp4: 120 of 240 s"]
