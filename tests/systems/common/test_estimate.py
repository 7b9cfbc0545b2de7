from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from avlib.params import Params, load
from avlib.registry import SYSTEMS, system
from avlib.runtime.errors import DataError
from avlib.systems.avef import inference
from avlib.systems.avef.segments import cut_segments
from avlib.systems.common import estimate
from avlib.systems.common import rehearsal as module
from avlib.systems.common.estimate import Corpus, Cost, require_room, spell, stage_cost
from avlib.systems.common.rehearsal import FoldCost, noise_clips, rehearse_fold
from avlib.systems.common.trained_weights import Frozen
from avlib.systems.gating.i3d import I3D
from avlib.systems.gating.soundnet import SoundNet8

DEEP = [name for name in SYSTEMS if system(name).deep and name != "traces"]
CORPUS = Corpus(60, 1.5, 3, 30.0, 10.0, 3, ("audio", "video"))


@pytest.fixture
def params():
    return load(tuple(Params.model_fields))


def changed(params, name, **values):
    section = getattr(params, name).model_copy(update=values)
    return params.model_copy(update={name: section})


def task_of(name, params, corpus=CORPUS):
    found = system(name)
    return found.rehearsal(found.recipe(next(iter(found.models)), params), corpus)


def test_corpus_counts_the_clips_of_the_folds_alone():
    clips = pd.DataFrame(
        {
            "clip_id": ["a", "b", "c", "d"],
            "emotion": ["x", "y", "x", "z"],
            "duration": [1.0, 2.0, 3.0, 50.0],
            "audio_path": ["a", "b", "c", "d"],
            "video_path": [None] * 4,
        }
    )
    parts = {"clip_id": list("abcabc"), "fold": [0, 0, 0, 1, 1, 1]}
    parts["part"] = ["train", "train", "test", "train", "validation", "test"]
    found = Corpus.of_tables(clips, pd.DataFrame(parts), ["audio", "video"])
    assert found == Corpus(3, 2.0, 2, 1.5, 0.5, 2, ("audio",))


def test_of_streams_the_sound_alone_takes_room():
    assert estimate.sound_bytes(16000, CORPUS) == 60 * 1.5 * 2 * 16000
    seen = Corpus(60, 1.5, 3, 30.0, 10.0, 3, ("video",))
    assert estimate.sound_bytes(16000, seen) == 0


def test_sound_that_is_decoded_is_not_counted_again(params, tmp_path, monkeypatch):
    from avlib.systems.common import stream_cache

    monkeypatch.setattr(stream_cache, "FOLDER", tmp_path)
    recipe = task_of("temporal_aggregation", params).recipe
    whole = estimate.missing_sound(recipe, CORPUS)
    assert whole == estimate.sound_bytes(16000, CORPUS)
    (tmp_path / "16000Hz").mkdir()
    (tmp_path / "16000Hz" / "some.sound").write_bytes(bytes(1000))
    assert estimate.missing_sound(recipe, CORPUS) == whole - 1000


@pytest.mark.parametrize("name", DEEP)
def test_costs_grow_with_clips_and_epochs(name, params, monkeypatch):
    monkeypatch.setattr(module, "TRIALS", ((6, 0.7),))
    if name != "cnn":
        params = changed(params, name, recipe="modern")
    if name == "gating":
        params = changed(params, name, weights="none")

    def of_epochs(n):
        return changed(params, "cnn" if name == "cnn" else "modern", epochs=n)

    one = rehearse_fold(task_of(name, of_epochs(2)))
    twice = Corpus(120, 1.5, 3, 60.0, 20.0, 3, ("audio", "video"))
    assert rehearse_fold(task_of(name, of_epochs(2), twice)).operations == pytest.approx(
        2 * one.operations
    )
    longer = rehearse_fold(task_of(name, of_epochs(6)))
    assert longer.operations == pytest.approx(3 * one.operations)


