import copy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from avef_clips import FORMAT, sequences, spoken_clips, unseen
from safetensors.torch import load_file

from avlib.runtime.errors import DataError, ParamsError, WeightsError
from avlib.runtime.tables import conform
from avlib.systems.avef import weights as avef_weights
from avlib.systems.avef.dbn import pretrain
from avlib.systems.avef.model import AVEFModel
from avlib.systems.avef.params import Avef
from avlib.systems.avef.polynomial_svm import PolynomialSVM
from avlib.systems.avef.pretraining import fill_without_labels
from avlib.systems.avef.segments import cut_segments
from avlib.systems.avef.spoken import cut_clips
from avlib.systems.avef.system import AVEFSystem
from avlib.systems.avef.tables import BINARY
from avlib.systems.common.model import BOTH, concatenate

SETTINGS = {
    "recipe": "paper",
    "weights": "none",
    "carried": "shallow",
    "frozen": {"audio": 0, "video": 0},
    "layer_decay": 1.0,
    "segment": 0.655,
    "mels": "paper",
    "shown": 2,
    "batch_norm": False,
    "pooling": "flatten",
    "fps": 8.0,
    "side": 32,
    "mel_side": 64,
    "width": 1 / 64,
    "dropout": 0.0,
    "learning_rate": 0.003,
    "momentum": 0.9,
    "batch": 4,
    "epochs": 1,
    "dbn_epochs": 1,
    "dbn_rates": [0.001, 0.05],
    "dbn_steps": 1,
    "dbn_weight_decay": 0.0002,
    "joint_batch": 4,
    "joint_epochs": 1,
    "patience": None,
    "svm_c": [1.0],
    "svm_degree": [3],
    "svm_kernel": "scaled",
    "svm_folds": 1,
    "decision": "svm",
    "binary": [],
    "seed": 0,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model that has seen a little, the clips it saw, and clips that it has not seen."""
    folder = tmp_path_factory.mktemp("trained")
    train = spoken_clips(folder / "train", 4, audio=[3], video=[6])
    model = AVEFModel(2, **SETTINGS).fit(train, spoken_clips(folder / "validation", 1))
    whole = sequences(folder / "test", 3, (0.4, 1.4, 2.0), audio=[1], video=[2])
    unseen(whole, 5, range(8, 16))
    return model, train, cut_clips(whole, {"c04": np.zeros((0, 2)), "c05": np.array([[0.2, 1.9]])})


@pytest.mark.parametrize("modalities", [BOTH, ("audio",), ("video",)])
def test_a_tiny_set_is_learned_by_heart(tmp_path, modalities):
    train = spoken_clips(tmp_path)
    settings = SETTINGS | {
        "epochs": 5,
        "batch": 2,
        "joint_batch": 2,
        "joint_epochs": 2,
        "width": 1 / 32,
        "mel_side": 224,
    }
    model = AVEFModel(2, modalities, **settings).fit(train, train.select(np.arange(0)))
    for allowed in {modalities, modalities[:1], modalities[-1:]}:
        assert (model.predict_proba(train, allowed).argmax(1) == train.emotion).all()
    accuracy = model.diagnose(train)["segment_accuracy"]
    for modality in modalities:
        assert accuracy[modality] > 0.8


def test_pooled_features_are_the_means_over_the_segments_that_have_both(trained, tmp_path):
    model, _, test = trained
    segments = cut_segments(test, tmp_path)
    row = 5
    rows = np.flatnonzero((segments.clip == row) & (segments.frames[:, 0] >= 0))
    assert 0 < len(rows) < (segments.clip == row).sum()
    inputs = {
        "audio": torch.from_numpy(np.array(segments.images[rows])),
        "video": torch.from_numpy(np.stack([segments.chips(k) for k in rows])),
    }
    with torch.inference_mode():
        expected = model.networks_["joint"].embed(inputs).mean(0)
    np.testing.assert_allclose(model.pooled(test)["joint"].features[row], expected, atol=1e-5)


def test_clips_lacking_a_modality_are_scored_in_the_space_of_the_other(trained):
    model, _, test = trained
    probabilities = model.predict_proba(test)
    pooled = {space: found.features for space, found in model.pooled(test).items()}
    for row, space in {1: "video", 2: "audio", 4: "joint"}.items():
        alone = model.svms_[space].predict_proba(pooled[space][[row]])
        np.testing.assert_allclose(probabilities[[row]], alone, rtol=1e-5, atol=1e-9)
    only = model.predict_proba(test.select(test.has(("audio",))), ("audio",))
    rows = test.has(("audio",))
    alone = model.svms_["audio"].predict_proba(pooled["audio"][rows])
    np.testing.assert_allclose(only, alone, rtol=1e-5, atol=1e-9)


def test_the_joint_training_leaves_the_networks_that_were_trained_alone(trained):
    model, _, _ = trained
    joint = model.networks_["joint"].streams
    for modality in BOTH:
        alone = model.networks_[modality].state_dict()
        moved = [n for n, t in joint[modality].state_dict().items() if not t.equal(alone[n])]
        assert any("conv" in n or "features.0" in n for n in moved)
        assert "mean" not in moved


def test_test_segments_are_counted_and_the_spoken_share_is_told(trained):
    model, _, test = trained
    chosen = dict(model.chosen_)
    found = model.diagnose(test)
    assert model.chosen_ == chosen
    assert found["kept_share"] == pytest.approx(test.spoken_share(), abs=1e-4)
    assert found["kept_share"] < 1
    assert set(found) == {"kept_share", "segment_accuracy"}
    assert set(found["segment_accuracy"]) == {"audio", "video", "joint"}
    assert all(0 <= share <= 1 for share in found["segment_accuracy"].values())


def test_a_saved_model_tells_how_each_network_learned(trained, tmp_path):
    model, _, _ = trained
    model.save(tmp_path / "model")
    curves = pd.read_csv(tmp_path / "model/curves.csv")
    assert {"epoch", "train_loss", "train_loss_audio", "train_loss_video"} <= set(curves)
    layers = pd.read_csv(tmp_path / "model/pretraining.csv")
    assert layers["layer"].tolist() == [0, 1]


def test_validation_subjects_are_held_out_where_patience_is_set(tmp_path):
    train, held_out = spoken_clips(tmp_path / "t", 3), spoken_clips(tmp_path / "v", 2)
    settings = SETTINGS | {"patience": 1}
    model = AVEFModel(2, ("audio",), **settings).fit(train, held_out)
    assert "validation_loss" in model.logs_["curves"]
    turned = held_out.select(np.arange(4))
    turned.emotion[:] = 1 - turned.emotion
    again = AVEFModel(2, ("audio",), **settings).fit(train, turned)
    one, two = (m.svms_["audio"].temperature_ for m in (model, again))
    assert one != two
    np.testing.assert_array_equal(model.svms_["audio"].mean_, again.svms_["audio"].mean_)


def test_settings_of_the_svm_are_chosen_on_the_validation_subjects(tmp_path):
    train, held_out = spoken_clips(tmp_path / "t", 4), spoken_clips(tmp_path / "v", 2)
    settings = SETTINGS | {"svm_c": [1e-6, 1.0], "svm_degree": [3, 1], "patience": 1}
    model = AVEFModel(2, ("audio",), **settings).fit(train, held_out)
    svm = model.svms_["audio"]
    assert model.chosen_["svm_c_audio"] == svm.c
    assert model.chosen_["svm_degree_audio"] == svm.degree
    everything = concatenate(train, held_out)
    pooled = model.pooled(everything)["audio"].features
    candidates = [
        PolynomialSVM(2, c=c, degree=d).fit(pooled[:8], train.emotion)
        for c in settings["svm_c"]
        for d in settings["svm_degree"]
    ]
    best = max(candidates, key=lambda found: found.calibrate(pooled[8:], held_out.emotion))
    assert (svm.c, svm.degree) == (best.c, best.degree)
    np.testing.assert_allclose(svm.mean_, pooled[:8].mean(0), rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "m")
    again = AVEFModel.load(tmp_path / "m").svms_["audio"]
    assert (again.c, again.degree) == (svm.c, svm.degree)


def test_networks_that_learned_from_all_subjects_leave_the_svm_its_first_settings(tmp_path):
    train, validation = spoken_clips(tmp_path / "t", 4), spoken_clips(tmp_path / "v", 2)
    settings = SETTINGS | {"svm_c": [1e-6, 1.0], "svm_degree": [1, 3]}
    model = AVEFModel(2, ("audio",), **settings).fit(train, validation)
    assert (model.svms_["audio"].c, model.svms_["audio"].degree) == (1e-6, 1)
    pooled = model.pooled(concatenate(train, validation))["audio"].features
    np.testing.assert_allclose(model.svms_["audio"].mean_, pooled.mean(0), rtol=1e-5, atol=1e-6)


def test_clips_of_the_same_names_but_other_cuts_are_looked_at_again(trained):
    model, _, clips = trained
    before = model.pooled(clips)["audio"].features
    shorter = cut_clips(clips, {name: np.array([[0.0, 0.3]]) for name in clips.clip_id})
    after = model.pooled(shorter)["audio"].features
    assert not np.array_equal(before, after, equal_nan=True)
    np.testing.assert_array_equal(model.pooled(clips)["audio"].features, before)


def test_no_validation_clip_of_a_modality_is_refused_where_it_tells_when_to_stop(tmp_path):
    train = spoken_clips(tmp_path / "t", 4)
    silent = spoken_clips(tmp_path / "v", 2, audio=[0, 1, 2, 3])
    with pytest.raises(DataError, match=r"no validation clip has audio.*avef\.patience to null"):
        AVEFModel(2, **(SETTINGS | {"patience": 1})).fit(train, silent)


def test_binary_models_learn_the_clips_that_have_a_label(tmp_path):
    clips = spoken_clips(tmp_path / "t", 4)
    turned = np.where(np.arange(8) < 2, -1, 1 - clips.emotion)  # the first two have none
    clips = replace(clips, emotion=clips.emotion + 1, binary={"valence": turned})
    settings = SETTINGS | {"binary": ["valence"]}
    model = AVEFModel(3, ("audio",), **settings).fit(clips, clips.select(np.arange(0)))
    labelled = clips.of_task("valence")
    assert labelled.clip_id.tolist() == clips.clip_id[2:].tolist()
    alone = AVEFModel(2, ("audio",), **SETTINGS).fit(labelled, labelled.select(np.arange(0)))
    probabilities = model.binary_["valence"].predict_proba(labelled)
    assert (probabilities == alone.predict_proba(labelled)).all()
    rows = model.rows(clips, ["other", "a", "b"], ("audio",))["binary"]
    assert rows["clip_id"].tolist() == labelled.clip_id.tolist()
    names = np.array(["negative", "positive"])
    assert rows["label"].tolist() == names[labelled.emotion].tolist()
    assert rows["predicted"].tolist() == names[probabilities.argmax(1)].tolist()
    np.testing.assert_array_equal(rows["probability"], probabilities.max(1))
    assert set(rows["task"]) == {"valence"}
    assert set(rows["modalities"]) == {"audio"}
    conform(rows.assign(fold=0, model="avef", condition="default"), BINARY)
    model.save(tmp_path / "m")
    again = AVEFModel.load(tmp_path / "m")
    assert (again.binary_["valence"].predict_proba(labelled) == probabilities).all()


def test_the_belief_network_learns_as_from_features_in_memory(trained, tmp_path):
    model, train, _ = trained
    segments = cut_segments(train, tmp_path)
    learns = segments.clip < 5
    both = np.flatnonzero(segments.has(BOTH))
    assert len(both) < len(segments)
    expected, found = (copy.deepcopy(model.networks_["joint"]) for _ in range(2))
    inputs = {
        "audio": torch.from_numpy(np.array(segments.images[both])),
        "video": torch.from_numpy(np.stack([segments.chips(k) for k in both])),
    }
    with torch.no_grad():
        features = expected.features(inputs)
    order = np.random.default_rng(0).permutation(len(both))
    features, in_order = features[order], learns[both][order]
    rows = pretrain(
        expected.dbn,
        features[in_order],
        features[~in_order],
        batch=4,
        epochs=1,
        rates=SETTINGS["dbn_rates"],
        seed=0,
    )
    text = fill_without_labels(found, segments, learns, SETTINGS, tmp_path)
    for one, other in zip(found.dbn.parameters(), expected.dbn.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert len(text.splitlines()) == 1 + len(rows)
    assert [path.name for path in tmp_path.iterdir()] == ["images.npy"]  # no features are left


def test_what_cannot_be_learned_from_is_refused_in_a_line(tmp_path):
    train = spoken_clips(tmp_path / "a")
    apart = spoken_clips(tmp_path / "b", 2, audio=[0, 1], video=[2, 3])
    with pytest.raises(DataError, match=r"avef: .* with audio and video have 0 emotions"):
        AVEFModel(2, **SETTINGS).fit(apart, apart.select(np.arange(0)))
    with pytest.raises(ParamsError, match=r"avef\.weights is published, but avef's width"):
        AVEFModel(2, **(SETTINGS | {"weights": "published"})).fit(train, train)


def test_another_corpuss_shallow_layers_are_the_first_ones(trained, tmp_path, monkeypatch):
    model, train, _ = trained
    monkeypatch.setattr(avef_weights, "FIRST", tmp_path)
    settings = SETTINGS | {"weights": "transfer"}
    with pytest.raises(WeightsError, match=r"audio\.safetensors is missing: avef_transfer begins"):
        AVEFModel(2, **settings).fit(train, train)
    model.save(tmp_path)
    fresh = avef_weights.first_network("video", 5, SETTINGS | {"seed": 3})
    taken = avef_weights.first_network("video", 5, settings | {"seed": 3})
    source = model.networks_["video"].backbone.state_dict()
    for name, tensor in taken.backbone.state_dict().items():
        deep = name.startswith("fc")
        assert tensor.equal((fresh.backbone.state_dict() if deep else source)[name]), name
    with pytest.raises(
        WeightsError, match=r"of other settings: conv1\.weight is .*dvc repro train_avef"
    ):
        avef_weights.first_network("video", 5, settings | {"width": 1 / 16})


def test_frozen_layers_of_another_corpus_are_never_trained(trained, tmp_path, monkeypatch):
    model, train, _ = trained
    monkeypatch.setattr(avef_weights, "FIRST", tmp_path)
    model.save(tmp_path)
    settings = SETTINGS | {"weights": "transfer", "frozen": {"audio": 5, "video": 3}}
    again = AVEFModel(2, **settings).fit(train, train.select(np.arange(0)))
    still = {"audio": ("features",), "video": ("conv1.", "conv2.", "conv3a.")}
    for modality, names in still.items():
        source = model.networks_[modality].backbone.state_dict()
        alone = again.networks_[modality].backbone
        for network in (alone, again.networks_["joint"].streams[modality].backbone):
            for name, tensor in network.state_dict().items():
                assert tensor.equal(source[name]) == name.startswith(names), name


@pytest.mark.parametrize("modality", BOTH)
def test_the_demo_begins_with_its_own_networks_but_for_the_last_layer(modality):
    demo = yaml.safe_load(Path("params.yaml").read_text())["demo"]["avef"]
    settings = SETTINGS | {name: demo[name] for name in ("weights", "width", "side", "mel_side")}
    assert (settings["weights"], demo["recipe"]) == ("demo", "paper")
    fresh = avef_weights.first_network(modality, 6, settings | {"weights": "none"}).backbone
    begun = avef_weights.first_network(modality, 6, settings).backbone.state_dict()
    kept = load_file(avef_weights.DEMO_WEIGHTS / f"{modality}.safetensors")
    for name, tensor in fresh.state_dict().items():
        expected = tensor if name.startswith(fresh.LAST) else kept[name].float()
        assert begun[name].equal(expected), name
    with pytest.raises(WeightsError, match=rf"{modality}\.safetensors"):
        avef_weights.first_network(modality, 6, settings | {"width": 1 / 8})


def test_streams_are_wanted_as_the_networks_take_them():
    modern = SimpleNamespace(model_dump=dict)
    params = SimpleNamespace(avef=Avef(train=True, transfer=[], **SETTINGS), modern=modern)
    assert AVEFSystem().recipe("avef", params).source.format == FORMAT
