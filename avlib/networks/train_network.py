"""One way to train: deterministic, resumed after an epoch, followed on a progress bar."""

import csv
import logging
import math
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Callback, Checkpoint
from lightning.pytorch.utilities.seed import isolate_rng
from torch.utils.data import DataLoader, RandomSampler, Sampler

from avlib.runtime.device import device, devices, kind, precision
from avlib.runtime.errors import ParamsError
from avlib.runtime.files import atomic_path
from avlib.runtime.freed_memory import freed_memory_kept
from avlib.runtime.progress import duration

# Sums are split by thread: a fixed count gives the same bytes whatever the machine's cores.
CPU_THREADS = 2
SAVE_EVERY = 300.0  # s between two checkpoints: of large networks each is a gigabyte
# What is done in place of training: takes the module, the training loader and the epochs, returns
# curves. See `avlib.networks.rehearsal`.
INSTEAD: ContextVar[Callable[[LightningModule, DataLoader, int], str] | None] = ContextVar(
    "instead", default=None
)


class EpochSampler(Sampler[int]):
    """Indices in an order that depends on the seed and the epoch alone.

    A shuffling loader draws its order from a generator whose state a resumed run no longer has.
    """

    def __init__(self, n: int, seed: int):
        self.n, self.seed, self.epoch = n, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(epoch_seed(self.seed, self.epoch))
        return iter(torch.randperm(self.n, generator=generator).tolist())


def train_network(
    module: LightningModule,
    train_loader: DataLoader,
    validation_loader: DataLoader | None = None,
    *,
    folder: Path | None = None,
    max_epochs: int,
    patience: int | None = None,
    seed: int,
    monitor: str = "validation_loss",
    mode: Literal["min", "max"] = "min",
    label: str | None = None,
) -> str:
    """Train to the best epoch; called again with the same arguments, go on where it stopped.

    On every GPU there is (`avlib.runtime.device` says which, and in what precision), else on the
    CPU in float32. All randomness is drawn anew for each epoch from `seed`, so a killed and resumed
    run ends, on the CPU, with the same bytes as an undisturbed one; it goes on from a checkpoint of
    five minutes ago or one epoch, on whatever kind of device. What is random in training belongs
    into ``training_step`` (dropout, augmentation on the device) or into an `EpochSampler`; and what
    must happen in every epoch does not belong into ``on_train_epoch_start``, which Lightning skips
    when it resumes.

    Parameters
    ----------
    module : LightningModule
        Logs `monitor` in ``validation_step``; whatever it logs per epoch ends in the curves. Left
        with the weights that count, those of the best epoch.
    train_loader, validation_loader : DataLoader
        The training one has a sampler with ``set_epoch``, such as `EpochSampler`. Without a
        validation loader there is no best epoch: all `max_epochs` are trained, the last one counts.
    folder : Path, optional
        Holds ``best.ckpt``, ``last.ckpt`` and ``curves.csv``, and is where an interrupted training
        goes on. One folder per set of arguments: a checkpoint of other arguments would be resumed.
        By default a temporary one.
    max_epochs : int
    patience : int, optional
        Stop after this many epochs without a better `monitor`; never by default.
    seed : int
    monitor : str
        The logged value that tells the best epoch.
    mode : {"min", "max"}
        Whether a better value is a smaller or a larger one.
    label : str, optional
        Name of one training among several that run side by side, such as a fold: it computes on
        one thread or one device, and says how far it is in a line now and then, because several
        progress bars would write over each other.

    Returns
    -------
    str
        The curves as CSV: one row per epoch.

    Raises
    ------
    ValueError
        The training loader shuffles in a way that cannot be resumed.
    ParamsError
        `monitor` was never a finite number.
    """
    if isinstance(train_loader.sampler, RandomSampler):
        raise ValueError("the training loader shuffles by itself; give it sampler=EpochSampler(..)")
    if instead := INSTEAD.get():
        return instead(module, train_loader, max_epochs)
    with nullcontext(folder) if folder else tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        last = folder / "last.ckpt"
        keeper = _KeepEpochs(folder, monitor if validation_loader else None, mode, patience)
        callbacks = [_Reseed(seed), keeper, *([_Lines(label)] if label else [])]
        with reproducible(1 if label else CPU_THREADS), freed_memory_kept(), quiet():
            resumed = torch.load(last, weights_only=True)["epoch"] + 1 if last.exists() else 0
            seed_everything(epoch_seed(seed, resumed), verbose=False)
            if hasattr(train_loader.sampler, "set_epoch"):
                # Workers fetch their first batches before Lightning announces the epoch.
                train_loader.sampler.set_epoch(resumed)
            trainer(max_epochs, callbacks, alone=label is None).fit(
                module,
                train_loader,
                validation_loader,
                ckpt_path=last if last.exists() else None,
                weights_only=True,
            )
        counts = keeper.best_path if validation_loader else last
        final = keeper.rows[-1].get("train_loss", 0.0)
        if not counts.exists() or (validation_loader is None and not math.isfinite(final)):
            raise ParamsError(
                f"training diverged: {monitor if validation_loader else 'train_loss'} was no finite"
                f" number after {max_epochs} epochs; lower the learning rate"
            )
        state = torch.load(counts, map_location="cpu", weights_only=True)["state_dict"]
        module.load_state_dict(state, strict=module.strict_loading)
        return (folder / "curves.csv").read_text()


def epoch_seed(seed: int, epoch: int) -> int:
    """Return a seed below 2**32 for one epoch, far from those of its neighbours."""
    return (seed * 1_000_003 + epoch * 7_919 + 17) % 2**32


