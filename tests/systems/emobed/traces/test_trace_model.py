"""EmoBed's systems for continuous emotion."""

import io
from copy import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from trace_recordings import LATE, SETTINGS, recordings

from avlib.report.concordance import ccc
from avlib.report.regression import partition_scores
from avlib.runtime.errors import DataError
from avlib.systems.emobed.system import used_weights
from avlib.systems.emobed.traces import model as trace_model
from avlib.systems.emobed.traces import training
from avlib.systems.emobed.traces.model import TraceModel


def fitted(system="emobed", target="audio", *, train=None, validation=None, **changes):
    auxiliary = None if system == "emobed_classic" else "video"
    settings = used_weights(system, {**SETTINGS, **changes})
    model = TraceModel(target, auxiliary, system=system, **settings)
    return model.fit(train or recordings(12, 0), validation or recordings(4, 1))


def parameters(model):
    return model.networks_["network"].state_dict()


@pytest.fixture(scope="module")
def emobed():
    return fitted(epochs=12)


def test_emobed_follows_both_dimensions_of_unseen_recordings(emobed):
    test = recordings(6, 2)
    for k in range(2):
        pairs = [
            (r.labels[:, k], refined[:, k])
            for r, (_, refined) in zip(test, emobed.predict(test), strict=True)
        ]
        assert partition_scores(pairs)["ccc_concatenated"] > 0.5


def test_predictions_stand_beside_labels_as_annotated_not_as_shifted(emobed):
    # The best shift between predictions and what was felt is the annotators' delay.
    test = recordings(8, 3)
    raw = [raw[:, 0] for raw, _ in emobed.predict(test)]
    felt = [r.features["audio"][:, 0] for r in test]
    by_lag = []
    for lag in range(12):
        a = np.concatenate([p[lag:] for p in raw])
        b = np.concatenate([f[: len(f) - lag] for f in felt])
        by_lag.append(np.corrcoef(a, b)[0, 1])
    assert abs(int(np.argmax(by_lag)) - LATE) <= 1


def test_what_is_read_in_pieces_is_predicted_as_the_whole(emobed, monkeypatch):
    test = recordings(3, 4)
    whole = emobed.predict(test)
    monkeypatch.setattr(trace_model, "CHUNK", 7)
    for (raw, refined), (raw_whole, refined_whole) in zip(emobed.predict(test), whole, strict=True):
        assert raw == pytest.approx(raw_whole, abs=1e-5)
        assert refined == pytest.approx(refined_whole, abs=1e-5)


def test_what_stands_beside_a_recording_in_its_batch_changes_nothing(emobed):
    test = recordings(3, 5)
    together = emobed.predict(test)
    alone = [emobed.predict([recording])[0] for recording in test]
    for a, b in zip(together, alone, strict=True):
        assert a[0] == pytest.approx(b[0], abs=1e-5)


@pytest.fixture
def steps(monkeypatch):
    """Count the optimiser's steps; pieces are of 15 moments."""
    taken, step = [], torch.optim.Adam.step
    monkeypatch.setattr(
        torch.optim.Adam, "step", lambda self, *a, **k: (taken.append(1), step(self, *a, **k))[1]
    )
    monkeypatch.setattr(training, "CHUNK", 15)
    return taken


def test_training_in_pieces_learns_and_takes_a_step_for_each(steps):
    train = recordings(8, 0, n=30)
    model = fitted("emobed_classic", train=train, epochs=8)
    assert len(steps) == 8 * 2 * 2  # epochs, batches of 4, pieces of 15
    losses = [float(line.split(",")[1]) for line in model.logs_["curves"].splitlines()[1:]]
    assert losses[-1] < 0.7 * losses[0]


def test_a_piece_in_which_nothing_has_a_label_is_read_and_teaches_nothing(steps):
    # Of 33 moments the delay of 5 takes the labels of the last ones, which are a piece of 3.
    model = fitted("emobed", train=recordings(4, 0, n=33), epochs=2)
    assert len(steps) == 2 * 3
    assert np.isfinite(model.predict(recordings(1, 2))[0][0]).all()


