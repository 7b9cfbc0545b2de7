import itertools

import numpy as np
import pytest
import torch
from sequence_clips import clips_of, talking

from avlib.systems.common.batch import ShuffledBatches
from avlib.systems.common.model import BOTH
from avlib.systems.common.streams import StreamFormat
from avlib.systems.temporal_aggregation.batches import (
    RandomDraws,
    SegmentBatch,
    SegmentDataset,
    fixed_draws,
)
from avlib.systems.temporal_aggregation.model import TemporalAggregationModel
from avlib.systems.temporal_aggregation.network import SegmentNetworks
from avlib.systems.temporal_aggregation.params import PAPER
from avlib.systems.temporal_aggregation.pictures import log_mean_probabilities, pictures
from avlib.systems.temporal_aggregation.spectrogram import log_spectrogram
from avlib.systems.temporal_aggregation.training import TemporalAggregationTraining

FORMAT = StreamFormat(32, 8.0, 16000)
SAMPLING = {"n_segments": 2, "window": 0.4, "offset": 0.01}
SETTINGS = PAPER | {
    "recipe": "paper",
    "shown": 1,
    "segments": 2,
    "offset": 0.01,
    "window": 0.4,
    "fps": 8.0,
    "size": 32,
    "width": 1 / 16,
    "modality_dropout": 0.0,
    "batch_size": 5,
    "learning_rate": 0.01,
    "decay_every": 50,
    "epochs": 2,
    "patience": None,
    "seed": 0,
}
# The rate falls before the end, so that batch normalisation's statistics catch up with the weights.
LEARNING = SETTINGS | {
    "learning_rate": 0.002,
    "decay_every": 6,
    "epochs": 9,
    "width": 1 / 8,
    "batch_size": 8,
}


def clips(folder, per_emotion=4, seconds=(1.0,), **lacking):
    """Clips of two emotions; `lacking` names modalities with the numbers of clips without them."""
    folder.mkdir(exist_ok=True)
    recordings, lengths = [], itertools.cycle(seconds)
    for i, emotion in itertools.product(range(per_emotion), (0, 1)):
        k = len(recordings)
        has = {m: k not in lacking.get(m, ()) for m in BOTH}
        streams = talking(emotion, i, next(lengths), FORMAT, **has)
        recordings.append((f"c{k:02d}", f"S{i}", emotion, *streams))
    return clips_of(folder, recordings, FORMAT)


