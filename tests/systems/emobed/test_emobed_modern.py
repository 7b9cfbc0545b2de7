"""EmoBed by the modern recipe: its mini-batches, its objective, and that it learns."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from emobed_clips import SIZES, make_clips
from torch.optim.optimizer import register_optimizer_step_pre_hook

from avlib.networks.modern import Mixup
from avlib.params import Params
from avlib.systems.common.model import concatenate
from avlib.systems.emobed.model import EmoBedModel
from avlib.systems.emobed.modern_training import ModernTraining
from avlib.systems.emobed.network import EmoBedNetwork
from avlib.systems.emobed.params import PAPER
from avlib.systems.emobed.system import used_weights
from avlib.systems.emobed.unpaired import Half, drawn_apart

MODERN = {
    "epochs": 14,
    "batch_size": 8,
    "learning_rate": 0.03,
    "weight_decay": 0.01,
    "warm_up": 0.3,
    "balanced": True,
    "label_smoothing": 0.1,
    "mixup": 0.2,
}
SETTINGS = {
    "recipe": "modern",
    "pooling": "mean",
    "input_dropout": 0.1,
    "dropout": 0.1,
    "epoch_over": "larger",
    "hidden": 12,
    "layers": 1,
    "alpha": 0.5,
    "alpha_first": 0,
    "beta_ramp": 0,
    "beta_audio": 0.3,
    "beta_video": 0.8,
    "margin": 1.0,
    "patience": None,
    "seed": 0,
    "modern": MODERN,
}
ONE_EPOCH = {"modern": MODERN | {"epochs": 1}}


def fitted(train, system="emobed", **changes):
    model = EmoBedModel(3, system=system, **used_weights(system, SETTINGS | changes))
    return model.fit(train, train.select([]))


def same(a, b):
    return all(
        torch.equal(value, b.networks_[m].state_dict()[name])
        for m, network in a.networks_.items()
        for name, value in network.state_dict().items()
    )


def draws(n_audio, n_video=0, *, balanced=False, steps=3, seed=0):
    emotions = {"audio": np.arange(n_audio) % 3, "video": np.arange(n_video) % 3}
    used = {m: emotion for m, emotion in emotions.items() if len(emotion)}
    return drawn_apart(used, 8, seed, balanced=balanced, steps=steps)


def test_the_papers_recipe_overrides_the_switches_and_forgets_section_modern():
    values = yaml.safe_load(Path("params.yaml").read_text())
    values.pop("demo")
    section = Params.model_validate(values).emobed
    assert section.recipe == "modern"
    paper = section.model_copy(update={"recipe": "paper"}).used({"epochs": 3})
    assert {key: paper[key] for key in PAPER} == PAPER
    assert "modern" not in paper
    assert section.used({"epochs": 3})["modern"] == {"epochs": 3}


@pytest.mark.parametrize("balanced", [False, True])
def test_a_smaller_modality_begins_anew_until_the_epoch_has_its_steps(balanced):
    batches = list(draws(24, 9, balanced=balanced))
    assert len(batches) == 3
    assert sorted(row for b in batches for row in b["audio"]) == list(range(24))
    assert [len(b["video"]) for b in batches] == [8, 1, 8]
    assert sorted(batches[0]["video"] + batches[1]["video"]) == list(range(9))


def test_every_epoch_shows_others_of_a_larger_modality():
    sampler, seen = draws(24, 9, steps=1), []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        [batch] = sampler
        seen.append(batch["audio"])
    assert all(first != second for first, second in pairwise(seen))


def test_emotions_are_equally_likely_in_each_modality_where_they_should_be():
    rare = np.array([0] * 20 + [1] * 3 + [2])
    emotions = {"audio": rare, "video": np.array([0] * 3 + [1] * 21)}
    batches = list(drawn_apart(emotions, 8, 0, balanced=True, steps=3))
    for modality, each in (("audio", [8, 8, 8]), ("video", [12, 12])):
        rows = np.concatenate([batch[modality] for batch in batches])
        assert np.bincount(emotions[modality][rows]).tolist() == each


def test_orders_depend_on_seed_and_epoch_alone_and_are_no_pairs():
    both = draws(24, 24)
    first = list(both)
    assert first == list(draws(24, 24))
    assert [b["audio"] for b in first] == [b["audio"] for b in draws(24)]
    assert all(b["audio"] != b["video"] for b in first)
    assert first != list(draws(24, 24, seed=1))
    both.set_epoch(1)
    assert first != list(both)
    both.set_epoch(0)
    assert first == list(both)


@pytest.mark.parametrize("over", ["larger", "target"])
def test_an_epoch_has_the_steps_of_the_larger_modality_or_of_the_target(over):
    voices, faces = make_clips(40, 1, video=range(40)), make_clips(9, 2, audio=range(9))
    both, taken = concatenate(voices, faces), []
    hook = register_optimizer_step_pre_hook(lambda *_: taken.append(1))
    try:
        fitted(both, epoch_over=over, **ONE_EPOCH)
    finally:
        hook.remove()
    assert len(taken) == {"larger": 5 + 5, "target": 5 + 2}[over]


def test_systems_differ_in_their_objective_alone():
    train = concatenate(make_clips(24), make_clips(9, 2, audio=range(9)))
    classic = fitted(train, "emobed_classic", **ONE_EPOCH)
    nothing = {"alpha": 0.0, "beta_audio": 0.0, "beta_video": 0.0}
    assert same(classic, fitted(train, "emobed", **nothing, **ONE_EPOCH))
    helped = [fitted(train, f"emobed_{name}", **ONE_EPOCH) for name in ("joint", "triplet")]
    assert not same(classic, helped[0])
    assert not same(classic, helped[1])


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_objective_is_eq_8_of_blends_from_their_starts(alpha):
    """alpha: of mixup. Everything written out for one clip at a time, without padding."""
    torch.manual_seed(0)
    network = EmoBedNetwork(SIZES, 3, hidden=5, layers=1)
    lengths = {"audio": [4, 2, 3, 4], "video": [1, 5, 5]}
    labels = {"audio": [0, 1, 0, 2], "video": [2, 0, 1]}
    batch = {}
    for m, of in lengths.items():
        features = torch.randn(len(of), max(of), SIZES[m])
        features[torch.arange(max(of))[None] >= torch.tensor(of)[:, None]] = 0
        batch[m] = Half(features, torch.tensor(of), torch.tensor(labels[m]))
    weights = {"alpha": 0.7, "beta": 0.2, "margin": 0.4}
    settings = {"mixup": alpha, "label_smoothing": 0.3, "pooling": "mean"}
    module = ModernTraining(network, "video", **weights, **settings)
    module.log = lambda *_, **__: None
    torch.manual_seed(3)
    noise = torch.Generator().manual_seed(int(torch.randint(2**62, ()).item()))
    losses, ends, who = {}, [], []
    for m, half in batch.items():
        mixup, total = Mixup.draw(len(half.labels), alpha, noise), 0.0
        share, partners = mixup.share, mixup.partner.tolist()
        for row, partner in enumerate(partners):
            n = lengths[m][row] if share == 1 else max(lengths[m][row], lengths[m][partner])
            own, other = half.features[row, :n], half.features[partner, :n]
            read = network(m, (share * own + (1 - share) * other)[None])
            chances = read.predictions[0].mean(0).log_softmax(0)
            wanted = torch.full((3,), 0.3 / 3)
            wanted[labels[m][row]] += 0.7 * share
            wanted[labels[m][partner]] += 0.7 * (1 - share)
            total -= (wanted * chances).sum() / len(partners)
            ends.append(read.embeddings[0].mean(0))
            who.append(labels[m][row if share >= 0.5 else partner])
        losses[m] = total
    triplets = 0.0
    for i, end in enumerate(ends):
        away = [float((end - one).detach().norm()) for one in ends]
        far = max(d for j, d in enumerate(away) if j != i and who[j] == who[i])
        near = min(d for j, d in enumerate(away) if who[j] != who[i])
        triplets += max(far - near + 0.4, 0) / len(ends)
    torch.manual_seed(3)
    found = module.training_step(batch, 0)
    expected = losses["video"] + 0.7 * losses["audio"] + 0.2 * triplets
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


@pytest.mark.parametrize("system", ["emobed_classic", "emobed"])
def test_a_small_set_is_learned_by_heart_and_generalises(system):
    train, test = make_clips(24), make_clips(60, seed=5)
    model = fitted(train, system)
    assert model.chosen_ == {"epochs_audio": 14, "epochs_video": 14}
    for used in (("audio",), ("video",), ("audio", "video")):
        assert (model.predict_proba(train, used).argmax(1) == train.emotion).mean() > 0.9
        assert (model.predict_proba(test, used).argmax(1) == test.emotion).mean() > 0.8


def test_with_patience_the_epoch_of_least_validation_loss_counts():
    train, held_out = make_clips(24), make_clips(12, seed=8)
    held_out.emotion[:4] = held_out.emotion[1:5]  # being sure of these does not pay for long
    settings = used_weights("emobed_classic", SETTINGS | {"patience": 2})
    model = EmoBedModel(3, ("audio",), system="emobed_classic", **settings).fit(train, held_out)
    names, *rows = (line.split(",") for line in model.logs_["curves_audio"].splitlines())
    losses = [float(row[names.index("validation_loss")]) for row in rows]
    right = model.predict_proba(held_out)[np.arange(12), held_out.emotion]
    assert -np.log(right).mean() == pytest.approx(min(losses), rel=1e-4)