def test_networks_that_are_wholly_frozen_are_counted_once(params, monkeypatch):
    monkeypatch.setattr(module, "TRIALS", ((6, 1.5),))
    streamed = {"recipe": "modern", "audio": "soundnet", "video": "i3d"}
    params = changed(params, "gating", **streamed, frozen=Frozen(audio=7, video=12))
    found = []
    for epochs in (2, 6):
        modern = params.modern.model_copy(update={"epochs": epochs})
        task = task_of("gating", params.model_copy(update={"modern": modern}))
        found.append(rehearse_fold(task).operations)
    of_an_epoch = (found[1] - found[0]) / 4
    width, s = task.settings["width"], task.settings
    chips = round(s["length"] * s["fps"])
    with FlopCounterMode(display=False) as counter:
        SoundNet8(width=width).eval().features(torch.zeros(1, 22050))
        I3D(width=width).eval().features(torch.zeros(1, 3, chips, s["crop"], s["crop"]))
    windows = task.n_clips * task.n_pieces(task.parts(1, task.seconds)[0])
    once = windows * counter.get_total_flops()
    assert found[0] - 2 * of_an_epoch == pytest.approx(once, rel=1e-6)
    assert of_an_epoch < once
    assert task.scratch(windows) == 2 * 4 * 1024 * width * task.n_clips * s["windows"]


@pytest.mark.parametrize("name", ["cnn", "temporal_aggregation", "avef"])
def test_operations_and_files_are_those_of_a_real_training(name, params, tmp_path, monkeypatch):
    """Foretold from four clips, done with eighteen that are longer."""
    monkeypatch.setattr(module, "TRIALS", ((4, 0.7),))
    corpus = Corpus(24, 1.5, 3, 14.0, 4.0, 3, ("audio", "video"))
    params = params.model_copy(update={"modern": params.modern.model_copy(update={"epochs": 2})})
    if name == "temporal_aggregation":
        params = changed(params, name, epochs=2)
    task = task_of(name, params, corpus)
    foretold = rehearse_fold(task)
    model, clips = task.model(), task.parts(18, 1.5)[0]
    counted, fit = [], module_trainer().fit

    def counting(self, *args, **kwargs):
        with FlopCounterMode(display=False) as counter:
            fit(self, *args, **kwargs)
        counted.append(counter.get_total_flops())

    def counting_once(compute):
        with FlopCounterMode(display=False) as counter:
            compute()
        counted.append(counter.get_total_flops())

    monkeypatch.setattr(module_trainer(), "fit", counting)
    monkeypatch.setattr(inference, "once", counting_once)
    model.checkpoints = tmp_path / "checkpoints"
    model.fit(clips, clips.select(np.zeros(0, int)))
    assert foretold.operations == pytest.approx(sum(counted), rel=0.1)
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    left = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    # Of networks as small as these, names and the like are as large as the weights.
    assert left == pytest.approx(foretold.disk, rel=0.5)


def module_trainer():
    from lightning.pytorch import Trainer

    return Trainer


def test_what_lies_on_disk_meanwhile_is_foretold(params, tmp_path):
    corpus = Corpus(10, 1.5, 3, 6.0, 4.0, 3, ("audio", "video"))
    task = task_of("avef", params, corpus)
    clips = task.parts(10, 1.5)[0]
    segments = cut_segments(clips, tmp_path)
    assert task.model().by_svm
    # fc7 of both networks: what each said, and in the order that the belief network learns in.
    features = 2 * round(8192 * task.settings["width"])
    images = (tmp_path / "images.npy").stat().st_size
    assert task.scratch(task.n_pieces(clips)) == pytest.approx(
        images + 4 * features * len(segments), rel=0.01
    )
    heard = task_of("cnn", params, corpus)
    from avlib.systems.cnn.mels import draw_mels

    clips = heard.parts(10, 1.5)[0]
    draw_mels(clips, tmp_path / "bands", heard.settings["speeds"])
    assert heard.scratch(10) == pytest.approx((tmp_path / "bands").stat().st_size, rel=0.05)


