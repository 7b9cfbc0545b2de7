from dataclasses import replace

import numpy as np
import pytest
import torch
from emobed_clips import SIZES, make_clips
from safetensors.torch import load_file

from avlib.runtime.errors import DataError, ParamsError
from avlib.systems.common.model import concatenate
from avlib.systems.common.standardiser import Standardiser
from avlib.systems.emobed.model import EmoBedModel
from avlib.systems.emobed.network import EmoBedNetwork
from avlib.systems.emobed.params import PAPER, UNUSED_WEIGHTS
from avlib.systems.emobed.system import used_weights
from avlib.systems.emobed.training import EmoBedTraining
from avlib.systems.emobed.unpaired import Half

SETTINGS = PAPER | {
    "recipe": "paper",
    "window": 1.0,
    "step": 0.1,
    "hidden": 12,
    "layers": 1,
    "alpha": 0.5,
    "beta_audio": 0.3,
    "beta_video": 0.8,
    "margin": 1.0,
    "batch_size": 8,
    "learning_rate": 0.01,
    "weight_decay": 1e-4,
    "epochs": 2,
    "patience": None,
    "seed": 0,
}
LEARNING = SETTINGS | {"epochs": 3, "learning_rate": 0.03}


def fitted(train, system="emobed", modalities=("audio", "video"), validation=None, **changes):
    model = EmoBedModel(3, modalities, system=system, **used_weights(system, SETTINGS | changes))
    return model.fit(train, train.select([]) if validation is None else validation)


def again_and_again(train):
    """Every clip several times an epoch: many steps in few epochs."""
    return train.select(np.tile(np.arange(len(train)), 6)), train.select([])


def parameters(model, modality):
    return model.networks_[modality].state_dict()


def same(a, b):
    assert a.keys() == b.keys()
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def train():
    return make_clips(24)


@pytest.fixture(scope="module")
def model(train):
    return fitted(train)


def test_the_saved_model_has_nothing_of_the_auxiliary_modality(model, tmp_path):
    model.save(tmp_path)
    for modality, other in (("audio", "video"), ("video", "audio")):
        names = load_file(tmp_path / f"{modality}.safetensors")
        assert any(name.startswith(f"specific.{modality}.") for name in names)
        assert not any(other in name for name in names)
    assert model.chosen_ == {"epochs_audio": 2, "epochs_video": 2}


def test_another_seed_gives_another_model(train, model):
    assert not same(parameters(fitted(train, seed=1), "audio"), parameters(model, "audio"))


def test_systems_differ_in_their_objective_alone(train):
    classic = fitted(train, "emobed_classic", epochs=1)
    for system, changes in (
        ("emobed", {"alpha": 0.0, "beta_audio": 0.0, "beta_video": 0.0}),
        ("emobed_joint", {"alpha": 0.0}),
        ("emobed_triplet", {"beta_audio": 0.0, "beta_video": 0.0}),
    ):
        without = fitted(train, system, epochs=1, **changes)
        assert all(same(parameters(classic, m), parameters(without, m)) for m in SIZES), system
    pairs = {
        "emobed_joint": {"beta_audio": 0.0, "beta_video": 0.0},
        "emobed_triplet": {"alpha": 0.0},
    }
    networks = [parameters(classic, "audio"), parameters(fitted(train, epochs=1), "audio")]
    for system, changes in pairs.items():
        part = parameters(fitted(train, system, epochs=1), "audio")
        assert same(part, parameters(fitted(train, "emobed", epochs=1, **changes), "audio"))
        networks.append(part)
    assert not any(same(a, b) for i, a in enumerate(networks) for b in networks[:i])


def test_with_one_modality_every_system_is_the_classic_one(train):
    networks = [
        parameters(fitted(train, system, ("video",), epochs=1), "video")
        for system in UNUSED_WEIGHTS
    ]
    assert all(same(networks[0], other) for other in networks[1:])


