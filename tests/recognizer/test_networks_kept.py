"""Kept models that see and hear themselves, or read descriptors of frames."""

import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import yaml
from kept_models import EMOTIONS, RATE, buzz, run_stage, tiny_values
from PIL import Image

from avlib import Recognizer
from avlib.media import write_clip
from avlib.params import Params
from avlib.recognizer import kept
from avlib.recognizer.archive import pack
from avlib.recognizer.live import follow
from avlib.recognizer.training import all_clips
from avlib.registry import models
from avlib.runtime.errors import DataError, ParamsError
from avlib.runtime.threads import single_thread

FPS = 8
STAGES = ("corpus", "reader", "clips", "folds", "speech", "faces", "copies", "face_model",
          "audio_features", "video_features")  # fmt: skip
MODERN = {"epochs": 1, "batch_size": 4}
NETWORKS = {
    "cnn": {"channels": [4, 4], "crop": 0.8, "epochs": 1},
    "gating": {"recipe": "paper", "weights": "none", "windows": 2, "fps": 4.0, "size": 32,
               "crop": 32, "width": 0.0625, "shared": 8, "embedding": 8, "per_class": 2,
               "softmax_epochs": 1, "epochs": 1, "neighbours": 3},
    "temporal_aggregation": {"segments": 2, "fps": 8.0, "size": 32, "width": 0.0625, "window": 0.4,
                             "epochs": 1},
    "avef": {"recipe": "paper", "weights": "none", "side": 64, "fps": 8.0, "width": 0.015625,
             "batch": 8, "joint_batch": 8, "epochs": 1, "dbn_epochs": 1, "joint_epochs": 1,
             "binary": []},
    "emobed": {"hidden": 8, "batch_size": 4, "epochs": 1},
}  # fmt: skip
KEPT = ("cnn", "gating", "temporal_aggregation", "avef", "avef_raw", "emobed")
# By what else than NETWORKS they are made: windows of sound described, faces seen; both described.
DESCRIBED = {
    "gating_lstm": {"recipe": "modern", "video": "i3d"},
    "gating_global": {"recipe": "modern"},
}
ALL = (*KEPT, *DESCRIBED)


