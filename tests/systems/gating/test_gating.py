import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from pydantic import ValidationError
from safetensors.torch import save_file
from sequence_clips import clips_of, talking
from sklearn.neighbors import NearestNeighbors

from avlib.runtime.errors import DataError, ParamsError
from avlib.systems.common.model import BOTH
from avlib.systems.gating import model as gating_model
from avlib.systems.gating.model import SYSTEMS, GatingModel
from avlib.systems.gating.network import Gates
from avlib.systems.gating.params import PAPER, Gating
from avlib.systems.gating.stream import GatingStreamer
from avlib.systems.gating.training import mse_loss, triplet_loss

SETTINGS = {
    "recipe": "paper",
    **PAPER,
    "weights": "none",
    "frozen": {"audio": 0, "video": 0},
    "layer_decay": 1.0,
    "windows": 3,
    "length": 1.0,
    "overlap": 0.5,
    "fps": 4.0,
    "size": 32,
    "crop": 32,
    "width": 1 / 16,
    "shared": 8,
    "embedding": 8,
    "margin": 1.0,
    "cross_modal": False,
    "mining": "windows",
    "mse": True,
    "augmentation": "batch",
    "apex": "middle",
    "per_class": 2,
    "learning_rate": 0.01,
    "weight_decay": 0.0005,
    "softmax_epochs": 2,
    "epochs": 1,
    "patience": None,
    "neighbours": 3,
    "seed": 0,
}


