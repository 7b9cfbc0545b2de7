"""Corrupted test clips, from recordings' sound and faces to a model's predictions."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from avlib.corpora.common.tables import CLIPS
from avlib.descriptors.audio_clip import audio_rows
from avlib.descriptors.dlib_resnet import DlibResNetDescriptor
from avlib.descriptors.opensmile import IS10
from avlib.descriptors.table_video import VideoTable
from avlib.descriptors.tables import AUDIO as AUDIO_TABLE
from avlib.descriptors.tables import VIDEO as VIDEO_TABLE
from avlib.descriptors.video_clip import video_rows
from avlib.faces.alignment import encode_jpeg
from avlib.faces.tables import FACES
from avlib.fisher.fold import FisherTask, encode_fold
from avlib.fisher.tables import FISHER as FISHER_TABLE
from avlib.fisher.view import View
from avlib.params import Robustness, load
from avlib.protocols import FOLDS
from avlib.registry import vector_models
from avlib.robustness.predictions import (
    corrupted_predictions,
    load_saved,
    require_readable,
)
from avlib.robustness.tasks import noisy_tasks
from avlib.runtime import tables
from avlib.runtime.errors import DataError
from avlib.runtime.per_clip import CLIP_STATUS
from avlib.speech.pcm import to_pcm
from avlib.speech.tables import SPEECH
from avlib.systems.common.recipe import FoldTask, Recipe
from avlib.systems.common.tables import PREDICTIONS
from avlib.systems.common.train_fold import train_fold
from avlib.systems.svm.model import SVMModel

SCHEMAS = {"audio": AUDIO_TABLE, "video": VIDEO_TABLE, "faces": FACES, "speech": SPEECH}
RATE = 16000
PART = dict(zip("abcdef", ["test", "test", "train", "train", "train", "validation"], strict=True))
EMOTIONS = ("anger", "calm")
DESCRIPTORS = {"audio": IS10(), "video": DlibResNetDescriptor()}
FISHER = {
    "components": [2], "pca_audio": [8], "pca_video": [4], "max_descriptors": 2000, "seed": 0,
    "backend": "torch",
}  # fmt: skip
SETTINGS = {
    "snr": [0.0, -60.0], "occlusion": [1.0], "seed": 0, "backend": "torch",
    "max_failed_fraction": 0.0,
}  # fmt: skip
MODELS = {"svm_audio": ("audio",), "svm_video": ("video",), "svm_concat": ("audio", "video")}
FACELESS = "a_calm_1"


def sound(emotion, random):
    """A third of a second: buzzing and high for anger, a low hum for calm."""
    times = np.arange(RATE // 3) / RATE
    pitch = (300 if emotion == "anger" else 120) * random.uniform(0.9, 1.1)
    harmonics = 12 if emotion == "anger" else 3
    wave = sum(np.sin(2 * np.pi * pitch * k * times) / k for k in range(1, harmonics))
    return 0.1 * wave + 0.001 * random.normal(size=len(times))


def chips(emotion, random):
    """Two pictures, striped for anger, shaded for calm."""
    rows = np.arange(224)[:, None, None]
    base = 60 + 120 * (rows // 16 % 2) if emotion == "anger" else 40 + rows * 0.7
    noise = random.normal(0, 4, (2, 224, 224, 3))
    return [encode_jpeg(c.clip(0, 255).astype(np.uint8)) for c in base + noise]


def clips():
    keys = [(s, e, t) for s in PART for e in EMOTIONS for t in range(2)]
    return {f"{s}_{e}_{t}": (s, e) for s, e, t in keys}


def speech_row(clip_id, emotion, random):
    pcm = to_pcm(sound(emotion, random))
    row = {"sample_rate": [RATE], "pcm": [pcm], "intervals": [[[0.05, 0.3]]]}
    return {"clip_id": [clip_id], **row}


def faces_rows(clip_id, emotion, random):
    kept = [None, None] if clip_id == FACELESS else chips(emotion, random)
    return {
        "clip_id": [clip_id] * 2, "frame": [0, 1], "time": [0.0, 0.2], "state": ["tracked"] * 2,
        "box": [None] * 2, "score": [None] * 2, "landmarks": [None] * 2, "chip": kept,
        "thumbnail": [b""] * 2,
    }  # fmt: skip


def describe(name, source, function, descriptor):
    """Write a table of descriptors as its stage does, one part a subject."""
    for part in sorted(Path("data", source).glob("*.parquet")):
        rows = []
        for ref in tables.clip_refs(part):
            columns = function(ref, descriptor).columns
            named = {c: columns[c] for c in ("frame", "time", "descriptor")}
            ids = [ref.clip_id] * len(named["frame"])
            rows.append((ref.clip_id, tables.conform({"clip_id": ids, **named}, SCHEMAS[name])))
        tables.write_part(Path("data", name, part.name), rows, SCHEMAS[name])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Six subjects, two emotions, two takes, one fold; one test clip has no face."""
    folder = tmp_path_factory.mktemp("corpus")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AVLIB_WORKERS", "0")
        random = np.random.default_rng(0)
        every = clips()
        for subject in PART:
            own = {c: e for c, (s, e) in every.items() if s == subject}
            for name, rows in (("speech", speech_row), ("faces", faces_rows)):
                schema = SCHEMAS[name]
                parts = [(c, tables.conform(rows(c, e, random), schema)) for c, e in own.items()]
                tables.write_part(Path("data", name, f"{subject}.parquet"), sorted(parts,
                                  key=lambda part: part[0]), schema)  # fmt: skip
        listing = pd.DataFrame([(c, *facts) for c, facts in every.items()],
                               columns=["clip_id", "subject", "emotion"])  # fmt: skip
        columns = {c: [None] * len(listing) for c in CLIPS.columns}
        facts = columns | {"corpus": ["tiny"] * len(listing), "sha256": list(every)}
        tables.write_table("data/clips.parquet", facts | listing.to_dict("list"), CLIPS)
        folds = {"clip_id": list(every), "fold": [0] * len(every),
                 "part": [PART[s] for s, _ in every.values()]}  # fmt: skip
        tables.write_table("data/folds.parquet", folds, FOLDS)
        status = {"clip_id": list(every), **{c: [v] * len(every) for c, v in
                  (("stage", "speech"), ("status", "ok"), ("reason", ""))}}  # fmt: skip
        tables.write_table("data/status/speech.parquet", status, CLIP_STATUS)
        describe("audio", "speech", audio_rows, DESCRIPTORS["audio"])
        describe("video", "faces", video_rows, DESCRIPTORS["video"])
        work = folder / "work"
        work.mkdir()
        views = {m: [View(f"{m}.own", Path("data", m), "frames")] for m in ("audio", "video")}
        pooling = {"audio": ["fisher"], "video": ["fisher"]}
        speakers = {"normalise": "none", "enrolled_clips": 1}
        encode_fold(FisherTask(0, views, pooling, speakers, FISHER), work)
        Path("data/fisher").mkdir()
        (work / "fisher.parquet").rename("data/fisher/fold-0.parquet")
        Path("data/fisher_encoders").mkdir()
        (work / "encoders").rename("data/fisher_encoders/fold-0")
        for model, used in MODELS.items():
            out = folder / "trained" / model
            out.mkdir(parents=True)
            recipe = Recipe(model, SVMModel, used, True, {"c": [10.0], "sigma": [1.0]})
            train_fold(FoldTask(0, recipe, ("audio", "video"), (), (PREDICTIONS,)), out)
            (folder / "data/models" / model).mkdir(parents=True)
            (out / "model").rename(folder / "data/models" / model / "fold-0")
    return folder