def pictures(emotion, seconds):
    """A face that turns bright for anger, and is lost for a while."""
    portrait = Image.fromarray(skimage.data.astronaut()).crop((117, 0, 337, 220)).resize((110, 110))
    level = 1.0 if emotion == "anger" else 0.7
    face = (np.asarray(portrait) * level).astype(np.uint8)
    ground = np.full((120, 160, 3), 120, np.uint8)
    shown = ground.copy()
    shown[5:115, 25:135] = face
    n = round(seconds * FPS)
    return [ground if n // 2 <= i < n // 2 + 3 else shown for i in range(n)]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Three people who are seen and heard, to models of every deep system; its folder."""
    folder = tmp_path_factory.mktemp("deep")
    values = tiny_values(corpus="mine", protocol={"k": 3}, modern=MODERN, **NETWORKS)
    for system in NETWORKS:
        values[system]["patience"] = None
    values["temporal_aggregation"]["patience"] = 1
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    raw = folder / "data/raw/mine"
    raw.mkdir(parents=True)
    rows = ["path,subject,emotion"]
    for n, subject in enumerate("abc"):
        for emotion in EMOTIONS:
            for take in range(2):
                seconds = 1.5 + 0.25 * take
                file = raw / f"{subject}_{emotion}_{take}.mp4"
                sound = buzz(emotion, 10 * n + take, seconds)
                write_clip(file, pictures(emotion, seconds), FPS, sound, RATE)
                rows.append(f"{file.name},{subject},{emotion}")
    (raw / "clips.csv").write_text("\n".join(rows) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AVLIB_WORKERS", "0")
        for stage in STAGES:
            run_stage(stage)
        for name in KEPT:
            run_stage("final", name)
        for name, changes in DESCRIBED.items():
            changed = values | {"gating": values["gating"] | changes}
            changed["modern"] = values["modern"] | {"epochs": 3}
            (folder / "params.yaml").write_text(yaml.safe_dump(changed))
            run_stage("final", name)
    return folder


@pytest.fixture
def there(project, monkeypatch):
    """The finished project; tests must leave it as it is."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    return project


def used(name):
    return "audio" if name == "cnn" else "both"


@pytest.mark.parametrize("name", ALL)
def test_a_recording_is_scored_bit_for_bit_as_the_clip_that_the_stages_made_of_it(there, name):
    model = kept.read(there / "data/final" / name)
    emotions, clips = all_clips()
    parts = model.source.read(clips, emotions, model.source.inputs())
    by_name = {
        clip_id: part.select(np.array([row]))
        for part in parts.values()
        for row, clip_id in enumerate(part.clip_id)
    }
    recognizer = Recognizer.load(there / "data/final" / name)
    assert len(by_name) == 12
    different = set()
    for file in sorted(Path("data/raw/mine").glob("a_*.mp4"))[::2]:
        clip = by_name[file.stem]
        assert all(clip.has(model.model.modalities))
        [row] = recognizer.predict(file).to_dict("records")
        said = [row[f"prob_{emotion}"] for emotion in EMOTIONS]
        with single_thread():  # as the stages
            assert said == model.model.predict_proba(clip)[0].tolist()
        assert (row["used"], row["reason"]) == (used(name), "")
        # A vote of three neighbours may well be the same about two clips.
        places = model.model.embeddings(clip) or {"probabilities": np.array(said)}
        different.add(b"".join(place.tobytes() for place in places.values()))
    assert len(different) > 1, "the clips are all the same to the model"


@pytest.mark.parametrize("name", ALL)
def test_a_moment_is_what_the_window_around_it_would_be_as_a_clip(there, name, tmp_path):
    """Sound alone, which can be cut exactly; of the pictures only that they are used."""
    recognizer = Recognizer.load(there / "data/final" / name)
    found = recognizer.predict("data/raw/mine/a_anger_1.mp4", every=0.5, window=1.0)
    assert found["time"].tolist() == [0.0, 0.5, 1.0, 1.5]
    assert used(name) in set(found["used"])
    assert np.allclose(found.filter(like="prob_").sum(axis=1), 1)
    signal = np.concatenate([buzz("anger", 1, 1.0), buzz("calm", 2, 1.0)])
    for file, part in (("whole.wav", signal), ("part.wav", signal[RATE // 2 : 3 * RATE // 2])):
        write_clip(tmp_path / file, None, None, part, RATE, audio_codec="pcm_s16le")
    moments = recognizer.predict(tmp_path / "whole.wav", every=0.5, window=1.0)
    [alone] = recognizer.predict(tmp_path / "part.wav").to_dict("records")
    # Speech, and descriptors at the edges, know more.
    if name.startswith(("avef", "emobed")) or name in DESCRIBED:
        assert moments["prob_anger"][2] == pytest.approx(alone["prob_anger"], abs=0.2)
    else:
        assert moments["prob_anger"][2] == pytest.approx(alone["prob_anger"], abs=1e-6)


def test_the_card_says_who_told_when_to_stop(there):
    card = (there / "data/final/temporal_aggregation" / kept.CARD).read_text()
    assert "4 clips of 1 subjects told when to stop" in card
    assert "12 clips of 3 subjects" in card
    assert "Not known: not trained yet" in card
    assert (
        "Networks are fitted to all clips" in (there / "data/final/avef/MODEL_CARD.md").read_text()
    )


@pytest.mark.parametrize("name", ALL)
def test_one_file_of_it_says_the_same(there, name, tmp_path):
    folder = there / "data/final" / name
    pack(folder, tmp_path / "model.zip")
    clip = "data/raw/mine/b_calm_0.mp4"
    packed = Recognizer.load(tmp_path / "model.zip").predict(clip)
    assert packed.equals(Recognizer.load(folder).predict(clip))
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".npz", ".md", ".safetensors", ".csv"}


def test_a_network_that_is_cut_short_is_one_line(there, tmp_path):
    pack(there / "data/final/gating", tmp_path / "model.zip")
    folder = Path(shutil.copytree(there / "data/final/gating", tmp_path / "gating"))
    network = folder / "model/network.safetensors"
    content = network.read_bytes()
    network.unlink()
    network.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="the model cannot be read back"):
        kept.read(folder)


def test_gates_follow_each_other_as_in_the_whole_clip_and_beyond_it(there):
    recognizer = Recognizer.load(there / "data/final/gating")
    file = Path("data/raw/mine/b_anger_1.mp4")
    found = list(follow(recognizer, file))
    model = kept.read(there / "data/final/gating")
    emotions, clips = all_clips()
    parts = model.source.read(clips, emotions, model.source.inputs())
    [clip] = [p.select(p.clip_id == file.stem) for p in parts.values() if file.stem in p.clip_id]
    gates, opened = model.model.predict_gates(clip)
    n = int(opened.sum())
    assert len(found) >= n > 1
    for (time, said), end, expected in zip(
        found, model.model.network_.windows.ends(), gates[0][:n], strict=False
    ):
        assert time == pytest.approx(min(end, clip.durations[0]), abs=0.13)
        assert np.allclose(said.probabilities, expected)
        assert said.used


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gating_global", "expected gating or gating_lstm"),
        ("avef", "expected gating or gating_lstm"),
        ("gating_lstm", "reads descriptors of audio, which are made of whole recordings"),
    ],
)
def test_other_models_cannot_be_followed(there, name, reason):
    with pytest.raises(ParamsError, match=reason):
        next(follow(Recognizer.load(there / "data/final" / name), "data/raw/mine/a_calm_0.mp4"))


def test_a_model_that_reads_a_table_is_not_kept_and_one_that_does_not_is():
    tables = {m: {"descriptor": "table"} for m in ("audio", "video")}
    for reads, read in (("descriptors", True), ("i3d", False)):
        gating = NETWORKS["gating"] | {"recipe": "modern", "audio": "soundnet", "video": reads}
        params = Params.model_validate(tiny_values(gating=gating, **tables))
        expected = pytest.raises(ParamsError, match=r"video\.descriptor") if read else nullcontext()
        with expected:
            kept.require_keepable("gating", params)


def test_every_model_can_be_kept():
    assert {system.name for system in models().values() if system.deep} == set(NETWORKS)
