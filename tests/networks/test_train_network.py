import math

import pytest
import torch
from lightning.pytorch import LightningModule
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from avlib.networks import train_network as train_network_module
from avlib.networks.train_network import (
    EpochSampler,
    epoch_seed,
    train_network,
)
from avlib.runtime.errors import ParamsError

SEED = 3


class Killed(BaseException):
    """Stands for a signal: nothing catches it on the way."""


class Regression(LightningModule):
    """A line with dropout and momentum, so that any state lost on resuming shows."""

    def __init__(self, learning_rate=0.05, die_at=None):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Dropout(0.2), nn.Linear(32, 1))
        self.learning_rate, self.die_at = learning_rate, die_at

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), self.learning_rate)
        return [optimizer], [torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)]

    def training_step(self, batch, index):
        if self.die_at == (self.current_epoch, index):
            raise Killed
        loss = functional.mse_loss(self.net(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, index):
        torch.rand(self.current_epoch + 1)  # validation may draw what it likes
        self.log("validation_loss", functional.mse_loss(self.net(batch[0]), batch[1]))


class Scripted(Regression):
    """Its validation loss follows a script, epoch by epoch."""

    def __init__(self, script, **arguments):
        super().__init__(**arguments)
        self.script = script

    def validation_step(self, batch, index):
        self.log("validation_loss", torch.tensor(self.script[self.current_epoch]))


@pytest.fixture
def loaders():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(40, 4, generator=generator)
    data = TensorDataset(x, x.sum(1, keepdim=True))

    def make():
        train = DataLoader(data, 8, sampler=EpochSampler(len(data), SEED))
        return train, DataLoader(data, 20)

    return make


def outcome(folder):
    """All that a run leaves, as bytes; of the last checkpoint, what it means."""
    last = torch.load(folder / "last.ckpt", weights_only=True)
    return (
        (folder / "best.ckpt").read_bytes(),
        (folder / "curves.csv").read_text(),
        {name: tensor.numpy().tobytes() for name, tensor in last["state_dict"].items()},
    )


def test_two_runs_leave_the_same_bytes_whatever_was_drawn_before(loaders, tmp_path):
    for name in ("a", "b"):
        torch.rand(7 if name == "a" else 8)
        train_network(Regression(), *loaders(), folder=tmp_path / name, max_epochs=3, seed=SEED)
    assert outcome(tmp_path / "a") == outcome(tmp_path / "b")


def test_another_seed_gives_another_model(loaders, tmp_path):
    for seed in (1, 2):
        train_network(
            Regression(), *loaders(), folder=tmp_path / str(seed), max_epochs=1, seed=seed
        )
    assert outcome(tmp_path / "1") != outcome(tmp_path / "2")


@pytest.fixture
def saving_always(monkeypatch):
    monkeypatch.setattr(train_network_module, "SAVE_EVERY", 0.0)


@pytest.mark.parametrize("die_at", [(0, 2), (1, 0), (2, 4)], ids=str)
def test_killed_and_resumed_run_ends_as_an_undisturbed_one(
    die_at, loaders, tmp_path, saving_always
):
    train_network(Regression(), *loaders(), folder=tmp_path / "whole", max_epochs=4, seed=SEED)
    cut = tmp_path / "cut"
    with pytest.raises(Killed):
        train_network(Regression(die_at=die_at), *loaders(), folder=cut, max_epochs=4, seed=SEED)
    moved = cut.rename(tmp_path / "moved")  # a checkpoint knows no path
    train_network(Regression(), *loaders(), folder=moved, max_epochs=4, seed=SEED)
    assert outcome(moved) == outcome(tmp_path / "whole")


def test_resumed_run_goes_on_after_the_last_checkpoint(loaders, tmp_path, saving_always):
    with pytest.raises(Killed):
        train_network(
            Regression(die_at=(2, 0)), *loaders(), folder=tmp_path, max_epochs=3, seed=SEED
        )
    # Had it begun anew, the first epoch would kill it.
    train_network(Regression(die_at=(0, 0)), *loaders(), folder=tmp_path, max_epochs=3, seed=SEED)


def test_checkpoints_are_as_far_apart_as_asked_and_the_end_is_kept(loaders, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(train_network_module, "SAVE_EVERY", 25.0)
    monkeypatch.setattr(train_network_module.time, "monotonic", lambda: now[0])
    written = []

    class Clocked(Regression):
        def on_train_epoch_start(self):
            now[0] += 10.0

        def on_save_checkpoint(self, checkpoint):
            written.append(self.current_epoch)

    train_network(Clocked(), *loaders(), folder=tmp_path, max_epochs=5, seed=SEED)
    assert written == [2, 4]


def test_run_killed_between_two_checkpoints_ends_as_an_undisturbed_one(loaders, tmp_path):
    train_network(Regression(), *loaders(), folder=tmp_path / "whole", max_epochs=4, seed=SEED)
    cut = tmp_path / "cut"
    with pytest.raises(Killed):
        train_network(Regression(die_at=(3, 1)), *loaders(), folder=cut, max_epochs=4, seed=SEED)
    assert not (cut / "last.ckpt").exists()
    train_network(Regression(), *loaders(), folder=cut, max_epochs=4, seed=SEED)
    assert outcome(cut) == outcome(tmp_path / "whole")


def test_finished_run_is_not_trained_again(loaders, tmp_path):
    train_network(Regression(), *loaders(), folder=tmp_path, max_epochs=2, seed=SEED)
    before = outcome(tmp_path)
    train_network(Regression(die_at=(2, 0)), *loaders(), folder=tmp_path, max_epochs=2, seed=SEED)
    assert outcome(tmp_path) == before


def test_best_epoch_is_kept_and_patience_ends_the_run(loaders, tmp_path):
    script = [3.0, 1.0, math.nan, 2.0, 0.5, 0.4]
    curves = train_network(
        Scripted(script), *loaders(), folder=tmp_path, max_epochs=6, patience=2, seed=SEED
    )
    assert curves == (tmp_path / "curves.csv").read_text()
    rows = curves.splitlines()
    assert rows[0] == "epoch,train_loss,validation_loss"
    assert [row.split(",")[0] for row in rows[1:]] == ["0", "1", "2", "3"]
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == 1


def test_run_that_stopped_early_does_not_go_on_when_called_again(loaders, tmp_path):
    arguments = {"folder": tmp_path, "max_epochs": 6, "patience": 1, "seed": SEED}
    train_network(Scripted([1.0, 2.0]), *loaders(), **arguments)
    before = outcome(tmp_path)
    train_network(Scripted([], die_at=(2, 0)), *loaders(), **arguments)
    assert outcome(tmp_path) == before


def test_larger_can_be_better(loaders, tmp_path):
    train_network(
        Scripted([1.0, 3.0, 2.0]), *loaders(), folder=tmp_path, max_epochs=3, seed=SEED, mode="max"
    )
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == 1


def test_the_module_is_left_with_the_weights_of_the_best_epoch(loaders, tmp_path):
    trained = Scripted([1.0, 0.5, 2.0])
    train_network(trained, *loaders(), folder=tmp_path, max_epochs=3, seed=SEED)
    expected = torch.load(tmp_path / "best.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(trained.state_dict()[name], t) for name, t in expected.items())
    last = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    assert any(not torch.equal(trained.state_dict()[name], t) for name, t in last.items())


def test_without_a_folder_it_trains_the_same_and_leaves_nothing(loaders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, other = Regression(), Regression()
    curves = train_network(one, *loaders(), max_epochs=2, seed=SEED)
    assert not list(tmp_path.iterdir())
    assert (
        train_network(other, *loaders(), folder=tmp_path / "f", max_epochs=2, seed=SEED) == curves
    )
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_diverged_training_says_so(loaders, tmp_path):
    with pytest.raises(ParamsError, match=r"validation_loss was no finite number.*learning rate"):
        train_network(
            Scripted([math.nan] * 2), *loaders(), folder=tmp_path, max_epochs=2, seed=SEED
        )


def test_value_that_is_not_logged_is_named(loaders, tmp_path):
    with pytest.raises(ValueError, match="not validation_f1"):
        train_network(
            Regression(),
            *loaders(),
            folder=tmp_path,
            max_epochs=1,
            seed=SEED,
            monitor="validation_f1",
        )


def test_loader_that_shuffles_by_itself_is_refused(loaders, tmp_path):
    train, validation = loaders()
    shuffling = DataLoader(train.dataset, 8, shuffle=True)
    with pytest.raises(ValueError, match="EpochSampler"):
        train_network(Regression(), shuffling, validation, folder=tmp_path, max_epochs=1, seed=SEED)


def test_global_state_is_left_as_it_was(loaders, tmp_path):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    train_network(Regression(), *loaders(), folder=tmp_path, max_epochs=1, seed=SEED)
    assert torch.equal(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_epoch_sampler_shuffles_every_epoch_anew_and_repeatably():
    sampler = EpochSampler(50, seed=SEED)
    first = list(sampler)
    assert sorted(first) == list(range(50))
    sampler.set_epoch(1)
    second = list(sampler)
    assert second != first
    again = EpochSampler(50, seed=SEED)
    again.set_epoch(1)
    assert list(again) == second


def test_epochs_of_neighbouring_seeds_share_no_noise():
    seeds = {epoch_seed(seed, epoch) for seed in range(30) for epoch in range(300)}
    assert len(seeds) == 30 * 300
    assert epoch_seed(2**31, 10**6) < 2**32
