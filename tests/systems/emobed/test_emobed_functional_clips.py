import numpy as np
import pandas as pd
import pytest

from avlib.corpora.common.tables import CLIPS
from avlib.descriptors.tables import AUDIO, VIDEO
from avlib.protocols import FOLDS
from avlib.runtime import tables
from avlib.systems.common.fold_clips import read_fold
from avlib.systems.common.recipe import FoldTask, Recipe
from avlib.systems.common.tables import PREDICTIONS
from avlib.systems.common.train_fold import train_fold
from avlib.systems.emobed.functional_clips import FrameFunctionals, clip_functionals
from avlib.systems.emobed.model import EmoBedModel
from avlib.systems.emobed.params import PAPER
from avlib.systems.emobed.seeds import train_seeds
from avlib.systems.emobed.tables import SHARED_FILE

EMOTIONS, SUBJECTS = ("anger", "calm"), 6
SETTINGS = PAPER | {
    "recipe": "paper",
    "system": "emobed",
    "window": 0.4,
    "step": 0.2,
    "hidden": 6,
    "layers": 1,
    "alpha": 0.5,
    "beta_audio": 0.3,
    "beta_video": 0.8,
    "margin": 1.0,
    "batch_size": 8,
    "learning_rate": 0.02,
    "weight_decay": 1e-4,
    "epochs": 12,
    "patience": None,
    "seed": 0,
}


def frames(seed, level, n, rate, d):
    values = level + np.random.default_rng(seed).normal(size=(n, d))
    return np.arange(n) / rate, values.astype(np.float32)