def test_learning_ends_where_the_target_ends_whatever_the_other_modality_still_has(steps):
    heard, seen = recordings(4, 0, n=30, lacking=("video",)), recordings(4, 1, n=60)
    only_seen = [replace(r, features={"video": r.features["video"]}) for r in seen]
    fitted("emobed", train=heard + only_seen, epochs=3)
    assert len(steps) == 3 * 2  # epochs, pieces of the one batch of recordings with sound


def test_the_classic_system_never_looks_at_the_other_modality():
    train, validation = recordings(8, 0), recordings(3, 1)
    blind = [[replace(r, features={"audio": r.features["audio"]}) for r in part]
             for part in (train, validation)]  # fmt: skip
    with_video = fitted("emobed_classic", train=train, validation=validation, epochs=2)
    without = fitted("emobed_classic", train=blind[0], validation=blind[1], epochs=2)
    for a, b in zip(parameters(with_video).values(), parameters(without).values(), strict=True):
        assert torch.equal(a, b)


def test_with_alpha_and_beta_of_zero_emobed_is_the_classic_system_bit_for_bit():
    classic = parameters(fitted("emobed_classic", epochs=2))
    for train in (recordings(12, 0), other_faces(recordings(12, 0))):
        helped = (
            fitted("emobed", alpha=0.0, beta=0.0, epochs=2, train=train)
            .networks_["network"]
            .state_dict()
        )
        assert all(torch.equal(classic[name], helped[name]) for name in classic)


def other_faces(given):
    """Return the recordings with other video features."""
    rng = np.random.default_rng(9)
    return [
        replace(
            r,
            features={
                **r.features,
                "video": rng.normal(size=r.features["video"].shape).astype(np.float32),
            },
        )
        for r in given
    ]


@pytest.mark.parametrize("system", ["emobed_joint", "emobed_triplet"])
def test_joint_and_triplet_systems_do_learn_from_the_other_modality(system):
    one = fitted(system, epochs=2)
    other = fitted(system, epochs=2, train=other_faces(recordings(12, 0)))
    pairs = zip(
        one.networks_["network"].state_dict().values(),
        other.networks_["network"].state_dict().values(),
        strict=True,
    )
    assert not all(torch.equal(a, b) for a, b in pairs)


def test_the_modalities_may_come_from_recordings_that_share_nothing():
    voices = recordings(8, 0, lacking=("video",))
    faces = recordings(5, 7, lacking=("audio",))
    model = fitted(train=voices + faces, validation=recordings(3, 1), epochs=2)
    assert len(model.predict(recordings(2, 2))) == 2


def test_the_auxiliary_branch_is_not_saved(emobed, tmp_path):
    emobed.save(tmp_path)
    assert not [name for name in load_file(tmp_path / "network.safetensors") if "video" in name]


def test_the_chain_undoes_what_is_late_shifted_scaled_and_noisy_about_predictions(
    emobed, monkeypatch
):
    # The network is replaced by one that says the truth 3 frames early, too small, too high.
    def early(self, given):
        return [
            np.concatenate([0.3 * r.labels[3:] + 0.5, r.labels[-3:] * 0.3 + 0.5]) for r in given
        ]

    monkeypatch.setattr(TraceModel, "_raw", early)
    watched, test = recordings(4, 1), recordings(4, 2)
    emobed = copy(emobed)  # others look at what it was refined with
    emobed._refine(watched)
    for k, dimension in enumerate(("arousal", "valence")):
        truth = np.concatenate([r.labels[:, k] for r in test])
        before = np.concatenate([raw[:, k] for raw, _ in emobed.predict(test)])
        after = np.concatenate([refined[:, k] for _, refined in emobed.predict(test)])
        assert ccc(truth, before) < 0.6
        assert ccc(truth, after) > 0.95
        assert emobed.refining_[dimension].delay == 3
        assert emobed.refining_[dimension].scale == pytest.approx(1 / 0.3, rel=0.1)


