"""Figures 2 and 3: which clip they show, and that it is shown as the networks see it."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sequence_clips import clips_of

from avlib.faces.tables import FACES
from avlib.runtime import paths, tables
from avlib.speech.pcm import to_pcm
from avlib.speech.tables import SPEECH
from avlib.systems.avef import preparation_plots
from avlib.systems.avef.preparation import example_of, preparation_pictures
from avlib.systems.avef.segments import cut_segments
from avlib.systems.avef.spoken import cut_clips
from avlib.systems.common.streams import StreamFormat

SETTINGS = {"mels": "paper", "segment": 0.655}
SECONDS = 2.0
# What is spoken, s, of clips of happiness; of c the median share.
SPOKEN = {
    "a": [[0.0, 0.7]],
    "b": [[0.1, 0.5], [0.7, 1.9]],
    "c": [[0.2, 0.8], [1.0, 1.7]],
    "d": [[0.0, 2.0]],
    "e": [[0.5, 1.6]],
}
OTHER = "sad"  # of another emotion, and least is spoken


def sound(clip_id):
    return np.random.default_rng([*clip_id.encode()]).uniform(-0.5, 0.5, 32000)


def chip(number):
    """A face whose grey level tells its frame."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (5 * number,) * 3).save(file, "jpeg", quality=95)
    return file.getvalue()


@pytest.fixture
def run(tiny, tmp_path, monkeypatch):
    """A run with tables of sound and faces, and a trained avef; a function of its models."""
    monkeypatch.chdir(tmp_path)
    spoken = SPOKEN | {OTHER: [[0.0, 0.1]]}
    sounds = (
        (
            name,
            {
                "clip_id": [name],
                "sample_rate": [16000],
                "pcm": [to_pcm(sound(name))],
                "intervals": [intervals],
            },
        )
        for name, intervals in sorted(spoken.items())
    )
    tables.write_part(
        tables.part_path(paths.SPEECH, "s"),
        ((name, tables.conform(rows, SPEECH)) for name, rows in sounds),
        SPEECH,
    )
    rows = [
        (name, e) for e, names in (("happiness", SPOKEN), ("sadness", [OTHER])) for name in names
    ]
    clips = pd.DataFrame(rows, columns=["clip_id", "emotion"])
    clips = clips.assign(subject="s", corpus="x", duration=SECONDS)
    folds = pd.DataFrame({"clip_id": clips["clip_id"], "fold": 0, "part": "test"})
    folder = Path("data/models/avef/fold-0")
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"arguments": SETTINGS}))
    return lambda *models: tiny.data(dict.fromkeys(models), clips=clips, folds=folds)


def write_faces(name, seen):
    """Write fifty frames of a clip, with a face where it is seen."""
    n = len(seen)
    rows = {
        "clip_id": [name] * n,
        "frame": np.arange(n),
        "time": np.arange(n) / 25,
        "state": ["detected"] * n,
        "box": [None] * n,
        "score": [None] * n,
        "landmarks": [None] * n,
        "chip": [chip(k) if face else None for k, face in enumerate(seen)],
        "thumbnail": [b""] * n,
    }
    part = tables.part_path(paths.FACES, "s")
    tables.write_part(part, [(name, tables.conform(rows, FACES))], FACES)


def test_the_clip_is_the_one_of_which_the_median_share_is_kept(run):
    found = example_of(run("avef"), SETTINGS)
    assert (found.clip_id, found.emotion) == ("c", "happiness")
    np.testing.assert_allclose(found.signal, sound("c"), atol=2**-15)
    assert found.spoken.parts.tolist() == [[3200, 12800], [16000, 27200]]


def test_it_is_shown_as_the_networks_see_it(run, tmp_path):
    found = example_of(run("avef"), SETTINGS)
    stream_format = StreamFormat(32, 8.0, 16000)
    steps = np.rint(sound("c") * 32768).astype(np.int16)
    chips = np.zeros((16, 32, 32, 3), np.uint8)
    clips = clips_of(tmp_path, [("c", "s", 0, chips, np.ones(16, bool), steps)], stream_format)
    segments = cut_segments(cut_clips(clips, {"c": np.array(SPOKEN["c"])}), tmp_path)
    assert len(segments) == 2
    np.testing.assert_array_equal(found.middle_image(), segments.images[1])


def test_pictures_are_of_a_model_that_denoises_and_of_sound(run):
    pictures = preparation_pictures(run("avef"))
    assert [picture.name for picture in pictures] == ["avef_preparation", "avef_mel_image"]
    assert "2.0 s become 1.3 s" in pictures[0].alt
    assert [picture.svg.count("<image") for picture in pictures] == [2, 4]
    assert preparation_pictures(run("avef_raw")) == []
    write_faces("c", [True] * 50)
    with_faces = preparation_pictures(run("avef"))
    assert with_faces[0].svg.count("<image") == 2 + 12 + int(12 * 1.3 / 2.0)
    assert with_faces[1].svg == pictures[1].svg
    for part in paths.SPEECH.iterdir():
        part.unlink()
    assert preparation_pictures(run("avef")) == []


def test_faces_of_frames_without_one_are_left_out(run):
    seen = [k % 2 == 0 for k in range(50)]
    write_faces("c", seen)
    found = example_of(run("avef"), SETTINGS)
    np.testing.assert_allclose(found.times, np.arange(0, 50, 2) / 25)
    for moment, frame in ((0.0, 0), (0.09, 2), (1.0, 24), (9.0, 48)):  # the next with a face
        assert round(float(found.face_at(moment).mean()) / 5) == frame


def test_moments_of_what_is_left_are_those_of_the_recording(run):
    clip = example_of(run("avef"), SETTINGS)
    kept = np.concatenate([np.arange(*part) for part in clip.spoken.parts])
    for place in (0, 5000, 9599, 9601, 15000, len(kept) - 1):
        moment = preparation_plots._recorded(clip, place / 16000)
        assert moment == pytest.approx(kept[place] / 16000)


def test_silences_are_all_that_is_not_kept_once(run):
    clip = example_of(run("avef"), SETTINGS)
    assert preparation_plots._silences(clip) == [(0.0, 0.2), (0.8, 1.0), (1.7, 2.0)]
    short = example_of(run("avef"), SETTINGS | {"segment": 1.9})  # is repeated to fill it
    assert len(short.spoken.parts) > 2
    assert preparation_plots._silences(short) == [(0.0, 0.2), (0.8, 1.0), (1.7, 2.0)]