def test_the_objective_is_eq_8_of_the_ends_of_the_sequences():
    torch.manual_seed(0)
    network = EmoBedNetwork(SIZES, 3, hidden=5, layers=2)
    lengths = {"audio": [4, 2, 3, 4], "video": [1, 5, 5]}
    labels = {"audio": [0, 1, 0, 2], "video": [2, 0, 1]}
    batch = {
        m: Half(torch.randn(len(of), max(of), SIZES[m]), torch.tensor(of), torch.tensor(labels[m]))
        for m, of in lengths.items()
    }
    for literal in (False, True):
        module = EmoBedTraining(
            network,
            "video",
            alpha=0.7,
            beta=0.2,
            margin=None if literal else 0.4,
            pooling="last",
            learning_rate=0.1,
            weight_decay=0.0,
        )
        module.log = lambda *_, **__: None
        losses, ends, who = {}, [], []
        for m, half in batch.items():
            total = 0.0
            for features, n, label in zip(*half, strict=True):
                one = network(m, features[None, :n])  # alone, without padding
                total -= one.predictions[0, -1].log_softmax(0)[label] / len(half.lengths)
                ends.append(one.embeddings[0, -1])
                who.append(int(label))
            losses[m] = total
        triplets = 0.0
        for i, end in enumerate(ends):
            away = [float((end - other).detach().norm()) for other in ends]
            far = max(d for j, d in enumerate(away) if j != i and who[j] == who[i])
            near = min(d for j, d in enumerate(away) if who[j] != who[i])
            triplets += (far - near if literal else max(far - near + 0.4, 0)) / len(ends)
        expected = losses["video"] + 0.7 * losses["audio"] + 0.2 * triplets
        assert float(module.training_step(batch, 0).detach()) == pytest.approx(
            float(expected.detach()), rel=1e-5
        )


def test_adam_decays_the_weights_as_the_paper_says(train):
    module = EmoBedTraining(
        EmoBedNetwork(SIZES, 3, hidden=2, layers=1),
        "audio",
        alpha=0.0,
        beta=0.0,
        margin=1.0,
        learning_rate=0.02,
        weight_decay=0.3,
    )
    optimiser = module.configure_optimizers()
    assert type(optimiser) is torch.optim.Adam
    assert (optimiser.defaults["lr"], optimiser.defaults["weight_decay"]) == (0.02, 0.3)


@pytest.mark.parametrize("system", ["emobed_classic", "emobed"])
def test_a_small_set_is_learned_by_heart_and_generalises(system):
    train, test = make_clips(24), make_clips(60, seed=5)
    model = EmoBedModel(3, system=system, **used_weights(system, LEARNING)).fit(
        *again_and_again(train)
    )
    for used in (("audio",), ("video",), ("audio", "video")):
        assert (model.predict_proba(train, used).argmax(1) == train.emotion).all()
        assert np.mean(model.predict_proba(test, used).argmax(1) == test.emotion) > 0.8


def test_a_corpus_of_voices_and_one_of_faces_train_together_and_help_each_other():
    voices, faces = make_clips(30, 1, video=range(30)), make_clips(12, 2, audio=range(12))
    faces = faces.select(faces.emotion != 1)  # a corpus need not have every emotion
    both = concatenate(voices, faces)
    model = EmoBedModel(3, system="emobed", **LEARNING).fit(*again_and_again(both))
    test = make_clips(60, seed=5)
    accuracy = np.mean(model.predict_proba(test, ("audio",)).argmax(1) == test.emotion)
    assert accuracy > 0.8
    classic = fitted(both, "emobed_classic", epochs=1)
    alone = fitted(voices, "emobed_classic", ("audio",), epochs=1)
    assert same(parameters(classic, "audio"), parameters(alone, "audio"))
    helped = fitted(both, "emobed", epochs=1)
    assert not same(parameters(classic, "audio"), parameters(helped, "audio"))


def test_a_clip_with_both_modalities_gets_the_mean_of_both_networks(model):
    test = make_clips(9, 3, audio=[1], video=[2])
    audio = model.predict_proba(test.select(test.has(("audio",))), ("audio",))
    video = model.predict_proba(test.select(test.has(("video",))), ("video",))
    found = model.predict_proba(test)
    np.testing.assert_allclose(found[0], (audio[0] + video[0]) / 2, atol=1e-6)
    np.testing.assert_allclose(found[1], video[1], atol=1e-6)
    np.testing.assert_allclose(found[2], audio[1], atol=1e-6)