@pytest.fixture
def project(corpus, monkeypatch):
    monkeypatch.chdir(corpus)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    return corpus


def run(model, descriptors=DESCRIPTORS, **changes):
    folds = tables.read_table("data/folds.parquet")
    subjects = {clip_id: subject for clip_id, (subject, _) in clips().items()}
    views = {m: [descriptor] for m, descriptor in descriptors.items()}
    rows = corrupted_predictions(model, folds, subjects, SETTINGS | changes, views)
    return rows.sort_values(["corruption", "level", "clip_id"], ignore_index=True)


def accuracy(rows, corruption, level):
    rows = rows[(rows["corruption"] == corruption) & (rows["level"] == level)]
    assert len(rows)
    return (rows["emotion"] == rows["predicted"]).mean()


@pytest.mark.parametrize("model", MODELS)
def test_clean_clips_are_predicted_as_they_were_when_the_model_was_tested(project, model):
    clean = run(model).query("corruption == 'clean'")
    saved = tables.read_table(f"trained/{model}/predictions.parquet")
    saved = saved[saved["condition"] == "default"]
    texts = ["clip_id", "fold", "model", "modalities", "emotion", "predicted"]
    pd.testing.assert_frame_equal(
        clean[texts].reset_index(drop=True), saved[texts].reset_index(drop=True), check_dtype=False
    )
    probabilities = ["prob_anger", "prob_calm"]
    np.testing.assert_allclose(clean[probabilities], saved[probabilities], atol=1e-5)


def test_strong_corruption_leaves_no_more_than_chance(project):
    audio, video = run("svm_audio"), run("svm_video")
    assert accuracy(audio, "clean", 0) == 1
    # Faces that are wholly covered are all alike, so one emotion is said of all.
    assert video.query("corruption == 'clean'")["predicted"].nunique() == 2
    assert video.query("corruption == 'occlusion'")["predicted"].nunique() == 1
    for kind in ("white", "babble"):
        assert accuracy(audio, kind, -60.0) <= 0.75