def test_moments_without_labels_are_not_learned_from():
    train = recordings(8, 0)
    holes = np.random.default_rng(0)
    gaps = [holes.random(len(r.labels)) < 0.3 for r in train]
    for r, gap in zip(train, gaps, strict=True):
        r.labels[gap] = np.nan
    model = fitted("emobed", train=train, epochs=2)
    raw = np.concatenate([raw for raw, _ in model.predict(recordings(2, 2))])
    assert np.isfinite(raw).all()
    assert all(np.isfinite(float(v)) for v in model.logs_["curves"].splitlines()[-1].split(","))


def test_labels_that_never_vary_train_and_leave_the_predictions_as_they_are():
    flat = [[replace(r, labels=np.full_like(r.labels, 0.25)) for r in part]
            for part in (recordings(8, 0), recordings(3, 1))]  # fmt: skip
    model = fitted("emobed", train=flat[0], validation=flat[1], epochs=2)
    raw, refined = model.predict(recordings(1, 2))[0]
    assert np.isfinite(raw).all()
    assert np.array_equal(raw, refined)


def test_recordings_shorter_than_the_delay_leave_nothing_to_learn_and_it_is_said():
    with pytest.raises(DataError, match=r"8 training recordings with audio have no label later"):
        fitted(train=recordings(8, 0), delay=3.0)
    with pytest.raises(DataError, match=r"0 validation recordings with audio"):
        fitted(validation=recordings(3, 1, lacking=("audio",)))


def test_one_short_recording_among_others_is_trained_on_and_predicted():
    short = [replace(r, labels=r.labels[:3],
                     features={m: f[:3] for m, f in r.features.items()})
             for r in recordings(1, 6)]  # fmt: skip
    model = fitted(train=recordings(8, 0) + short, epochs=2)
    raw, refined = model.predict(short)[0]
    assert raw.shape == refined.shape == (3, 2)


@pytest.mark.parametrize("loss", ["mse", "ccc"])
def test_either_loss_trains(loss):
    assert np.isfinite(fitted(loss=loss, epochs=2).predict(recordings(1, 2))[0][0]).all()


def test_weights_are_chosen_by_the_validation_loss():
    model = fitted(alpha=[0.0, 0.5], beta=[0.1, 1.0], epochs=2)
    tried = [line.split(",") for line in model.logs_["weights"].splitlines()[1:]]
    best = min(tried, key=lambda row: float(row[2]))
    assert len(tried) == 4
    assert [model.chosen_["alpha"], model.chosen_["beta"]] == [float(value) for value in best[:2]]
    assert all(-1 <= float(ccc) <= 1 for row in tried for ccc in row[3:5])
    alone = fitted(alpha=float(best[0]), beta=float(best[1]), epochs=2)
    assert all(torch.equal(a, b) for a, b in zip(*map(values_of, (model, alone)), strict=True))


def test_the_curves_hold_the_ccc_of_the_validation_recordings_joined():
    validation = recordings(4, 1)
    model = fitted(epochs=1, validation=validation)
    curves = pd.read_csv(io.StringIO(model.logs_["curves"]))
    for k, dimension in enumerate(("arousal", "valence")):
        truth, found = [], []  # the labels are moved back by the delay, and so are predictions
        for recording, (raw, _) in zip(validation, model.predict(validation), strict=True):
            truth.append(recording.labels[model.delay :, k])
            found.append(raw[model.delay :, k])
        expected = ccc(np.concatenate(truth), np.concatenate(found))
        noted = curves[f"validation_ccc_{dimension}"][0]
        assert noted == pytest.approx(expected, abs=1e-4)


def values_of(model):
    return parameters(model).values()
