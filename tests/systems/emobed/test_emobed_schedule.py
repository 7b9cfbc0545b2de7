"""When the other modality learns, and how its triplets come in: the schedule."""

import copy
from pathlib import Path

import pytest
import torch
import yaml
from emobed_clips import SIZES, make_clips
from test_emobed_modern import ONE_EPOCH, SETTINGS, fitted, same
from torch.optim.optimizer import register_optimizer_step_pre_hook

from avlib.params import Params
from avlib.systems.common.model import concatenate
from avlib.systems.emobed import training
from avlib.systems.emobed.network import EmoBedNetwork
from avlib.systems.emobed.params import PAPER
from avlib.systems.emobed.system import EmoBedSystem, used_weights
from avlib.systems.emobed.traces.system import TracesSystem
from avlib.systems.emobed.training import JointTraining
from avlib.systems.emobed.unpaired import epochs_over


@pytest.fixture(scope="module")
def unequal():
    """Few voices and many faces."""
    return concatenate(make_clips(9, 1, video=range(9)), make_clips(40, 2, audio=range(40)))


def test_the_other_modality_learns_first_with_what_is_shared_and_leaves_the_targets_part(
    unequal, monkeypatch
):
    seen, train = [], training.train_network

    def watching(module, loader, *args, **how):
        drawn = {m for batch in loader for m in batch}
        seen.append((module.target, drawn, copy.deepcopy(module.network.state_dict())))
        return train(module, loader, *args, **how)

    monkeypatch.setattr(training, "train_network", watching)
    fitted(unequal, "emobed_joint", alpha_first=2, **ONE_EPOCH)
    assert [(target, drawn) for target, drawn, _ in seen[:2]] == [
        ("video", {"video"}),
        ("audio", {"audio", "video"}),
    ]
    (_, _, before), (_, _, after) = seen[:2]
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name for name in before if not name.startswith("specific.audio")} == changed


def test_the_target_takes_as_many_steps_whether_the_other_learns_first_or_not(unequal):
    taken, counts = [], []
    hook = register_optimizer_step_pre_hook(lambda *_: taken.append(1))
    try:
        for first in (0, 3):
            taken.clear()
            fitted(unequal, "emobed_joint", alpha_first=first, **ONE_EPOCH)
            counts.append(len(taken))
    finally:
        hook.remove()
    # Of 40 faces and 9 voices an epoch has five mini-batches, also where the faces are the target.
    assert counts == [2 * 5, 2 * 5 + 2 * 3 * 5]


def test_systems_without_the_others_loss_have_no_schedule_for_it(unequal):
    for system in ("emobed_classic", "emobed_triplet"):
        assert not used_weights(system, SETTINGS | {"alpha_first": 3})["alpha_first"]
    a, b = (
        fitted(unequal, "emobed_classic", alpha_first=first, beta_ramp=first, margin=m, **ONE_EPOCH)
        for first, m in ((0, 1.0), (3, 0.2))
    )
    assert a.settings == b.settings  # so that neither is trained again for the other's sake
    assert same(a, b)


def test_triplets_come_in_step_by_step(monkeypatch):
    network = EmoBedNetwork(SIZES, 3, hidden=4, layers=1)
    losses, triplet = {"audio": torch.tensor(2.0)}, torch.tensor(10.0)
    module = JointTraining(network, "audio", alpha=0.5, beta=0.3, beta_ramp=4)
    found = []
    for epoch in (0, 1, 2, 4, 9):
        monkeypatch.setattr(JointTraining, "current_epoch", epoch)
        found.append(module.objective(losses, triplet).item())
    assert found == pytest.approx([2.0, 2.75, 3.5, 5.0, 5.0])
    literal = JointTraining(network, "audio", alpha=0.5, beta=0.3)
    assert literal.objective(losses, triplet).item() == pytest.approx(5.0)


def test_the_papers_recipe_is_the_literal_schedule():
    assert (PAPER["alpha_first"], PAPER["beta_ramp"], PAPER["epoch_over"]) == (0, 0, "target")


@pytest.mark.parametrize("system", [EmoBedSystem(), TracesSystem()])
def test_another_beta_trains_nothing_again_that_has_no_triplets(system):
    values = yaml.safe_load(Path("params.yaml").read_text())
    values.pop("demo")
    other = copy.deepcopy(values)
    other["emobed"] |= {"beta_audio": 0.7, "beta_video": 0.7, "margin": 0.4}
    other["traces"] |= {"beta": 0.7, "margin": 0.4}
    one, two = (Params.model_validate(v) for v in (values, other))
    for model in system.models:
        same_key = system.recipe(model, one).settings == system.recipe(model, two).settings
        assert same_key == model.startswith(("svr", "emobed_classic", "emobed_joint")), model


@pytest.mark.parametrize(("over", "batches"), [("target", 2), ("larger", 5)])
def test_clips_as_they_come_have_the_steps_of_either_modality(over, batches):
    settings = {"batch_size": 8, "seed": 0, "epoch_over": over}
    every = {"audio": 9, "video": 40}
    both, alone = (list(epochs_over(c, every, settings)) for c in (every, {"audio": 9}))
    assert len(both) == len(alone) == batches
    assert [b["audio"] for b in both] == [b["audio"] for b in alone]
    assert {row for b in both for row in b["audio"]} == set(range(9))