def test_a_clips_chances_do_not_depend_on_who_is_padded_beside_it(model):
    test = make_clips(9, 3)
    for row in range(9):
        alone = model.predict_proba(test.select([row]))
        np.testing.assert_allclose(alone, model.predict_proba(test)[[row]], atol=1e-6)


def test_no_clips_have_no_rows(model, train):
    nobody = train.select([])
    assert model.predict_proba(nobody).shape == (0, 3)
    assert {m: v.shape for m, v in model.embeddings(nobody).items()} == dict.fromkeys(
        SIZES, (0, 12)
    )


def test_features_are_standardised_with_the_training_clips_alone(train):
    held_out = make_clips(9, seed=4)
    for values in held_out.sequences.values():
        values[:] = [5 * sequence + 1000 for sequence in values]
    watching = fitted(train, validation=held_out, patience=1)
    for modality, values in train.sequences.items():
        frames = np.concatenate(list(values)).astype(float)
        standardiser = watching.standardisers_[modality]
        np.testing.assert_allclose(standardiser.mean, frames.mean(0), rtol=1e-6)
        np.testing.assert_allclose(standardiser.scale, frames.std(0), rtol=1e-5)
    trained = fitted(train, validation=held_out)  # without patience they are training clips
    assert trained.standardisers_["audio"].mean.min() > 110


def test_no_validation_clip_of_a_modality_is_refused_where_it_tells_when_to_stop(train):
    held_out = make_clips(9, seed=4)
    voices = replace(held_out, present=held_out.present | {"video": np.zeros(9, bool)})
    with pytest.raises(DataError, match=r"no validation clip has video.*emobed\.patience to null"):
        fitted(train, validation=voices, patience=1)


def test_what_comes_in_is_judged_on_the_scale_of_training(model):
    """Features in other units, standardised alike, would hide that a network saw others."""
    test = make_clips(6, 3)
    standard = Standardiser.fit(make_clips(24).sequences["audio"])
    by_hand = [standard.apply(values) for values in test.sequences["audio"]]
    network = model.networks_["audio"]
    for row, values in enumerate(by_hand):
        read = network("audio", torch.from_numpy(values)[None])
        expected = read.predictions[0, -1].double().softmax(0).numpy()
        found = model.predict_proba(test.select([row]), ("audio",))[0]
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_feature_that_never_varies_in_training_does_no_harm(train):
    constant = make_clips(24)
    for values in constant.sequences["audio"]:
        values[:, 2] = 7.0
    model, test = fitted(constant), make_clips(6, 3)
    test.sequences["audio"][0][:, 2] = 8.0
    assert np.isfinite(model.predict_proba(test)).all()


def test_with_patience_the_epoch_of_least_validation_loss_counts(train):
    held_out = make_clips(12, seed=8)
    held_out.emotion[:4] = held_out.emotion[1:5]  # being sure of these does not pay for long
    model = fitted(train, validation=held_out, epochs=40, patience=1, learning_rate=0.2)
    for modality in SIZES:
        names, *rows = (line.split(",") for line in model.logs_[f"curves_{modality}"].splitlines())
        losses = [float(row[names.index("validation_loss")]) for row in rows]
        assert len(losses) == model.chosen_[f"epochs_{modality}"] < 40
        probabilities = model.predict_proba(held_out, (modality,))
        right = probabilities[np.arange(len(held_out)), held_out.emotion]
        assert -np.log(right).mean() == pytest.approx(min(losses), rel=1e-4)


def test_a_training_that_diverges_says_so(train):
    with pytest.raises(ParamsError, match="diverged"):
        fitted(train, "emobed_triplet", margin=None, learning_rate=1e30, epochs=3)


def test_a_modality_with_one_emotion_is_one_clear_line(train):
    lonely = make_clips(24, video=[row for row in range(24) if row % 3])
    with pytest.raises(DataError, match="emobed: the 8 training clips with video have 1 emotion"):
        fitted(lonely)


def test_features_of_another_size_than_in_training_are_one_clear_line(model):
    wide = make_clips(3)
    for values in wide.sequences["audio"]:
        values.resize((len(values), 12), refcheck=False)
    with pytest.raises(DataError, match=r"features of shape \(\d, 12\).*6.*as in training"):
        model.predict_proba(wide)
