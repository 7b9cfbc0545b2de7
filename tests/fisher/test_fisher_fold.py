"""One fold of the fisher stage: learnt on training clips alone, every clip encoded."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import norm

from avlib.descriptors.tables import AUDIO, VIDEO
from avlib.fisher.encoder import FisherEncoder
from avlib.fisher.fold import FisherTask, encode_fold
from avlib.fisher.pooling import Pooling, held_out_accuracy
from avlib.fisher.view import View, load_encoders
from avlib.protocols import FOLDS
from avlib.runtime import tables
from avlib.runtime.digests import name_digest
from avlib.runtime.errors import DataError, ParamsError
from avlib.runtime.tables.schema import TEXT, Schema

SETTINGS = {
    "components": [3], "pca_audio": [4], "pca_video": [None], "max_descriptors": 1000, "seed": 0,
    "backend": "torch",
}  # fmt: skip


def view(modality, level="frames"):
    return View(f"{modality}.own", Path("data") / modality, level)


VIEWS = {m: [view(m)] for m in ("audio", "video")}
POOLING = {"audio": ["fisher"], "video": ["fisher"]}
AS_THEY_ARE = {"normalise": "none", "enrolled_clips": 1}
TASK = FisherTask(0, VIEWS, POOLING, AS_THEY_ARE, SETTINGS)
SUBJECTS = {"a": "s1", "b": "s2", "c": "s3", "d": "s4", "e": "s4"}
LABELS = Schema("labels", ("clip_id",), dict.fromkeys(("clip_id", "subject", "emotion"), TEXT))
PARTS = {"a": "train", "b": "train", "c": "validation", "d": "test", "e": "test"}


def clip_frames(clip, modality, shift=0.0):
    """Descriptors of a clip: (20, 6) for sound, (10, 5) for pictures."""
    random = np.random.default_rng([ord(clip), len(modality), ord(modality[0])])
    shape = (20, 6) if modality == "audio" else (10, 5)
    return (random.normal(size=shape) + shift).astype(np.float32)


def write_descriptors(folder, modality, clips, shifted=()):
    schema = {"audio": AUDIO, "video": VIDEO}[modality]
    parts = []
    for clip in clips:
        values = clip_frames(clip, modality, 5.0 if clip in shifted else 0.0)
        rows = {
            "clip_id": [clip] * len(values), "frame": np.arange(len(values)),
            "time": np.arange(len(values)) / 10, "descriptor": values,
        }  # fmt: skip
        parts.append((clip, tables.conform(rows, schema)))
    tables.write_part(tables.part_path(folder / "data" / schema.name, "s"), parts, schema)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Five clips, of which e has no pictures."""
    monkeypatch.chdir(tmp_path)
    folds = {"clip_id": list(PARTS), "fold": [0] * 5, "part": list(PARTS.values())}
    tables.write_table(Path("data/folds.parquet"), folds, FOLDS)
    emotions = ["anger", "fear", "anger", "fear", "anger"]
    labels = {"clip_id": list(PARTS), "subject": list(SUBJECTS.values()), "emotion": emotions}
    tables.write_table(Path("data/clips.parquet"), labels, LABELS)
    write_descriptors(tmp_path, "audio", "abcde")
    write_descriptors(tmp_path, "video", "abcd")
    return tmp_path


def encoded(folder, task=None):
    """Run the fold; vectors by modality, one row per clip."""
    folder.mkdir()
    encode_fold(task or TASK, folder)
    table = tables.read_table(folder / "fisher.parquet")
    assert table["clip_id"].tolist() == list(PARTS)
    return {m: tables.vectors(table[m]) for m in ("audio", "video")}


def test_vectors_are_those_of_an_encoder_fitted_on_the_training_clips(project):
    vectors = encoded(project / "fold")
    encoder = FisherEncoder(3, 4, max_descriptors=1000, seed=0, backend="torch")
    encoder.fit([clip_frames(c, "audio") for c in "ab"])
    expected = encoder.encode([clip_frames(c, "audio") for c in "abcde"])
    apart = ((expected[0] - expected[1]) ** 2).sum()  # the training clips; their mean is 2 below
    expected *= np.sqrt(4 / apart)
    np.testing.assert_allclose(vectors["audio"], expected, atol=1e-5)


def test_a_clip_without_a_modality_has_no_vector_there(project):
    vectors = encoded(project / "fold")
    assert np.isnan(vectors["video"][4]).all()
    assert np.isfinite(vectors["video"][:4]).all()