def read():
    return read_fold(FrameFunctionals(0.4, 0.2), 0, [])


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Tables of one fold: a clip has no face, one no sound, one no frame that is a number."""
    monkeypatch.chdir(tmp_path)
    rows, described = [], {"audio": {}, "video": {}}
    for s in range(SUBJECTS):
        part = "train" if s < 3 else "validation" if s == 3 else "test"
        for take, emotion in enumerate(EMOTIONS * 3):
            clip = f"S{s}-{take}"
            rows.append((clip, f"S{s}", emotion, part))
            level = 3.0 * EMOTIONS.index(emotion)
            described["audio"][clip] = frames((s, take), level, 60, 50.0, 3)
            described["video"][clip] = frames((s, take), -level, 8, 10.0, 4)
    nothing = np.zeros(0), np.zeros((0, 4), np.float32)
    described["video"]["S0-0"] = nothing
    del described["audio"]["S5-1"]
    described["audio"]["S5-2"][1][:] = np.nan
    frame = pd.DataFrame(rows, columns=["clip_id", "subject", "emotion", "part"]).assign(fold=0)
    unknown = [c for c in CLIPS.columns if c not in frame]
    clips = frame.assign(**dict.fromkeys(unknown)).assign(corpus="x", sha256="x")
    tables.write_table("data/clips.parquet", clips.drop(columns=["part", "fold"]), CLIPS)
    tables.write_table("data/folds.parquet", frame[["clip_id", "fold", "part"]], FOLDS)
    write(described)
    return described


SCHEMAS = {"audio": AUDIO, "video": VIDEO}


def write(described):
    for table, of in described.items():
        for s in range(SUBJECTS):
            mine = {clip: rows for clip, rows in sorted(of.items()) if clip.startswith(f"S{s}-")}
            conformed = (
                (
                    clip,
                    tables.conform(
                        {
                            "clip_id": [clip] * len(times),
                            "frame": np.arange(len(times)),
                            "time": times,
                            "descriptor": values,
                        },
                        SCHEMAS[table],
                    )
                    if len(times)
                    else tables.no_rows(SCHEMAS[table]),
                )
                for clip, (times, values) in mine.items()
            )
            tables.write_part(tables.part_path(f"data/{table}", f"S{s}"), conformed, SCHEMAS[table])


def test_a_step_describes_the_frames_of_its_window(project):
    emotions, parts = read()
    assert emotions == ["anger", "calm"]
    test = parts["test"]
    assert test.clip_id.tolist() == [f"S{s}-{take}" for s in (4, 5) for take in range(6)]
    times, values = project["audio"]["S4-3"]
    found = test.sequences["audio"][3]
    moments = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]  # the last frame is at 1.18 s
    assert found.shape == (7, 6)
    assert found.dtype == np.float32
    for row, at in zip(found, moments, strict=True):
        inside = values[np.abs(times - at) < 0.2 + 1e-6].astype(float)
        np.testing.assert_allclose(row, [*inside.mean(0), *inside.std(0)], rtol=1e-4, atol=1e-5)


def test_tables_that_were_written_anew_are_read_anew(project):
    before = read()[1]["test"].sequences["audio"][3]
    again = read()[1]["test"].sequences["audio"][3]
    assert again is before
    times, values = project["audio"]["S4-3"]
    project["audio"]["S4-3"] = times, values + 1
    write(project)
    after = read()[1]["test"].sequences["audio"][3]
    np.testing.assert_allclose(after[:, :3], before[:, :3] + 1, rtol=1e-4, atol=1e-5)


def test_a_clip_without_frames_that_are_numbers_lacks_the_modality(project):
    _, parts = read()
    train, test = parts["train"], parts["test"]
    assert train.clip_id[~train.present["video"]].tolist() == ["S0-0"]
    assert train.present["audio"].all()
    assert test.clip_id[~test.present["audio"]].tolist() == ["S5-1", "S5-2"]
    assert test.present["video"].all()


def test_the_inputs_are_the_parts_of_both_tables(project):
    names = [path.as_posix() for path in FrameFunctionals(0.4, 0.2).inputs()]
    assert names == [f"data/{t}/S{s}.parquet" for t in ("audio", "video") for s in range(SUBJECTS)]


def test_a_clip_shorter_than_the_window_is_described_by_what_it_has():
    times, values = frames(0, 0.0, 4, 10.0, 2)
    found = clip_functionals(times, values, window=8.0, step=0.1)
    whole = np.concatenate([values.mean(0), values.std(0)])
    np.testing.assert_allclose(found, np.tile(whole, (4, 1)), rtol=1e-5, atol=1e-6)
    one = clip_functionals(times[:1], values[:1], window=8.0, step=0.1)
    np.testing.assert_allclose(one, [[*values[0], 0, 0]], rtol=1e-6, atol=1e-6)


def test_a_step_longer_than_the_clip_makes_one_vector_of_it():
    times, values = frames(0, 0.0, 40, 10.0, 2)
    found = clip_functionals(times, values, window=120.0, step=60.0)
    np.testing.assert_allclose(found, [[*values.mean(0), *values.std(0)]], rtol=1e-5, atol=1e-6)


def test_frames_that_are_not_numbers_and_windows_without_frames_are_left_out():
    times, values = frames(0, 0.0, 40, 10.0, 2)
    lost = values.copy()
    lost[10:30, 1] = np.inf  # from 1.0 to 2.9 s
    found = clip_functionals(times, lost, window=0.4, step=0.5)
    left = np.r_[0:10, 30:40]
    expected = clip_functionals(times[left], values[left], window=0.4, step=0.5)
    np.testing.assert_array_equal(found, expected)
    # 0, 0.5, 1.0 (from frames before it), 3.0, 3.5, 4.0 s (the last frame is at 3.9 s)
    assert len(found) == 6
    assert np.isfinite(found).all()
    assert clip_functionals(times, np.full_like(values, np.nan), 0.4, 0.5).shape == (0, 4)


def trained(tmp_path, name, **changes):
    out = tmp_path / name / "fold-0"  # beside it stand checkpoints, from which another would go on
    out.mkdir(parents=True)
    source = FrameFunctionals(0.4, 0.2)
    recipe = Recipe("emobed", EmoBedModel, settings=SETTINGS | changes, source=source)
    train_fold(FoldTask(0, recipe, ("audio", "video"), (), (PREDICTIONS,)), out)
    return out, {path.name: path.read_bytes() for path in (out / "model").iterdir()}


def test_a_fold_predicts_every_test_clip_from_what_it_has(project, tmp_path):
    out, _ = trained(tmp_path, "out")
    rows = tables.read_table(out / "predictions.parquet")
    default = rows[rows["condition"] == "default"].set_index("clip_id")
    assert len(default) == 12
    assert default.loc[["S5-1", "S5-2", "S5-3"], "modalities"].tolist() == [
        "video",
        "video",
        "audio+video",
    ]
    assert (rows["condition"] == "audio").sum() == 10
    assert (rows["predicted"] == rows["emotion"]).mean() > 0.9
    embedded = tables.read_table(out / "embeddings.parquet").set_index("clip_id")
    assert embedded.index[embedded["audio"].isna()].tolist() == ["S5-1", "S5-2"]
    assert embedded["video"].notna().all()


def test_test_clips_have_no_say_in_the_model(project, tmp_path):
    _, first = trained(tmp_path, "first")
    for of in project.values():
        for clip, (times, values) in of.items():
            if clip.startswith(("S4-", "S5-")):
                of[clip] = times, 100 * values + 7
    write(project)
    _, second = trained(tmp_path, "second")
    assert first == second


def test_without_a_window_a_clip_is_the_mean_of_its_rows():
    times, values = frames(0, 2.0, 30, 25.0, 5)
    values[3] = np.nan  # no face
    found = clip_functionals(times, values, None, 0.2)
    assert found.shape == (1, 5)
    np.testing.assert_allclose(found[0], np.nanmean(values.astype(float), axis=0), rtol=1e-6)
    one = clip_functionals(times[:1], values[:1], None, 0.2)  # functionals of the whole clip
    np.testing.assert_array_equal(one, values[:1])
    assert clip_functionals(times[3:4], values[3:4], None, 0.2).shape == (0, 5)


def test_a_fold_is_trained_on_the_means_of_whole_clips(project, tmp_path):
    source = FrameFunctionals(None, 0.2)
    recipe = Recipe("emobed", EmoBedModel, settings=SETTINGS | {"window": None}, source=source)
    task = FoldTask(0, recipe, ("audio", "video"), tuple(source.inputs()), (PREDICTIONS,))
    (tmp_path / "out").mkdir()
    train_fold(task, tmp_path / "out")
    rows = tables.read_table(tmp_path / "out/predictions.parquet")
    whole = rows[rows["condition"] == "default"]
    assert (whole["predicted"] == whole["emotion"]).mean() > 0.9
    assert EmoBedModel.load(tmp_path / "out/model").standardisers_["video"].mean.shape == (4,)


def test_further_seeds_predict_too_and_the_first_is_what_it_is_alone(project, tmp_path):
    _, alone = trained(tmp_path, "alone")
    out = tmp_path / "two" / "fold-0"
    out.mkdir(parents=True)
    settings = SETTINGS | {"seeds": 2, "epochs": 2}
    recipe = Recipe("emobed", EmoBedModel, settings=settings, source=FrameFunctionals(0.4, 0.2))
    train_seeds(FoldTask(0, recipe, ("audio", "video"), (), (PREDICTIONS,)), out)
    trained(tmp_path, "single", epochs=2, seed=1)
    _, first = trained(tmp_path, "first", epochs=2)
    kept = {path.name: path.read_bytes() for path in (out / "model").iterdir()}
    further = kept.pop("seeds.parquet")
    assert kept == first != alone
    rows = tables.read_table(out / "model/seeds.parquet")
    assert set(rows["seed"]) == {1}
    own = tables.read_table(tmp_path / "single/fold-0/predictions.parquet")
    pd.testing.assert_frame_equal(rows.drop(columns="seed"), own)
    assert further
    assert {path.name for path in out.iterdir()} == {
        "model", "predictions.parquet", "embeddings.parquet",
    }  # fmt: skip


def test_the_first_seeds_joint_networks_are_kept_with_the_test_clips_in_them(project, tmp_path):
    _, without = trained(tmp_path, "without", epochs=2)
    out = tmp_path / "kept" / "fold-0"
    out.mkdir(parents=True)
    settings = SETTINGS | {"seeds": 2, "epochs": 2, "keep_joint": True}
    recipe = Recipe("emobed", EmoBedModel, settings=settings, source=FrameFunctionals(0.4, 0.2))
    train_seeds(FoldTask(0, recipe, ("audio", "video"), (), (PREDICTIONS,)), out)
    kept = {path.name: path.read_bytes() for path in (out / "model").iterdir()}
    assert set(kept) - set(without) == {
        "joint_audio.safetensors", "joint_video.safetensors", SHARED_FILE, "seeds.parquet",
    }  # fmt: skip
    assert {name for name in without if kept[name] != without[name]} == {"settings.json"}
    assert (out / "predictions.parquet").read_bytes() == (
        tmp_path / "without/fold-0/predictions.parquet"
    ).read_bytes()
    rows = tables.read_table(out / "model" / SHARED_FILE)
    # Of twelve test clips two say nothing.
    assert rows.groupby(["target", "modality"]).size().tolist() == [10, 12, 10, 12]
    own = rows[(rows["target"] == "video") & (rows["modality"] == "video")]
    stored = tables.read_table(out / "embeddings.parquet")
    np.testing.assert_array_equal(tables.vectors(own["embedding"]), tables.vectors(stored["video"]))