def test_a_model_meets_only_corruptions_of_what_it_uses(project):
    assert set(run("svm_audio")["corruption"]) == {"clean", "white", "babble"}
    assert set(run("svm_video")["corruption"]) == {"clean", "occlusion"}


def test_a_clip_without_a_face_is_scored_by_its_sound_at_every_level(project):
    rows = run("svm_concat").query("clip_id == @FACELESS")
    assert set(rows["modalities"]) == {"audio"}
    keys = set(zip(rows["corruption"], rows["level"], strict=True))
    noise = {(kind, snr) for kind in ("white", "babble") for snr in SETTINGS["snr"]}
    assert keys == {("clean", 0.0), ("occlusion", 1.0)} | noise


@pytest.mark.slow
def test_how_many_work_on_it_changes_nothing(project, monkeypatch):
    alone = run("svm_concat", snr=[5.0])
    shutil.rmtree(".memo")
    monkeypatch.setenv("AVLIB_WORKERS", "2")
    pd.testing.assert_frame_equal(run("svm_concat", snr=[5.0]), alone)


def test_the_second_model_takes_corrupted_clips_from_memory(project, caplog):
    caplog.set_level("INFO")
    run("svm_audio", snr=[3.0])
    caplog.clear()
    run("svm_concat", snr=[3.0])
    [audio] = [m for m in caplog.messages if m.startswith("robustness_audio")]
    assert "computed 0, from memory 8" in audio
    assert list(Path(".memo/corrupted").iterdir()) == []


def test_babble_is_of_training_clips_of_other_subjects(project):
    folds = tables.read_table("data/folds.parquet")
    subjects = {clip_id: subject for clip_id, (subject, _) in clips().items()}
    for task in noisy_tasks(folds, subjects, 0):
        voices = [talker.clip_id for talker in task.payload.talkers]
        assert len(set(voices)) == 8
        assert {PART[subjects[v]] for v in voices} == {"train"}

    # Where subjects are shared between the parts, the tested one is still left out.
    shared = {c: "one" if c in ("a_anger_0", "c_anger_0", "d_anger_0") else s
              for c, s in subjects.items()}  # fmt: skip
    [task] = [t for t in noisy_tasks(folds, shared, 0) if t.clip_id == "a_anger_0"]
    voices = [talker.clip_id for talker in task.payload.talkers]
    assert not {"c_anger_0", "d_anger_0"} & set(voices)


def test_too_few_voices_for_a_babble_are_an_error_that_says_so(project):
    folds = tables.read_table("data/folds.parquet")
    with pytest.raises(DataError, match=r"fold 0 has 0 training clips .* a babble needs 8"):
        noisy_tasks(folds, dict.fromkeys(clips(), "one"), 0)


def test_a_table_of_the_users_cannot_be_corrupted(project):
    tables_of_faces = DESCRIPTORS | {"video": VideoTable()}
    with pytest.raises(DataError, match=r"svm_concat learned from a table of video descriptors"):
        run("svm_concat", tables_of_faces)
    assert len(run("svm_audio", tables_of_faces))


def test_other_descriptors_than_the_models_are_an_error(project):
    other = DESCRIPTORS | {"audio": IS10("windows", 0.2, 0.1)}
    with pytest.raises((DataError, ValueError)):
        run("svm_audio", other)
    path = Path("data/fisher/fold-0.parquet")
    kept = path.read_bytes()
    table = tables.read_table(path)
    for m in ("audio", "video"):
        values = tables.vectors(table[m]) * np.float32(0.9)
        table[m] = list(np.nan_to_num(values))
    tables.write_table(path, table, FISHER_TABLE)
    try:
        with pytest.raises(DataError, match=r"left clean, differs by .* data/fisher"):
            run("svm_audio")
    finally:
        path.write_bytes(kept)


def test_unknown_and_untrained_models_are_one_line(project):
    with pytest.raises(DataError, match=r"no_such is no model .* svm_concat"):
        require_readable("no_such")
    with pytest.raises(DataError, match="no trained system"):
        load_saved("merml", 0)
    Path("data/models/svm_audio/fold-7").mkdir()
    assert load_saved("svm_audio", 7) is None  # its clips lacked what it needs


def test_params_name_the_models_that_can_be_read_back():
    values = load(("robustness",)).robustness.model_dump()
    assert Robustness(**values | {"models": vector_models()}).models == vector_models()
    for model in ("gating", "avef"):
        with pytest.raises(ValidationError, match=r"expected one of .*svm_concat"):
            Robustness(**values | {"models": [model]})