def test_what_validation_and_test_clips_hold_changes_no_training_vector(project):
    before = encoded(project / "before")
    write_descriptors(project, "audio", "abcde", shifted="cde")
    after = encoded(project / "after")
    assert np.array_equal(before["audio"][:2], after["audio"][:2])
    assert not np.array_equal(before["audio"][2:], after["audio"][2:])


def test_the_table_says_what_encoded_it(project):
    encoded(project / "fold")
    facts = pq.read_metadata(project / "fold/fisher.parquet").metadata
    assert facts[b"avlib.backend_audio"] == facts[b"avlib.backend_video"] == b"torch"


def write_whole_clips(project, modality, name=None):
    """A table with a row a clip; returns the rows."""
    values = {c: clip_frames(c, modality)[:1] for c in "abcde"}
    schema = {"audio": AUDIO, "video": VIDEO}[modality]
    parts = [
        (clip, tables.conform({"clip_id": [clip], "frame": [0], "time": [0.0],
                               "descriptor": values[clip]}, schema))
        for clip in "abcde"
    ]  # fmt: skip
    tables.write_part(tables.part_path(project / "data" / (name or modality), "s"), parts, schema)
    return np.concatenate(list(values.values())).astype(float)


def normal_deviates(values, training):
    """By brute force: between the ranks of the training values, which lie evenly from 0 to 1."""
    n = len(training)
    ranks = np.array([
        np.interp(column, np.sort(known), np.linspace(0, 1, n))
        for column, known in zip(values.T, training.T, strict=True)
    ]).T  # fmt: skip
    return norm.ppf(ranks.clip(0.5 / n, 1 - 0.5 / n))


@pytest.mark.parametrize("modality", ["audio", "video"])
def test_whole_clips_become_normal_deviates_of_the_training_clips(project, modality):
    rows = write_whole_clips(project, modality)
    whole = replace(TASK, views=VIEWS | {modality: [view(modality, "clip")]})
    vectors = encoded(project / "fold", whole)[modality]
    expected = normal_deviates(rows, rows[:2])
    # As of Fisher vectors, so that neither modality drowns the other beside it.
    expected /= np.sqrt(expected[:2].var(axis=0).sum())
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_moments_are_means_and_deviations(project):
    vectors = encoded(project / "fold", replace(TASK, pooling=POOLING | {"audio": ["moments"]}))
    rows = [clip_frames(c, "audio").astype(float) for c in "abcde"]
    moments = np.array([np.r_[r.mean(axis=0), r.std(axis=0)] for r in rows])
    expected = normal_deviates(moments, moments[:2])
    expected /= np.sqrt(expected[:2].var(axis=0).sum())
    np.testing.assert_allclose(vectors["audio"], expected, atol=1e-4)