@pytest.mark.parametrize("recipe", ["paper", "modern"])
@pytest.mark.parametrize("name", [name for name in DEEP if name != "cnn"])
def test_every_model_can_be_tried_by_either_recipe(name, recipe, params, monkeypatch):
    monkeypatch.setattr(module, "TRIALS", ((4, 0.7),))
    found = system(name)
    others = {"patience": 3, "weights": "none", "transfer": ["others"]}  # not there yet
    for values in ({"patience": None}, others):
        known = {k: v for k, v in values.items() if hasattr(getattr(params, name), k)}
        chosen = changed(params, name, recipe=recipe, **known)
        for model in found.offered(chosen):
            cost = rehearse_fold(found.rehearsal(found.recipe(model, chosen), CORPUS))
            assert min(cost.operations, cost.seconds, cost.memory, cost.disk) > 0


def test_noise_has_two_clips_of_an_emotion_each_of_its_own_subject(params):
    clips = noise_clips(task_of("cnn", params).recipe.source, 6, 1.0, n_classes=2)
    assert clips.emotion.tolist() == [0, 0, 1, 1, 0, 0]
    assert len(set(clips.subject)) == 6


def fold_cost(task):
    """Stand for a rehearsal on a machine of 50 G operations a second."""
    return FoldCost(1.8e16, 3.6e5, 4.1e9, 2.0e9, 1.0e9)


def test_a_stage_says_hours_memory_and_disk_of_all_its_folds(params, tmp_path, monkeypatch):
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    monkeypatch.setenv("AVLIB_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)
    found = system("avef")
    cost = stage_cost(found, found.recipe("avef", params), CORPUS, 6, fold_cost)
    assert cost.seconds == 6 * 3.6e5
    assert cost.disk == 6 * 2.0e9 + 1.0e9 + cost.sound
    monkeypatch.setenv("AVLIB_WORKERS", "4")
    said = str(Cost(fold_cost(None), 6, 4, "cpu", 0.5e9))
    assert said == (
        "6 folds on cpu, 4 at once, each 4.2 days of training (1.8e+16 operations at 50 G a second)"
        " and 4.1 GB of memory beside the libraries' own; in all 8.3 days, 16 GB of disk"
    )


def test_missing_weights_stop_a_stage_with_one_line(params, tmp_path, monkeypatch):
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    monkeypatch.chdir(tmp_path)
    width = {"width": 1.0, "weights": "published", "recipe": "modern", "audio": "soundnet"}
    params = changed(params, "gating", **width)
    found = system("gating")
    with pytest.raises(DataError, match=r"^gating cannot be trained: .* is missing: .*") as raised:
        stage_cost(found, found.recipe("gating", params), CORPUS, 3)
    assert "\n" not in str(raised.value)


def broken(task):
    raise IndexError("of ours")


def test_a_defect_while_trying_stops_nobody(params, monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    monkeypatch.chdir(tmp_path)
    found = system("cnn")
    assert stage_cost(found, found.recipe("cnn", params), CORPUS, 3, broken) is None
    assert "cnn: costs not known: IndexError: of ours" in caplog.text


def test_a_disk_that_cannot_hold_it_stops_with_one_line(tmp_path, monkeypatch):
    usage = SimpleNamespace(free=2.5e9)
    monkeypatch.setattr(estimate.shutil, "disk_usage", lambda place: usage)
    require_room("train_avef", 2.4e9)
    with pytest.raises(DataError) as raised:
        require_room("train_avef", 71e9, tmp_path / "not" / "yet")
    assert str(raised.value).startswith(
        f"train_avef: training writes 71 GB into {tmp_path}/not/yet, where 2.5 GB are free; make"
    )


def test_times_are_in_words():
    assert [spell(s) for s in (4.26, 59, 90, 3600, 5400, 435600, 121 * 3600)] == [
        "4.3 s", "59 s", "1.5 min", "60 min", "1.5 h", "5 days", "5 days",
    ]  # fmt: skip
