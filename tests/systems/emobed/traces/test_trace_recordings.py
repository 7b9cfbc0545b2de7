"""From the tables of frames and continuous labels to sequences, and a whole fold."""

import json

import numpy as np
import pandas as pd
import pytest
from trace_recordings import SETTINGS

from avlib.corpora.common.avec import read_frames
from avlib.corpora.common.tables import CLIPS, TRACES
from avlib.descriptors.tables import AUDIO, VIDEO
from avlib.params import load
from avlib.protocols import FOLDS
from avlib.registry import system
from avlib.runtime import tables
from avlib.runtime.errors import DataError
from avlib.systems.common.recipe import FoldTask
from avlib.systems.emobed.tables import SHARED_FILE
from avlib.systems.emobed.traces.recordings import TraceRecordings, read_recordings
from avlib.systems.emobed.traces.train_fold import train_trace_fold

SECONDS = 1.2
PARAMS = load(("corpus", "modalities", "traces"))
RUN = {"video": ["appearance"], "window": 0.2, "epochs": 1} | {
    name: value for name, value in SETTINGS.items() if name not in ("step", "epochs")
}
PARTS = {"a": "train", "b": "train", "c": "validation", "d": "test"}


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """Tables of eight recordings of four people: sound 100, face 12.5 times a second."""
    monkeypatch.chdir(tmp_path)
    rng, keys, traces = np.random.default_rng(0), [], []
    for person, part in PARTS.items():
        frames = {"audio": [], "video": []}
        for take in range(2):
            name = f"{person}{take}"
            keys.append((name, person, part))
            times = np.arange(round(SECONDS / 0.04)) * 0.04
            felt = np.sin(2 * times + rng.uniform(0, 6))
            traces.append(pd.DataFrame({"clip_id": name, "frame": range(len(times)),
                "time": times, "arousal": felt, "valence": -felt}))  # fmt: skip
            for table, rate in (("audio", 100), ("video", 12.5)):
                at = np.arange(round(SECONDS * rate)) / rate
                values = np.stack([np.interp(at, times, felt), rng.normal(size=len(at))], axis=1)
                rows = {"clip_id": [name] * len(at), "frame": range(len(at)), "time": at,
                        "descriptor": values.astype(np.float32)}  # fmt: skip
                frames[table].append(pd.DataFrame({**rows, "descriptor": list(values)}))
        for table, found in frames.items():
            path = tables.part_path(f"data/{table}", person)
            tables.write_table(path, pd.concat(found), {"audio": AUDIO, "video": VIDEO}[table])
    clips = pd.DataFrame(keys, columns=["clip_id", "subject", "part"]).assign(fold=0)
    tables.write_table("data/folds.parquet", clips[["clip_id", "fold", "part"]], FOLDS)
    tables.write_table("data/traces.parquet", pd.concat(traces), TRACES)
    unknown = [c for c in CLIPS.columns if c not in clips]
    full = clips.assign(**dict.fromkeys(unknown)).assign(corpus="x", duration=SECONDS)
    full["sha256"] = full["clip_id"]
    tables.write_table("data/clips.parquet", full.drop(columns=["part", "fold"]), CLIPS)
    return pd.concat(traces)


def read(traces, window=0.2, video="appearance", seconds=SECONDS):
    durations = pd.Series(seconds, index=traces["clip_id"].unique())
    source = TraceRecordings((("audio", "audio"), ("video", video)), window)
    return read_recordings(source, traces, durations)


def test_features_are_those_of_the_window_around_each_label(corpus):
    recordings, step = read(corpus)
    assert step == pytest.approx(0.04)
    assert [r.clip_id for r in recordings] == sorted(corpus["clip_id"].unique())
    frames = tables.read_table("data/audio").query("clip_id == 'b1'")
    times, values = frames["time"].to_numpy(), tables.vectors(frames["descriptor"])
    found = recordings[3].features["audio"]
    for moment in (0, 7, 29):
        near = values[np.abs(times - 0.04 * moment) <= 0.1 + 1e-9].astype(float)
        expected = np.concatenate([near.mean(axis=0), near.std(axis=0)])
        assert found[moment] == pytest.approx(expected, abs=1e-5)


def test_moments_between_rare_frames_are_told_apart(corpus):
    found = read(corpus, window=0.01)[0][0].features["video"]
    assert np.isfinite(found).all(axis=1).tolist() == [moment % 2 == 0 for moment in range(30)]


def test_features_and_labels_of_slightly_unequal_length_are_cut_at_the_end(corpus):
    longer = read(corpus, seconds=SECONDS + 0.2)[0]
    assert {len(r.labels) for r in longer} == {30}
    shorter = read(corpus, seconds=SECONDS - 0.2)[0]
    assert {len(r.labels) for r in shorter} == {25}
    assert {len(r.features[m]) for r in shorter for m in r.features} == {25}


