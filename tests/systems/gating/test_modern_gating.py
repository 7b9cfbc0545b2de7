import itertools
import logging

import numpy as np
import pytest
import torch
from described_clips import WIDTHS, described
from test_gating import SETTINGS, clips

from avlib.runtime.errors import DataError
from avlib.systems.common.model import BOTH, concatenate
from avlib.systems.gating.judge import by_training_clips
from avlib.systems.gating.model import GatingModel
from avlib.systems.gating.modern_training import ModernGatingTraining, mined_loss
from avlib.systems.gating.neighbours import spread, votes
from avlib.systems.gating.stream import GatingStreamer

MODERN = SETTINGS | {
    "recipe": "modern",
    "audio": "descriptors",
    "video": "descriptors",
    "triplets": 0.5,
    "triplet_weight": 1.0,
    "dropout": 0.1,
    "shift": 0.0,
    "modern": {
        "epochs": 4,
        "learning_rate": 0.02,
        "weight_decay": 0.01,
        "warm_up": 0.25,
        "label_smoothing": 0.1,
        "mixup": 0.3,
    },
}


def fitted(train, held_out=None, modalities=BOTH, **changes):
    modern = MODERN["modern"] | changes.pop("modern", {})
    model = GatingModel(2, modalities, **(MODERN | changes | {"modern": modern}))
    return model.fit(train, train.select(np.arange(0)) if held_out is None else held_out)


def curves(model):
    names, *rows = (line.split(",") for line in model.logs_["curves"].splitlines())
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


@pytest.fixture(scope="module")
def trained():
    train = described(6, seed=0, audio=[3], video=[6])
    return fitted(train), train


@pytest.mark.parametrize("system", ["gating", "gating_global"])
def test_described_clips_of_others_are_recognised_from_each_modality(system):
    gates = 3 if system == "gating" else 1
    train, test = described(8, seed=0, gates=gates), described(5, seed=1, gates=gates, audio=[1])
    model = fitted(train, system=system, modern={"epochs": 8})
    for allowed in (BOTH, ("audio",), ("video",)):
        some = test.select(model.scorable(test, allowed))
        assert (model.predict_proba(some, allowed).argmax(1) == some.emotion).all()


def test_only_the_clips_to_learn_from_say_how_descriptors_are_standardised():
    train, held_out = described(4, seed=0), described(3, seed=1)
    held_out.described["audio"][:] += 100
    for patience, clips_ in ((1, train), (None, concatenate(train, held_out))):
        model = fitted(train, held_out, patience=patience, modern={"epochs": 2})
        for modality, values in clips_.described.items():
            windows = values[np.isfinite(values).all(-1)].astype(float)
            found = model.standardisers_[modality]
            np.testing.assert_allclose(found.mean, windows.mean(0), rtol=1e-6)
            np.testing.assert_allclose(found.scale, windows.std(0), rtol=1e-5)


def test_embeddings_are_of_length_1_where_a_clip_has_the_modality(trained):
    model, train = trained
    embedded = model.embed(train)
    for modality in BOTH:
        lengths = np.linalg.norm(embedded.gates[modality], axis=2)
        np.testing.assert_allclose(lengths[embedded.presented[modality]], 1, rtol=1e-5)
        assert not lengths[~embedded.presented[modality]].any()


def test_clips_of_a_table_are_not_taken_for_those_that_were_asked_about_before(trained):
    test = described(4, seed=9)
    model = trained[0] if isinstance(trained, tuple) else trained
    together = model.predict_proba(test)
    one_by_one = [model.predict_proba(test.select(np.array([k])))[0] for k in range(len(test))]
    np.testing.assert_allclose(one_by_one, together, atol=1e-6)
    assert len(np.unique(together.argmax(axis=1))) == 2


def test_a_clip_keeps_its_state_in_windows_that_it_lacks(trained):
    model, _ = trained
    test = described(3, seed=5)
    embedded = model.embed(test)
    ended = np.arange(6) % 3 == 0
    assert embedded.opened[:, 2].tolist() == (~ended).tolist()
    same = (embedded.gates["audio"][:, 2] == embedded.gates["audio"][:, 1]).all(1)
    assert same.tolist() == ended.tolist()


def test_a_saved_model_says_the_same_and_two_fits_are_one(trained, tmp_path):
    model, train = trained
    model.save(tmp_path / "one")
    fitted(train).save(tmp_path / "two")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    again = GatingModel.load(tmp_path / "one")
    test = described(3, seed=5)
    np.testing.assert_array_equal(again.predict_gates(test)[0], model.predict_gates(test)[0])


def test_curves_tell_how_the_training_clips_lie_and_when_triplets_come(trained):
    found = curves(trained[0])
    assert [bool(value) for value in found["train_triplet"]] == [False, False, True, True]
    assert all(0 < float(value) <= 1 + 1e-6 for value in found["train_spread"])
    assert all(0 <= float(value) <= 1 for value in found["train_neighbours"])
    assert float(found["train_neighbours"][-1]) > 0.8


def test_the_best_epoch_is_that_of_the_validation_clips_neighbours():
    train, held_out = described(6, seed=0), described(3, seed=1)
    np.random.default_rng(0).shuffle(held_out.emotion)  # it cannot be right every time
    model = fitted(train, held_out, patience=2, modern={"epochs": 8})
    right = [float(value) for value in curves(model)["validation_neighbours"]]
    best = int(np.argmax(right))
    assert len(right) == min(best + 3, 8)
    said = by_training_clips(model, train, held_out).argmax(1)
    assert np.mean(said == held_out.emotion) == pytest.approx(right[best])


