"""What a training costs, found on an epoch of a few examples: operations, memory and seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader
from torch.utils.flop_counter import flop_registry

from avlib.networks import train_network as real
from avlib.networks.kept_bytes import KeptBytes
from avlib.networks.once import COUNTED
from avlib.runtime.device import device, kind

_LONG = 5.0  # s; an epoch that is shorter is tried again, as first times are slow


@dataclass(frozen=True)
class Rehearsed:
    """One training, of which an epoch was tried; or what is computed once before it.

    Attributes
    ----------
    once : bool
        Whether it is computed once; then the weights are counted elsewhere.
    epochs : int
        Of the whole training, at most.
    operations : float
        Of the epoch: two for each multiply-add of convolutions and products of matrices, forward
        and backward.
    seconds : float
        Of the epoch, on one device or one thread of an idle processor.
    kept : float
        Bytes that all forward passes of the epoch keep for their gradients.
    weights : float
        Bytes of the network's weights.
    remembered : float
        Bytes that the optimiser remembers of them.
    """

    epochs: int
    operations: float
    seconds: float
    kept: float = 0.0
    weights: float = 0.0
    remembered: float = 0.0
    once: bool = False


@contextmanager
def rehearsing() -> Iterator[list[Rehearsed]]:
    """Try one epoch of every training that starts inside; yield what they cost."""
    found: list[Rehearsed] = []

    def instead(module: LightningModule, loader: DataLoader, max_epochs: int) -> str:
        found.append(_rehearse(module, loader, max_epochs))
        return "epoch,train_loss,validation_loss\n0,0.0,0.0\n"

    def counted(compute: Callable[[], None]) -> None:
        begin, counter = _clock(), _Operations()
        with real.reproducible(1), counter:
            compute()
        found.append(Rehearsed(1, float(counter.total), _clock() - begin, once=True))

    tokens = real.INSTEAD.set(instead), COUNTED.set(counted)
    try:
        yield found
    finally:
        real.INSTEAD.reset(tokens[0])
        COUNTED.reset(tokens[1])


def _rehearse(module: LightningModule, loader: DataLoader, max_epochs: int) -> Rehearsed:
    watch, kept = _Watch(), KeptBytes(module)
    watch.kept = kept
    with real.reproducible(1), real.quiet():
        counter = _Operations()
        with counter, kept:
            real.trainer(1, [watch], alone=False).fit(module, loader)
        if watch.seconds < _LONG:
            real.trainer(2, [watch], alone=False).fit(module, loader)
    return Rehearsed(
        epochs=max_epochs,
        operations=float(counter.total),
        seconds=watch.seconds,
        kept=float(kept.total),
        weights=float(sum(map(_size, module.state_dict().values()))),
        remembered=float(watch.remembered),
    )


class _Operations(TorchDispatchMode):
    """Counts as torch's FlopCounterMode, whose hooks on modules fail while gradients are off."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            self.total += formula(*args, **(kwargs or {}), out_val=found)
        return found


class _Watch(Checkpoint):
    """Times epochs, the last one counts; a Checkpoint, or Lightning would add one of its own."""

    kept: KeptBytes

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.started = _clock()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.kept.begin(pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seconds = _clock() - self.started
        states = [state for o in trainer.optimizers for state in o.state.values()]
        values = [value for state in states for value in state.values()]
        self.remembered = sum(_size(value) for value in values if isinstance(value, Tensor))


def _clock() -> float:
    """Return the time on a device, s; of one thread of a processor, without what others take."""
    if kind(device()) == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