def test_a_recording_of_unknown_length_is_as_long_as_its_labels(corpus):
    assert {len(r.features["audio"]) for r in read(corpus, seconds=np.nan)[0]} == {30}


def test_labels_of_another_length_than_the_recording_are_an_error(corpus):
    with pytest.raises(DataError, match=r"a0: 75 frames of features and 30 of labels"):
        read(corpus, seconds=3.0)


def test_labels_that_are_not_evenly_spaced_are_an_error(corpus):
    late = corpus.assign(time=corpus["time"] + 0.04 * (corpus["clip_id"] == "c0"))
    with pytest.raises(DataError, match=r"c0: 30 labels from 0.04 to 1.2 s; expected one every"):
        read(late)


def test_labels_of_a_single_moment_are_an_error_that_says_so(corpus):
    with pytest.raises(DataError, match="none of the 8 recordings has two labels"):
        read(corpus.groupby("clip_id").head(1))


def test_a_recording_without_frames_of_a_modality_lacks_it(corpus):
    tables.part_path("data/video", "a").unlink()
    recordings = read(corpus)[0]
    assert [set(r.features) for r in recordings[:3]] == [{"audio"}, {"audio"}, {"audio", "video"}]


def run_fold(folder, *models, **changes):
    """Train models for one epoch; return what they predict."""
    changed = PARAMS.traces.model_copy(update=RUN | changes)
    params = PARAMS.model_copy(update={"traces": changed})
    traces, rows = system("traces"), []
    for model in models or traces.wanted(params):
        recipe = traces.recipe(model, params)
        out = folder / model / "fold-0"  # as run_per_fold lays it out
        out.mkdir(parents=True)
        inputs = tuple(recipe.source.inputs())
        task = FoldTask(0, recipe, ("audio", "video"), inputs, traces.tables)
        train_trace_fold(task, out)
        rows.append(tables.read_table(out / "predicted_traces.parquet"))
    return pd.concat(rows)


SCENARIOS = {
    **dict.fromkeys(("svr", "emobed_classic"), ("appearance", "audio")),
    **dict.fromkeys(
        ("emobed_joint", "emobed_triplet", "emobed"), ("appearance+audio", "audio+appearance")
    ),
}


def test_a_fold_predicts_every_moment_by_each_system_in_each_scenario(corpus, tmp_path):
    rows = run_fold(tmp_path / "out")
    assert set(zip(rows["clip_id"], rows["part"], strict=True)) == {
        ("c0", "validation"), ("c1", "validation"), ("d0", "test"), ("d1", "test"),
    }  # fmt: skip
    assert rows.groupby(["model", "scenario"]).size().to_dict() == {
        (name, scenario): 120 for name, scenarios in SCENARIOS.items() for scenario in scenarios
    }
    model = tmp_path / "out/emobed-appearance+audio/fold-0/model"
    facts = json.loads((model / "settings.json").read_text())
    assert set(facts["chosen"]["postprocessing"]) == {"arousal", "valence"}
    assert not (model / "submission").exists()


def test_each_dimension_may_have_a_model_of_its_own(corpus, tmp_path):
    for model in ("emobed-audio+appearance", "svr-audio"):
        rows = run_fold(tmp_path / "apart", model, dimensions="apart")
        pd.testing.assert_frame_equal(
            rows[["clip_id", "frame"]],
            run_fold(tmp_path / "together", model)[["clip_id", "frame"]],
        )
        values = rows[["arousal", "valence", "arousal_raw", "valence_raw"]]
        assert np.isfinite(values.to_numpy()).all()
        for dimension in ("arousal", "valence"):
            place = tmp_path / "apart" / model / "fold-0/model" / dimension / "settings.json"
            settings = json.loads(place.read_text())
            assert settings["arguments"]["dimensions"] == [dimension]
            assert set(settings["chosen"]["postprocessing"]) == {dimension}
    # What one dimension's labels are is nothing to the model of the other one.
    one = run_fold(tmp_path / "one", "emobed_classic-audio", dimensions="apart")
    tables.write_table("data/traces.parquet", corpus.assign(valence=corpus["time"]), TRACES)
    two = run_fold(tmp_path / "two", "emobed_classic-audio", dimensions="apart")
    assert one["arousal"].equals(two["arousal"])
    assert not np.allclose(one["valence"], two["valence"])


def test_both_descriptions_of_faces_make_the_papers_four_scenarios():
    params = PARAMS.model_copy(
        update={"traces": PARAMS.traces.model_copy(update={"video": ["geometry", "appearance"]})}
    )
    wanted = system("traces").wanted(params)
    assert {m.partition("-")[2] for m in wanted if m.startswith("emobed-")} == {
        "audio+geometry", "geometry+audio", "audio+appearance", "appearance+audio",
    }  # fmt: skip
    sources = {m: system("traces").recipe(m, params).source.kinds for m in wanted}
    assert sources["emobed-audio+appearance"] == (("audio", "audio"), ("video", "appearance"))
    assert sources["emobed_classic-geometry"] == (("audio", "audio"), ("video", "geometry"))
    alone = params.model_copy(update={"modalities": ["video"]})
    assert set(system("traces").wanted(alone)) == {
        f"{name}-{features}"
        for name in ("svr", "emobed_classic")
        for features in ("geometry", "appearance")
    }