def test_validation_without_clips_is_an_error_that_says_so():
    train = described(4)
    with pytest.raises(DataError, match="no validation clip can be scored"):
        fitted(train, patience=1)


def test_only_gating_with_mse_draws_the_modalities_together(trained):
    train = trained[1]
    assert "train_mse" in curves(trained[0])
    for changes in ({"mse": False}, {"system": "gating_lstm"}):
        assert "train_mse" not in curves(fitted(train, **changes))


def test_raw_streams_learn_by_the_modern_recipe_too(tmp_path):
    train = clips(tmp_path, per_emotion=6)
    streamed = {"audio": "soundnet", "video": "i3d", "dropout": 0.0}
    model = fitted(train, **streamed, modern={"epochs": 6, "learning_rate": 0.01, "mixup": 0.0})
    assert (model.predict_proba(train).argmax(1) == train.emotion).all()
    streamer, [first] = GatingStreamer(model), train.streams[:1]
    said = streamer.present(first.sound()[:22050], first.chips()[:4])
    np.testing.assert_allclose(said, model.predict_gates(train)[0][0, 0])


def test_a_described_modality_cannot_be_followed(trained):
    with pytest.raises(ValueError, match="audio and video would have to be described first"):
        GatingStreamer(trained[0])


def test_a_collapse_is_said_once(trained, caplog):
    model, _ = trained
    settings = model.settings | {"triplets": 1.0}
    training = ModernGatingTraining(model.network_, 2, n_known=0, **settings)
    training._log = lambda *_: None
    one = torch.nn.functional.normalize(torch.ones(6, 4), dim=1)
    with caplog.at_level(logging.WARNING):
        for nudge in (torch.eye(6, 4), torch.zeros(6, 4), torch.zeros(6, 4)):
            training.seen["train"] = [(one + nudge, torch.arange(6) % 2)]
            training.on_train_epoch_end()
    assert len(caplog.records) == 1
    assert "embeddings collapse, their spread is 0.00" in caplog.text


def test_spread_is_the_root_mean_square_distance_from_the_mean():
    points = np.random.default_rng(0).normal(size=(50, 3))
    pairs = ((points[:, None] - points[None]) ** 2).sum(2)
    assert spread(points) == pytest.approx(np.sqrt(pairs.mean() / 2))
    assert spread(np.ones((4, 3))) == 0


def test_nobody_votes_for_itself_among_the_clips_that_are_asked_about():
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(20, 2)), np.arange(20) % 3
    found = votes(points, labels, None, 4, 5)
    for row, point in enumerate(points):
        order = [i for i in np.argsort(((points - point) ** 2).sum(1)) if i != row][:5]
        np.testing.assert_allclose(found[row], np.bincount(labels[order], minlength=4) / 5)
    np.testing.assert_allclose(votes(points[:3], labels[:3], None, 3, 9).sum(1), 1)


def test_windows_of_another_number_of_descriptors_are_refused(trained):
    other = described(2, seed=3)
    other.described["audio"] = other.described["audio"][..., 1:]
    width = WIDTHS["audio"]
    with pytest.raises(DataError, match=rf"{width - 1}\); expected \(n_frames, {width}\)"):
        trained[0].predict_proba(other)


def mean_hinge(places, there, emotion, margin, *, hard, once, across):
    """Write the loss as loops over modalities, windows, anchors and their triplets."""
    windows = []
    for m in BOTH:
        o = {"audio": "video", "video": "audio"}[m] if across else m
        used = {"+": [set() for _ in emotion], "-": [set() for _ in emotion]}
        for t in range(there[m].shape[1]):
            here = [i for i in range(len(emotion)) if there[m][i, t] and there[o][i, t]]
            d = ((places[m][:, t, None] - places[o][None, :, t]) ** 2).sum(2)
            losses = []
            for i in here:
                alike = [j for j in here if j != i and emotion[j] == emotion[i]]
                other = [j for j in here if emotion[j] != emotion[i]]
                if not alike or not other:
                    continue
                if hard:
                    if once:
                        alike = [j for j in alike if j not in used["+"][i]] or alike
                        other = [j for j in other if j not in used["-"][i]] or other
                    p, n = max(alike, key=lambda j: d[i, j]), min(other, key=lambda j: d[i, j])
                    used["+"][i].add(p)
                    used["-"][i].add(n)
                    losses.append(max(d[i, p] - d[i, n] + margin, 0))
                    continue
                for p in alike:
                    farther = [d[i, j] for j in other if d[i, j] > d[i, p]]
                    negative = min(farther) if farther else max(d[i, j] for j in other)
                    losses.append(max(d[i, p] - negative + margin, 0))
            windows += [np.mean(losses)] if losses else []
    return np.mean(windows)


@pytest.mark.parametrize(
    ("hard", "once", "across"), list(itertools.product((True, False), repeat=3))
)
def test_mined_loss_is_that_written_as_loops(hard, once, across):
    generator = torch.Generator().manual_seed(3)
    places = {m: torch.randn(9, 3, 4, generator=generator) for m in BOTH}
    there = {m: torch.rand(9, 3, generator=generator) < 0.8 for m in BOTH}
    emotion = torch.arange(9) % 3
    found = mined_loss(places, there, emotion, 1.0, hard=hard, once=once, cross_modal=across)
    as_arrays = ({m: v.double().numpy() for m, v in of.items()} for of in (places, there))
    values, masks = as_arrays
    expected = mean_hinge(
        values, {m: v > 0 for m, v in masks.items()}, emotion.tolist(), 1.0,
        hard=hard, once=once, across=across,
    )  # fmt: skip
    assert float(found) == pytest.approx(expected, rel=1e-4)