def trainer(max_epochs: int, callbacks: list[Callback], *, alone: bool) -> Trainer:
    """Return Lightning's trainer on this process's devices, or on one where others run beside."""
    on_cpu = kind(device()) == "cpu"
    used = [torch.device(name).index or 0 for name in (devices() if alone else [device()])]
    return Trainer(
        accelerator="cpu" if on_cpu else "gpu",
        devices=1 if on_cpu else used,
        num_nodes=int(os.environ.get("GROUP_WORLD_SIZE", "1")) if alone else 1,  # set by torchrun
        precision=precision(),
        # Some layers (3-D pooling) have no deterministic CUDA kernel: there it can only warn.
        deterministic=True if on_cpu else "warn",
        max_epochs=max_epochs,
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=alone,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


class _Reseed(Callback):
    def __init__(self, seed: int):
        self.seed = seed

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # Not on_train_epoch_start: Lightning leaves it out for the epoch that it resumes with.
        if batch_idx == 0:
            # Every process its own noise, or all devices would drop the same units.
            seed = epoch_seed(self.seed, trainer.current_epoch) + trainer.global_rank
            seed_everything(seed % 2**32, verbose=False)


class _KeepEpochs(Checkpoint):
    """Writes the best and the last checkpoint and the curves every few minutes; stops in time.

    Lightning's own ModelCheckpoint and EarlyStopping forget the best value when the folder has
    moved, and that they had already stopped: a resumed run would end differently.
    """

    def __init__(self, folder: Path, monitor: str | None, mode: str, patience: int | None):
        self.folder, self.monitor, self.patience = folder, monitor, patience
        self.sign = 1 if mode == "max" else -1
        self.best_path = folder / "best.ckpt"
        self.best, self.best_epoch = -math.inf, -1
        self.rows: list[dict[str, float]] = []
        self.unsaved: dict[str, Any] | None = None  # best epoch and its weights
        self.saved = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_epoch": self.best_epoch, "rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        vars(self).update(state_dict)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop_if_stale(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.rows.append({"epoch": trainer.current_epoch, **dict(sorted(logged.items()))})
        if self.monitor is not None:
            self._keep_if_best(trainer, logged)
        if trainer.is_global_zero:
            self._write_curves()
        self._stop_if_stale(trainer)
        ends = trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
        due = ends or time.monotonic() - self.saved >= SAVE_EVERY
        if trainer.strategy.broadcast(due):  # one clock decides for all processes
            self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        if trainer.is_global_zero and self.unsaved is not None:
            # Into an open file: of a path, torch writes the name into the file.
            with atomic_path(self.best_path) as scratch, scratch.open("wb") as file:
                torch.save(self.unsaved, file)
        self.unsaved = None
        # The last one comes last: what is done up to here is done from it on.
        trainer.save_checkpoint(self.folder / "last.ckpt")
        self.saved = time.monotonic()

    def _keep_if_best(self, trainer: Trainer, logged: dict[str, float]) -> None:
        if self.monitor not in logged:
            raise ValueError(f"the module logs {sorted(logged)}, but not {self.monitor}")
        score = self.sign * logged[self.monitor]
        if math.isfinite(score) and score > self.best:
            self.best, self.best_epoch = score, trainer.current_epoch
            state = trainer.lightning_module.state_dict()
            weights = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
            self.unsaved = {"epoch": self.best_epoch, "state_dict": weights}

    def _stop_if_stale(self, trainer: Trainer) -> None:
        if self.monitor is not None and self.patience is not None and self.best_epoch >= 0:
            trainer.should_stop = len(self.rows) - 1 - self.best_epoch >= self.patience

    def _write_curves(self) -> None:
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with atomic_path(self.folder / "curves.csv") as scratch, scratch.open("w") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)


class _Lines(Callback):
    """Says how far one of several trainings is, every half minute."""

    EVERY = 30.0  # s

    def __init__(self, label: str):
        self.label = label

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.started = self.said = time.monotonic()
        self.first = trainer.current_epoch

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        now, done = time.monotonic(), trainer.current_epoch + 1
        if now - self.said < self.EVERY:
            return
        self.said = now
        left = (now - self.started) / (done - self.first) * ((trainer.max_epochs or 0) - done)
        loss = trainer.callback_metrics.get("train_loss", math.nan)
        print(
            f"{self.label}: epoch {done} of {trainer.max_epochs}, loss {float(loss):.3f}, "
            f"{duration(left)} left at most",
            file=sys.stderr,
            flush=True,
        )


@contextmanager
def reproducible(own_threads: int) -> Iterator[None]:
    """Fix threads and kernels inside; leave everything as it was afterwards."""
    cudnn, deterministic = torch.backends.cudnn, torch.are_deterministic_algorithms_enabled()
    with ExitStack() as afterwards, isolate_rng():
        afterwards.callback(torch.set_num_threads, torch.get_num_threads())
        afterwards.callback(torch.use_deterministic_algorithms, deterministic)
        afterwards.callback(setattr, cudnn, "benchmark", cudnn.benchmark)
        torch.set_num_threads(own_threads)
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Keep back Lightning's advice on hardware and workers; its progress bar stays."""
    with ExitStack() as afterwards, warnings.catch_warnings():
        for logger in (logging.getLogger(f"lightning.{part}") for part in ("pytorch", "fabric")):
            afterwards.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.WARNING)
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*number of training batches.*")
        warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
        warnings.filterwarnings("ignore", message=".*validation_step.*no `val_dataloader`.*")
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
        yield