def test_the_way_that_tells_emotions_of_other_subjects_apart_is_chosen(tmp_path, monkeypatch):
    """Emotions differ in a column that the first principal axis, of two other columns, lacks."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    clip_ids = [f"{s}{k}" for s in "pqrstu" for k in range(4)]
    folds = {"clip_id": clip_ids, "fold": [0] * 24, "part": ["train"] * 20 + ["test"] * 4}
    emotions = ["anger", "fear"] * 12
    tables.write_table(Path("data/folds.parquet"), folds, FOLDS)
    labels = {"clip_id": clip_ids, "subject": [c[0] for c in clip_ids], "emotion": emotions}
    tables.write_table(Path("data/clips.parquet"), labels, LABELS)
    parts = []
    for clip, emotion in zip(clip_ids, emotions, strict=True):
        values = np.repeat(rng.normal(size=(40, 1)), 3, axis=1)
        values[:, 2] = rng.normal(size=40) + (2 if emotion == "anger" else 0)
        rows = {"clip_id": [clip] * 40, "frame": np.arange(40), "time": np.arange(40) / 10,
                "descriptor": values.astype(np.float32)}  # fmt: skip
        parts.append((clip, tables.conform(rows, AUDIO)))
    tables.write_part(tables.part_path(Path("data/audio"), "s"), parts, AUDIO)
    ways = {"audio": ["fisher", "moments"], "video": ["fisher"]}
    single = SETTINGS | {"components": [1], "pca_audio": [1]}
    task = FisherTask(0, {"audio": [view("audio")]}, ways, AS_THEY_ARE, single)
    Path("fold").mkdir()
    encode_fold(task, Path("fold"))
    assert tables.read_facts("fold/fisher.parquet")["chosen_audio"] == "audio.own: moments"


def test_views_stand_side_by_side_on_one_scale_and_a_clip_needs_all_of_them(project):
    write_whole_clips(project, "audio", "audio_views/more")
    more = View("audio.more", Path("data/audio_views/more"), "clip")
    both = encoded(project / "both", replace(TASK, views=VIEWS | {"audio": [view("audio"), more]}))
    alone = encoded(project / "alone")["audio"]
    width = alone.shape[1]
    np.testing.assert_array_equal(both["audio"][:, :width], alone)
    for columns in (slice(0, width), slice(width, None)):
        assert both["audio"][:2, columns].var(axis=0).sum() == pytest.approx(1, abs=1e-4)
    facts = tables.read_facts(project / "both/fisher.parquet")
    assert f'["audio.own", {width}], ["audio.more", 6]' in facts["views"]
    short = replace(more, source=Path("data/video"), level="frames")  # clip e has none
    lacking = encoded(project / "lacking", replace(TASK, views={"audio": [view("audio"), short]}))
    assert np.isnan(lacking["audio"][4]).all()
    assert np.isfinite(lacking["audio"][:4]).all()


@pytest.mark.parametrize(("normalise", "counted"), [("transductive", "de"), ("enrolled", "d")])
def test_a_speakers_own_mean_is_taken_off_without_labels(project, normalise, counted):
    folds = {"clip_id": list(PARTS), "fold": [0] * 5,
             "part": ["train", "train", "validation", "enrolment", "test"]}  # fmt: skip
    tables.write_table(Path("data/folds.parquet"), folds, FOLDS)
    speakers = {"normalise": normalise, "enrolled_clips": 1}
    task = replace(TASK, views={"audio": [view("audio")]}, speakers=speakers)
    plain = encoded(project / "plain", replace(task, speakers=AS_THEY_ARE))["audio"]
    vectors = encoded(project / "fold", task)["audio"]
    rows = ["abcde".index(clip) for clip in counted]
    expected = plain[3:] - plain[rows].mean(axis=0)
    np.testing.assert_allclose(vectors[3:], expected * ratio(vectors[3:], expected), atol=1e-5)
    before = vectors[3:].copy()
    labels = tables.read_table("data/clips.parquet")
    labels.loc[3:, "emotion"] = "disgust"
    tables.write_table(Path("data/clips.parquet"), labels, LABELS)
    np.testing.assert_array_equal(encoded(project / "other", task)["audio"][3:], before)


def ratio(found, expected):
    return np.linalg.norm(found) / max(np.linalg.norm(expected), 1e-12)


def test_without_normalisation_no_test_clip_changes_another(project):
    before = encoded(project / "before")["audio"]
    write_descriptors(project, "audio", "abcde", shifted="e")
    after = encoded(project / "after")["audio"]
    np.testing.assert_array_equal(before[:4], after[:4])


def test_saved_encoders_give_the_vectors_of_the_table(project):
    speakers = {"normalise": "transductive", "enrolled_clips": 1}
    task = replace(TASK, speakers=speakers, pooling=POOLING | {"audio": ["both"]})
    vectors = encoded(project / "fold", task)["audio"]
    encoders = load_encoders(project / "fold/encoders/audio.npz", "torch")
    assert list(encoders) == ["audio.own"]
    again = encoders["audio.own"].encode(
        [clip_frames(c, "audio") for c in "abcde"], np.array(list(SUBJECTS.values()))
    )
    np.testing.assert_allclose(again, vectors, atol=1e-5)


def test_rows_of_frames_must_be_pooled(project):
    with pytest.raises(ParamsError, match=r"pooling\.audio names none.*frames"):
        encoded(project / "fold", replace(TASK, pooling=POOLING | {"audio": ["none"]}))


def test_a_fold_with_nothing_to_learn_from_is_an_error(project):
    for name in ("audio", "video"):
        for part in (project / "data" / name).iterdir():
            part.unlink()
    with pytest.raises(DataError, match="none of the 2 training clips has audio or video"):
        encoded(project / "fold")


def test_a_view_that_no_training_clip_has_is_named(project):
    write_descriptors(project, "audio", "cde")
    (project / "data/more").mkdir()
    for part in (project / "data/audio").iterdir():
        part.rename(project / "data/more" / part.name)
    write_descriptors(project, "audio", "abcde")
    more = replace(view("audio"), name="audio.more", source=Path("data/more"))
    with pytest.raises(DataError, match=r"view audio\.more describes none of the 2 training clips"):
        encoded(project / "fold", replace(TASK, views={"audio": [view("audio"), more]}))


def test_a_speaker_whose_mean_is_not_known_has_no_vectors(project, caplog):
    silent, heard = sorted("de", key=name_digest)  # the first is the one that is drawn
    parts = PARTS | {silent: "enrolment", heard: "test"}
    folds = {"clip_id": list(parts), "fold": [0] * 5, "part": list(parts.values())}
    tables.write_table(Path("data/folds.parquet"), folds, FOLDS)
    write_descriptors(project, "audio", "abc" + heard)
    speakers = {"normalise": "enrolled", "enrolled_clips": 1}
    task = replace(TASK, views={"audio": [view("audio")]}, speakers=speakers)
    vectors = encoded(project / "fold", task)["audio"]
    assert np.isnan(vectors[3:]).all()
    assert np.isfinite(vectors[:3]).all()
    assert "1 clips of s4 left out" in caplog.text


def test_enrolled_means_are_not_of_clips_to_score(project):
    """Under stratified_kfold a speaker trains and is tested: the drawn clip may be a tested one."""
    labels = tables.read_table("data/clips.parquet").assign(subject="s")
    tables.write_table(Path("data/clips.parquet"), labels, LABELS)
    speakers = {"normalise": "enrolled", "enrolled_clips": 5}
    task = replace(TASK, views={"audio": [view("audio")]}, speakers=speakers)
    before = encoded(project / "before", task)["audio"]
    write_descriptors(project, "audio", "abcde", shifted="e")
    np.testing.assert_array_equal(encoded(project / "after", task)["audio"][:4], before[:4])


def test_test_clips_do_not_judge_ways_of_pooling(project, monkeypatch):
    judges = []

    def spied(vectors, emotions, subjects):
        judges.append((list(emotions), list(subjects)))
        return 0.0

    monkeypatch.setattr("avlib.fisher.pooling.held_out_accuracy", spied)
    encoded(project / "fold", replace(TASK, pooling=POOLING | {"audio": ["fisher", "moments"]}))
    assert judges == [(["anger", "fear", "anger"], ["s1", "s2", "s3"])] * 2


def test_people_judge_what_was_learned_from_others():
    """Vectors tell who shows what, and nothing that two people share."""
    n = 6
    subjects = np.repeat([f"s{i}" for i in range(n)], 8)
    emotions = np.tile(np.repeat(["anger", "fear"], 4), n)
    own = np.unique(np.char.add(subjects, emotions), return_inverse=True)[1]
    assert held_out_accuracy(np.eye(2 * n)[own], emotions, subjects) <= 0.5
    assert held_out_accuracy(np.eye(2 * n)[own], emotions, np.arange(len(own)).astype(str)) == 1


def test_a_way_that_cannot_be_fitted_loses_and_is_an_error_alone(project, caplog):
    impossible = SETTINGS | {"components": [500, 3]}
    encoded(project / "fold", replace(TASK, settings=impossible))
    assert "fisher K=500" in caplog.text
    assert "K=3" in tables.read_facts(project / "fold/fisher.parquet")["chosen_audio"]
    with pytest.raises(DataError, match="mixture of 600"):
        encoded(project / "none", replace(TASK, settings=SETTINGS | {"components": [500, 600]}))


def test_both_ways_side_by_side_are_half_each():
    rows = [np.random.default_rng(i).normal(size=(20, 3)) for i in range(8)]
    settings = {"n_components": 2, "pca_dim": None}
    both = Pooling("both", "torch", **settings).fit(lambda: iter(rows), len(rows)).encode(rows)
    for name, columns in (("fisher", slice(0, 12)), ("moments", slice(12, None))):
        alone = Pooling(name, "torch", **settings).fit(lambda: iter(rows), len(rows)).encode(rows)
        np.testing.assert_allclose(both[:, columns] * np.sqrt(2), alone, atol=1e-6)


def test_clips_that_only_help_to_train_have_no_vectors_and_no_say(project):
    before = encoded(project / "before")
    more = list(PARTS | {"f": "auxiliary"})
    folds = {"clip_id": more, "fold": [0] * 6, "part": [*PARTS.values(), "auxiliary"]}
    tables.write_table(Path("data/folds.parquet"), folds, FOLDS)
    labels = tables.read_table("data/clips.parquet")
    labels.loc[5] = {"clip_id": "f", "subject": "s6", "emotion": "anger"}
    tables.write_table(Path("data/clips.parquet"), labels, LABELS)
    write_descriptors(project, "audio", more)
    after = encoded(project / "after")
    np.testing.assert_array_equal(after["audio"], before["audio"])