def test_test_recordings_whose_labels_are_kept_are_predicted_for_handing_in(corpus, tmp_path):
    known = run_fold(tmp_path / "one", "emobed_classic-audio")
    kept = corpus[~corpus["clip_id"].str.startswith("d")]
    tables.write_table("data/traces.parquet", kept, TRACES)
    rows = run_fold(tmp_path / "two", "emobed_classic-audio")
    pd.testing.assert_frame_equal(rows, known)
    folder = tmp_path / "two/emobed_classic-audio/fold-0/model/submission"
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.arff"))
    assert files == [f"{d}/{clip}.arff" for d in ("arousal", "valence") for clip in ("d0", "d1")]
    written = read_frames(folder / "valence/d1.arff")
    own = rows[rows["clip_id"] == "d1"].sort_values("frame")
    np.testing.assert_allclose(written["Prediction"], own["valence"], atol=1e-6)
    np.testing.assert_allclose(written["time"], 0.04 * own["frame"])


def test_labels_of_test_recordings_change_neither_models_nor_post_processing(corpus, tmp_path):
    run_fold(tmp_path / "one")
    test = corpus["clip_id"].str.startswith("d")
    wrong = corpus.assign(arousal=np.where(test, 0.9, corpus["arousal"]))
    tables.write_table("data/traces.parquet", wrong, TRACES)
    run_fold(tmp_path / "two")
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len([file for file in files if file.name == "settings.json"]) == 10
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_labels_of_validation_recordings_choose_the_post_processing(corpus, tmp_path):
    one = run_fold(tmp_path / "one", "emobed-audio+appearance")
    held = corpus["clip_id"].str.startswith("c")
    scaled = corpus.assign(arousal=np.where(held, 0.3 * corpus["arousal"] + 0.5, corpus["arousal"]))
    tables.write_table("data/traces.parquet", scaled, TRACES)
    two = run_fold(tmp_path / "two", "emobed-audio+appearance")
    assert not np.allclose(one["arousal"], two["arousal"])


def test_a_corpus_with_one_modality_gets_the_classic_system_of_it(corpus, tmp_path):
    for person in PARTS:
        tables.part_path("data/video", person).unlink()
    rows = run_fold(tmp_path / "out")
    assert set(zip(rows["model"], rows["scenario"], strict=True)) == {
        ("emobed_classic", "audio"), ("svr", "audio"),
    }  # fmt: skip


def test_each_seed_is_trained_and_the_first_is_what_it_is_alone(corpus, tmp_path):
    alone = run_fold(tmp_path / "one", "emobed_classic-audio")
    rows = run_fold(tmp_path / "two", "emobed_classic-audio", seeds=2)
    first, second = (rows[rows["seed"] == seed].reset_index(drop=True) for seed in range(2))
    pd.testing.assert_frame_equal(first, alone)
    assert len(second) == len(alone)
    assert not np.allclose(second["arousal_raw"], alone["arousal_raw"])
    own = run_fold(tmp_path / "three", "emobed_classic-audio", seed=1)
    pd.testing.assert_frame_equal(second.drop(columns="seed"), own.drop(columns="seed"))
    model = tmp_path / "two/emobed_classic-audio/fold-0/model"
    settings = json.loads((model / "seed_1/settings.json").read_text())
    assert settings["arguments"]["seed"] == 1


@pytest.mark.parametrize("dimensions", ["together", "apart"])
def test_joint_networks_are_kept_on_request_with_moments_in_them(corpus, tmp_path, dimensions):
    model = "emobed-audio+appearance"
    before = run_fold(tmp_path / "without", model, seeds=2, dimensions=dimensions)
    with_joint = {"seeds": 2, "dimensions": dimensions, "keep_joint": True}
    pd.testing.assert_frame_equal(run_fold(tmp_path / "kept", model, **with_joint), before)
    folder = tmp_path / "kept" / model / "fold-0/model"
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*shared*"))
    own = ["arousal/", "valence/"] if dimensions == "apart" else [""]
    assert found == [f"{name}{SHARED_FILE}" for name in own]
    rows = tables.read_table(folder / found[0])
    assert set(rows["clip_id"]) == {"d0", "d1"}
    assert set(rows["part"]) == {"test"}
    # 30 moments less the annotators' delay of 5.
    assert rows.groupby("modality").size().to_dict() == {"audio": 50, "video": 50}
    assert rows["arousal"].notna().all()
    assert rows["valence"].isna().all() == (dimensions == "apart")