def again_and_again(train):
    """Every clip several times an epoch: many steps, which running statistics need, quickly."""
    return train.select(np.tile(np.arange(len(train)), 5)), train.select(np.arange(0))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model that has seen a little, what it has seen, and clips that it has not seen."""
    folder = tmp_path_factory.mktemp("trained")
    train = clips(folder / "train", seconds=(1.0, 0.7), audio=[3], video=[6])
    model = TemporalAggregationModel(2, **SETTINGS).fit(train, train.select(np.arange(0)))
    test = clips(folder / "test", 3, audio=[1], video=[2])
    return model, train, test


def test_loss_is_the_cross_entropy_of_the_mean_of_the_segments_softmax():
    logits = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
    emotion = [0, 4, 2, 2]
    every = logits.double().numpy()
    total = 0.0
    for clip, label in enumerate(emotion):
        score = sum(np.exp(z)[label] / np.exp(z).sum() for z in every[clip])
        total -= np.log(score / 3) / 4
    probabilities = log_mean_probabilities(logits)
    assert float(-probabilities[range(4), emotion].mean()) == pytest.approx(total, rel=1e-6)
    np.testing.assert_allclose(probabilities.exp().sum(1), 1, rtol=1e-5)


def test_loss_and_gradient_stay_finite_where_every_segment_is_surely_wrong():
    logits = torch.tensor([[[-400.0, 400.0], [-300.0, 300.0]]], requires_grad=True)
    loss = -log_mean_probabilities(logits)[0, 0]
    loss.backward()
    assert loss.item() == pytest.approx(600 + np.log(2))
    assert torch.isfinite(logits.grad).all()
    assert logits.grad.abs().sum() > 0


def test_the_logged_loss_of_an_epoch_is_the_mean_over_clips_of_what_the_networks_say(tmp_path):
    """With a batch for all clips and one epoch, the loss is that of the untrained networks."""
    train = clips(tmp_path, 3)
    settings = SETTINGS | {"batch_size": 6, "epochs": 1}
    model = TemporalAggregationModel(2, **settings).fit(train, train.select(np.arange(0)))
    torch.manual_seed(0)
    network = SegmentNetworks(2, 2, face_size=(32, 32), width=1 / 16)
    [draw] = RandomDraws(ShuffledBatches(np.arange(6), 6, 0))
    batch = SegmentDataset(train, BOTH, **SAMPLING)[draw]
    scores = network(*pictures(batch, network), batch.present).softmax(2).sum(1)
    chosen = (scores.detach().numpy() / 2)[np.arange(6), batch.emotion.numpy()]
    logged = dict(
        zip(*(line.split(",") for line in model.logs_["curves"].splitlines()), strict=True)
    )
    assert float(logged["train_loss"]) == pytest.approx(-np.log(chosen).mean(), rel=1e-4)
    right = scores.argmax(1) == batch.emotion
    assert float(logged["train_accuracy"]) == pytest.approx(float(right.float().mean()))


def test_learning_rate_falls_to_a_tenth_after_so_many_epochs():
    network = SegmentNetworks(1, 2, face_size=(32, 32), width=1 / 16)
    module = TemporalAggregationTraining(
        network, modality_dropout=0.0, learning_rate=0.1, decay_every=2
    )
    [optimiser], [falling] = module.configure_optimizers()
    rates = []
    for _ in range(5):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        falling.step()
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])
    assert optimiser.param_groups[0]["momentum"] == 0.9


@pytest.mark.parametrize("shared", [False, True])
def test_a_tiny_set_is_learned_by_heart(tmp_path, shared):
    train = clips(tmp_path)
    model = TemporalAggregationModel(2, **(LEARNING | {"shared": shared}))
    model.fit(*again_and_again(train))
    assert (model.predict_proba(train).argmax(1) == train.emotion).all()


def test_with_modality_dropout_each_modality_alone_is_learned_too(tmp_path):
    train = clips(tmp_path)
    settings = LEARNING | {"epochs": 12, "decay_every": 9, "modality_dropout": 0.6}
    model = TemporalAggregationModel(2, **settings).fit(*again_and_again(train))
    for allowed in (BOTH, ("audio",), ("video",)):
        assert (model.predict_proba(train, allowed).argmax(1) == train.emotion).all()


def test_a_system_for_sound_alone_never_opens_a_face(tmp_path):
    train = clips(tmp_path)
    for path in tmp_path.glob("*.chips"):
        path.unlink()
    model = TemporalAggregationModel(2, ("audio",), **SETTINGS)
    probabilities = model.fit(train, train.select(np.arange(0))).predict_proba(train)
    assert np.isfinite(probabilities).all()
    assert len(np.unique(probabilities, axis=0)) > 1


def test_a_clips_chances_do_not_depend_on_the_clips_beside_it(trained):
    model, _, test = trained
    together = model.predict_proba(test)
    apart = [model.predict_proba(test.select(np.array([k])))[0] for k in range(len(test))]
    np.testing.assert_allclose(together, apart, atol=1e-5)


def odd_recordings():
    """Streams that lack something, by name."""
    chips, seen, sound = talking(0, 9, 1.0, FORMAT)
    hidden = np.zeros_like(seen)
    once = hidden.copy()
    once[5] = True
    return {
        "shorter than the window": (chips[:1], seen[:1], sound[:1600]),
        "one frame": (chips[:1], seen[:1], sound),
        "sound shorter than video": (chips, seen, sound[:2000]),
        "video shorter than sound": (chips[:2], seen[:2], sound),
        "a single sample": (chips, seen, sound[:1]),
        "no sound": (chips, seen, None),
        "no face": (chips, hidden, sound),
        "no video": (None, None, sound),
        "one face": (chips, once, sound),
        "silence": (chips, seen, np.zeros_like(sound)),
        "loudest": (chips, seen, np.full_like(sound, -32768)),
    }


def test_odd_clips_are_learned_from_and_scored_without_a_nan(tmp_path):
    odd = odd_recordings()
    recordings = [(name, "S", k % 2, *streams) for k, (name, streams) in enumerate(odd.items())]
    train = clips_of(tmp_path, recordings, FORMAT)
    model = TemporalAggregationModel(2, **(SETTINGS | {"segments": 3}))
    model.fit(train, train.select(np.arange(0)))
    assert np.isfinite(model.predict_proba(train)).all()
    assert all(torch.isfinite(p).all() for p in model.networks_["network"].state_dict().values())
    for allowed in (("audio",), ("video",)):
        some = train.select(model.scorable(train, allowed))
        assert np.isfinite(model.predict_proba(some, allowed)).all()


def test_centre_batch_holds_the_nearest_face_and_the_sound_around_it(tmp_path):
    chips, seen, sound = talking(1, 3, 2.0, FORMAT)  # faces at 0, 1/8, .. s; middles 0.5 and 1.5 s
    seen[4] = False  # at 0.5 s; the earlier neighbour comes first
    odd = clips_of(tmp_path, [("c", "S", 1, chips, seen, sound)], FORMAT)
    [draw] = fixed_draws(1, 4)
    batch = SegmentDataset(odd, BOTH, **SAMPLING)[draw]
    np.testing.assert_array_equal(batch.faces[0], chips[[3, 12]])
    first = [round(16000 * (t - 0.2)) for t in (0.375, 1.5)]
    np.testing.assert_array_equal(batch.sound[0], [sound[s : s + 6400] for s in first])
    assert batch.present.tolist() == [[True, True]]
    assert batch.emotion.tolist() == [1]


def test_random_batches_are_other_ones_in_every_epoch_and_the_same_in_every_run(tmp_path):
    data = SegmentDataset(clips(tmp_path, 6), BOTH, **SAMPLING)

    def epoch(number):
        draws = RandomDraws(ShuffledBatches(np.arange(12), 5, 0))
        draws.set_epoch(number)
        return list(draws)

    assert sorted(c for draw in epoch(3) for c in draw.clips) == list(range(12))
    assert [len(draw.clips) for draw in epoch(3)] == [5, 5, 2]
    assert len(RandomDraws(ShuffledBatches(np.arange(12), 5, 0))) == 3
    assert epoch(3) == epoch(3) != epoch(4)
    once, again = (data[epoch(3)[0]] for _ in range(2))
    assert torch.equal(once.sound, again.sound)
    assert torch.equal(once.faces, again.faces)
    moved = data[epoch(3)[0]._replace(seed=(0, 4, 0))]
    assert not torch.equal(once.sound, moved.sound)
    assert not torch.equal(once.faces, moved.faces)


def test_networks_see_spectrograms_of_full_scale_sound_and_faces_from_0_to_1():
    network = SegmentNetworks(2, 2, face_size=(32, 32), width=1 / 16)
    sound = torch.randint(-32768, 32767, (3, 2, 6400), dtype=torch.int16)
    faces = torch.randint(0, 256, (3, 2, 32, 32, 3), dtype=torch.uint8)
    faces[0, 0, 4, 5] = torch.tensor([255, 0, 51])
    there = torch.ones(3, 2, dtype=torch.bool)
    rows = torch.stack([torch.zeros(192), torch.ones(192)]).expand(3, 2, 192)
    batch = SegmentBatch(torch.zeros(3), sound, torch.full((3,), -100.0), rows, faces, there)
    spectrograms, shown = pictures(batch, network)
    alone = log_spectrogram(sound[1, 1].float()[None] / 32768)
    torch.testing.assert_close(spectrograms[1, 1], alone[0], rtol=1e-4, atol=1e-4)
    assert shown.shape == (3, 2, 3, 32, 32)
    torch.testing.assert_close(shown[0, 0, :, 4, 5], torch.tensor([1.0, 0.0, 0.2]))


def test_with_patience_the_epoch_of_least_validation_loss_is_kept(tmp_path):
    train, held_out = clips(tmp_path / "t"), clips(tmp_path / "v", 2)
    settings = SETTINGS | {"epochs": 40, "patience": 1, "learning_rate": 0.05}
    model = TemporalAggregationModel(2, **settings).fit(train, held_out)
    names, *rows = (line.split(",") for line in model.logs_["curves"].splitlines())
    losses = [float(row[names.index("validation_loss")]) for row in rows]
    assert len(losses) < 40
    assert int(np.argmin(losses)) == len(losses) - 2
    probabilities = model.predict_proba(held_out)[np.arange(len(held_out)), held_out.emotion]
    assert -np.log(probabilities).mean() == pytest.approx(min(losses), rel=1e-3)