def clips(folder, per_emotion=4, seconds=(2.0,), **lacking):
    """Clips of two emotions; `lacking` names modalities with the numbers of clips without them."""
    folder.mkdir(exist_ok=True)
    recordings, lengths = [], itertools.cycle(seconds)
    for i, emotion in itertools.product(range(per_emotion), (0, 1)):
        k = len(recordings)
        has = {m: k not in lacking.get(m, ()) for m in BOTH}
        streams = talking(emotion, i, next(lengths), **has)
        recordings.append((f"c{k:02d}", f"S{i}", emotion, *streams))
    return clips_of(folder, recordings)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model that has seen a little, and clips that it has not seen."""
    folder = tmp_path_factory.mktemp("trained")
    train = clips(folder / "train", seconds=(2.0, 1.4), audio=[3], video=[6])
    model = GatingModel(2, **SETTINGS).fit(train, clips(folder / "validation", 1))
    test = clips(folder / "test", 3, (0.6, 2.0, 1.6), audio=[1], video=[2])
    return model, train, test


def eq_2(gates, emotion, margin, once):
    """Write the loss of the paper's eq. 2 as loops over windows, modalities and triplets.

    With `once` no clip is an anchor's positive or negative in two windows.
    """
    total, windows = 0.0, 0
    used = {m: {"+": [set() for _ in emotion], "-": [set() for _ in emotion]} for m in BOTH}
    for t in range(gates.there["audio"].shape[1]):
        there = {m: gates.there[m][:, t].tolist() for m in BOTH}
        windows += any(there["audio"]) or any(there["video"])
        for m in BOTH:
            points = gates.embedded[m][:, t].double().numpy()
            here = [i for i in range(len(emotion)) if there[m][i]]
            for i in here:
                far = [j for j in here if j != i and emotion[j] == emotion[i]]
                near = [j for j in here if emotion[j] != emotion[i]]
                d = {j: ((points[i] - points[j]) ** 2).sum() for j in here}
                far = [j for j in far if j not in used[m]["+"][i]] or far
                near = [j for j in near if j not in used[m]["-"][i]] or near
                if not far or not near:
                    continue
                p, n = max(far, key=d.get), min(near, key=d.get)
                if once:
                    used[m]["+"][i].add(p)
                    used[m]["-"][i].add(n)
                total += max(d[p] - d[n] + margin, 0) / (2 * len(here))
    return total / (2 * windows)


def random_gates(seed, n=9, gates=3):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    there = {m: draw(n, gates) > -1 for m in BOTH}
    return Gates(there, {m: draw(n, gates, 4) for m in BOTH}, {m: draw(n, gates, 4) for m in BOTH})


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("once", [True, False])
def test_triplet_part_of_the_loss_is_eq_2_written_as_loops(seed, once):
    gates, emotion = random_gates(seed), torch.arange(9) % 3
    expected = eq_2(gates, emotion.tolist(), 1.0, once)
    found = triplet_loss(gates, emotion, 1.0, cross_modal=False, once=once)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def untrained(system="gating", **changes):
    """How a network with random weights learns."""
    model = GatingModel(2, system=system, **(SETTINGS | changes))
    model.standardisers_ = {}
    model.networks_ = model.build()
    return model._training(0)


def test_mining_across_windows_is_off_where_each_is_mined_by_itself():
    gates, emotion = random_gates(7), torch.arange(9) % 3
    batch = SimpleNamespace(sound=torch.zeros(9, 1), emotion=emotion)
    for mining, once in (("windows", True), ("each", False)):
        parts = untrained(mining=mining).parts(gates, batch)
        expected = triplet_loss(gates, emotion, 1.0, cross_modal=False, once=once)
        assert float(parts["triplet"]) == float(expected)


@pytest.mark.parametrize("mse", [True, False])
def test_without_mse_only_what_embeddings_are_made_of_has_a_gradient(mse):
    gates = random_gates(8)  # whose embeddings are not made of the shared space
    for values in gates.projected.values():
        values.requires_grad_()
    batch = SimpleNamespace(sound=torch.zeros(9, 1), emotion=torch.arange(9) % 3)
    loss = torch.stack(list(untrained(mse=mse).parts(gates, batch).values())).sum()
    assert loss.requires_grad == mse


def test_the_switches_hold_by_the_papers_recipe_too():
    values = yaml.safe_load(Path("params.yaml").read_text())["gating"]
    off = {"mining": "each", "mse": False, "augmentation": "clip", "apex": "loudest"}
    used = Gating.model_validate(values | off | {"recipe": "paper"}).used({})
    assert {name: used[name] for name in off} == off
    with pytest.raises(ValidationError, match="apex: loudest is of clips that are seen and heard"):
        Gating.model_validate(values | off)


@pytest.mark.parametrize("modality", BOTH)
def test_augmentation_by_clip_draws_anew_for_each_clip(tmp_path, modality):
    """One clip after another from one generator is the whole batch drawn clip by clip."""
    train = clips(tmp_path, 2, (2.0, 1.4))
    model = GatingModel(2, (modality,), **(SETTINGS | {"crop": 24, "augmentation": "clip"}))
    model.standardisers_ = {}
    network = model.build()["network"].eval()
    [whole] = model._loader(train, [range(4)])
    noise, every = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    with torch.inference_mode():
        _, together = network.project(whole, every)
        for row, batch in enumerate(model._loader(train, [[0], [1], [2], [3]])):
            _, alone = network.project(batch, noise)
            torch.testing.assert_close(alone[modality][0], together[modality][row])


def test_the_global_baseline_takes_the_loudest_window_where_it_is_asked_to(tmp_path):
    chips, seen, sound = talking(0, 1, 3.0)
    sound[: 2 * 22050] //= 4
    train = clips_of(tmp_path, [("a", "S", 0, chips, seen, sound)])
    for apex, start in (("middle", 1.0), ("loudest", 2.0)):
        model = GatingModel(2, system="gating_global", **(SETTINGS | {"apex": apex}))
        model.standardisers_ = {}
        starts, _ = model.build()["network"].schedule(next(iter(model._loader(train, [[0]]))))
        assert starts.tolist() == [[pytest.approx(start, abs=1e-3)]]


def test_augmentation_by_batch_crops_all_clips_alike(tmp_path):
    train = clips(tmp_path, 2)
    model = GatingModel(2, ("video",), **(SETTINGS | {"crop": 24}))
    model.standardisers_ = {}
    network = model.build()["network"].eval()
    [whole] = model._loader(train, [range(4)])
    with torch.inference_mode():
        _, together = network.project(whole, torch.Generator().manual_seed(1))
        for row, batch in enumerate(model._loader(train, [[0], [1], [2], [3]])):
            _, alone = network.project(batch, torch.Generator().manual_seed(1))
            torch.testing.assert_close(alone["video"][0], together["video"][row])


def test_mse_part_of_the_loss_is_the_mean_over_windows_of_clips_with_both():
    gates = random_gates(5)
    both = (gates.there["audio"] & gates.there["video"]).numpy()
    squares = ((gates.projected["audio"] - gates.projected["video"]) ** 2).sum(2).numpy()
    expected = np.mean([squares[both[:, t], t].mean() for t in range(3)]) / 2
    assert float(mse_loss(gates)) == pytest.approx(expected, rel=1e-5)


def test_cross_modal_triplets_compare_with_the_other_modality():
    gates, emotion = random_gates(6), torch.arange(9) % 3
    everywhere = {m: torch.ones(9, 3, dtype=torch.bool) for m in BOTH}
    same = Gates(everywhere, gates.projected, dict.fromkeys(BOTH, gates.embedded["audio"]))

    def loss(gates, across):
        return triplet_loss(gates, emotion, 1.0, cross_modal=across, once=True)

    assert loss(same, across=True) == pytest.approx(loss(same, across=False))
    moved = Gates(everywhere, gates.projected, gates.embedded)
    assert loss(moved, across=True) != pytest.approx(loss(moved, across=False))


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_tiny_set_is_learned_by_heart(tmp_path, system):
    train = clips(tmp_path, per_emotion=6)
    settings = SETTINGS | {"softmax_epochs": 4, "epochs": 4}
    model = GatingModel(2, system=system, **settings).fit(train, train.select(np.arange(0)))
    for allowed in (BOTH, ("audio",), ("video",)):
        assert (model.predict_proba(train, allowed).argmax(1) == train.emotion).all()


def test_chances_are_the_votes_of_the_nearest_training_clips(trained):
    model, _, test = trained
    whole = test.has(BOTH)
    gates = model.embed(test.select(whole)).gates
    found, _ = model.predict_gates(test.select(whole))
    for gate in range(3):
        presented = [model._presented[m][:, gate] for m in BOTH]
        known = np.flatnonzero(np.all(presented, axis=0))
        space = np.hstack([model._neighbours[m][known, gate] for m in BOTH])
        asked = np.hstack([gates[m][:, gate] for m in BOTH])
        nearest = NearestNeighbors(n_neighbors=3).fit(space).kneighbors(asked)[1]
        votes = np.mean(model._labels[known][nearest][..., None] == np.arange(2), axis=1)
        np.testing.assert_allclose(found[:, gate], votes)


def test_clips_lacking_a_modality_are_scored_by_the_other_and_keep_their_last_state(trained):
    model, _, test = trained
    probabilities, opened = model.predict_gates(test)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(2), 1)
    short = 0  # 0.6 s: one window
    assert opened[short].tolist() == [True, False, False]
    gates = model.embed(test).gates["audio"][short]
    assert (gates[1] == gates[0]).all()


def test_a_saved_model_keeps_its_gates(trained, tmp_path):
    model, _, test = trained
    model.save(tmp_path / "model")
    again = GatingModel.load(tmp_path / "model")
    assert (again.predict_gates(test)[0] == model.predict_gates(test)[0]).all()
    assert again.network_.windows.ends().tolist() == [1.0, 1.5, 2.0]
    assert again.chosen_ == {"epochs": 3}


def test_a_clip_presented_window_by_window_gets_the_chances_of_the_whole_clip(trained):
    model, _, test = trained
    whole, opened = model.predict_gates(test)
    for row, streams in enumerate(test.streams):
        streamer = GatingStreamer(model)
        sound, chips = streams.sound(), streams.chips()
        for gate in range(int(opened[row].sum())):
            start = gate * 0.5
            first = round(start * 22050)
            heard = sound[first : first + 22050]
            heard = np.pad(heard, (0, 22050 - len(heard))) if len(sound) else None
            places = np.minimum(round(start * 4) + np.arange(4), len(chips) - 1)
            seen = chips[places] if len(chips) else None
            probabilities = streamer.present(heard, seen)
            np.testing.assert_allclose(probabilities, whole[row, gate])


def test_stream_state_equals_batch_state_to_rounding(trained):
    model, _, test = trained
    one = test.select(np.array([4]))
    streamer = GatingStreamer(model)
    sound, chips = one.streams[0].sound(), one.streams[0].chips()
    streamer.present(sound[:22050], chips[:4])
    batch = model.embed(one).gates
    for modality in BOTH:
        state = streamer.states[modality].output[0].cpu().numpy()
        np.testing.assert_allclose(state, batch[modality][0, 0], atol=1e-5)


def test_weights_that_cannot_be_used_are_refused_in_a_line(tmp_path):
    train = clips(tmp_path / "clips")
    with pytest.raises(ParamsError, match=r"gating\.weights is published, but gating\.width"):
        GatingModel(2, **(SETTINGS | {"weights": "published"})).fit(train, train)


def test_early_stopping_watches_the_validation_subjects_after_the_softmax_epochs(tmp_path):
    train, held_out = clips(tmp_path / "t"), clips(tmp_path / "v", 2)
    settings = SETTINGS | {"softmax_epochs": 3, "epochs": 30, "patience": 1}
    model = GatingModel(2, **settings).fit(train, held_out)
    rows = [line.split(",") for line in model.logs_["curves"].splitlines()]
    losses = [float(row[rows[0].index("validation_loss")]) for row in rows[1:]]
    assert np.isnan(losses[:3]).all()
    assert len(losses) < 33
    assert int(np.nanargmin(losses)) == len(losses) - 2


def late(folder, n=4):
    """Clips whose face appears after the first second, as test clips or to learn from."""
    folder.mkdir()
    recordings = []
    for k in range(n):
        chips, seen, sound = talking(k % 2, 50 + k)
        seen[:4] = False
        recordings.append((f"late{k}", f"L{k}", k % 2, chips, seen, sound))
    return clips_of(folder, recordings)


def test_a_modality_that_starts_late_votes_from_then_on_in_stream_and_batch_alike(
    trained, tmp_path
):
    model, _, _ = trained
    clips_ = late(tmp_path / "late")
    whole, _ = model.predict_gates(clips_)
    alone, _ = model.predict_gates(clips_, ("audio",))
    np.testing.assert_array_equal(whole[:, 0], alone[:, 0])
    for row, streams in enumerate(clips_.streams):
        streamer, sound, chips = GatingStreamer(model), streams.sound(), streams.chips()
        for gate in range(3):
            start = round(gate * 0.5 * 22050)
            heard = np.pad(sound[start : start + 22050], (0, 22050))[:22050]
            places = np.minimum(round(gate * 0.5 * 4) + np.arange(4), len(chips) - 1)
            shown = np.maximum(places, 4)  # the nearest chip with a face
            probabilities = streamer.present(heard, chips[shown] if gate else None)
            np.testing.assert_allclose(probabilities, whole[row, gate])


def test_before_anything_is_presented_the_chances_are_the_training_clips_shares(trained, tmp_path):
    model, _, _ = trained
    probabilities, _ = model.predict_gates(late(tmp_path / "late"), ("video",))
    shares = np.bincount(model._labels) / len(model._labels)
    np.testing.assert_allclose(probabilities[:, 0], np.tile(shares, (4, 1)))


def test_no_clip_at_all_gives_no_rows(trained):
    model, _, test = trained
    probabilities, opened = model.predict_gates(test.select(np.arange(0)))
    assert probabilities.shape == (0, 3, 2)
    assert opened.shape == (0, 3)


def test_clips_of_the_same_names_with_other_streams_are_embedded_anew(trained, tmp_path):
    model, _, test = trained
    other = clips(tmp_path / "other", 3, (0.6, 2.0, 1.6), audio=[1], video=[2])
    other = other.select(np.arange(len(other))[::-1])
    renamed = type(other)(test.clip_id, other.subject, other.emotion, other.present, other.streams)
    first = model.embed(test).gates["audio"]
    assert not np.array_equal(model.embed(renamed).gates["audio"], first)


def test_video_without_a_single_window_of_faces_trains_nothing_and_does_not_crash(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    recordings = []
    for k in range(6):
        chips, seen, _ = talking(k % 2, k)
        seen[1:] = False  # one face in two seconds
        recordings.append((f"c{k}", f"S{k}", k % 2, chips, seen, None))
    train = clips_of(folder, recordings)
    model = GatingModel(2, ("video",), **SETTINGS).fit(train, train.select(np.arange(0)))
    np.testing.assert_allclose(model.predict_proba(train), 0.5)


def test_only_the_papers_system_takes_triplets_across_modalities():
    for system in SYSTEMS:
        assert untrained(system, cross_modal=True).cross_modal == (system == "gating")


def test_validation_clips_that_form_no_triplet_are_an_error_that_says_so(tmp_path):
    train, held_out = clips(tmp_path / "t"), clips(tmp_path / "v", 2)
    alone = held_out.select(held_out.emotion == 0)
    for few in (alone, held_out.select(np.arange(0))):
        with pytest.raises(DataError, match="validation clips form no triplet"):
            GatingModel(2, **(SETTINGS | {"patience": 2})).fit(train, few)


def test_triplets_are_mined_in_full_precision_under_autocast(tmp_path):
    train = clips(tmp_path)
    model = GatingModel(2, **SETTINGS)
    model.standardisers_ = {}
    model.networks_ = model.build()
    training = model._training(0)
    gates, batch = random_gates(3), next(iter(model._loader(train, [[*range(8), 0]])))
    exact = training.parts(gates, batch)
    with torch.autocast("cpu", torch.bfloat16):
        low = training.parts(gates, batch)
    assert {name: float(v) for name, v in low.items()} == {n: float(v) for n, v in exact.items()}


@pytest.mark.parametrize("modality", BOTH)
def test_a_window_that_is_alone_in_its_batch_is_left_out_of_training(tmp_path, modality):
    """Batch normalisation of a single value has no variance to divide by."""
    train = clips(tmp_path, seconds=(0.5,), **{modality: range(1, 8)})
    settings = SETTINGS | {"windows": 1, "length": 0.5, "overlap": 0.0}
    model = GatingModel(2, **settings).fit(train, train.select(np.arange(0)))
    assert np.isfinite(model.predict_proba(train)).all()


def test_frozen_layers_are_never_trained_nor_their_normalisation(tmp_path, monkeypatch):
    train = clips(tmp_path / "clips")
    first = GatingModel(2, ("audio",), **SETTINGS)
    first.standardisers_ = {}
    stream = first.build()["network"].stream("audio")
    monkeypatch.setattr(gating_model, "DEMO_WEIGHTS", tmp_path)
    save_file(stream.state_dict(), tmp_path / "audio.safetensors")
    changes = {"weights": "demo", "frozen": {"audio": 4, "video": 0}, "softmax_epochs": 1}
    model = GatingModel(2, ("audio",), **(SETTINGS | changes))
    model.fit(train, train.select(np.arange(0)))
    before = stream.backbone.state_dict()
    for name, tensor in model.network_.stream("audio").backbone.state_dict().items():
        assert tensor.equal(before[name]) == (int(name[4]) <= 4), name
