"""The gating paradigm: what feeding the networks costs beside the networks, and growth with clips.

The clips are generated: chips and sound of the length that CREMA-D's have on average.
"""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from avlib.metric_learning.triplets import BalancedBatches
from avlib.systems.common.batch import batch_loader
from avlib.systems.common.model import BOTH
from avlib.systems.common.streams import StreamFormat
from avlib.systems.gating.clips import GatingBatch, GatingDataset
from avlib.systems.gating.network import GatingNetwork
from avlib.systems.gating.soundnet import RATE
from avlib.systems.gating.training import GatingTraining
from avlib.systems.gating.windows import Windows
from benchmarks.bench_device import peak_rates
from benchmarks.machine import one_core, take_turns
from benchmarks.scaling import exponent
from benchmarks.stored_clips import stored_clips
from benchmarks.table import Table

SECONDS, CLASSES = 2.63, 6  # of a clip of CREMA-D on average (paper, table I)
GROWTH = (30, 60, 120)  # clips an epoch
MATRIX = 4096


@dataclass(frozen=True)
class Setting:
    """Sizes of a measurement; names as in params.yaml."""

    name: str
    clips: int
    fps: float
    size: int
    crop: int
    width: float
    windows: int
    per_class: int

    @property
    def kept(self) -> StreamFormat:
        """How the networks want the streams."""
        return StreamFormat(self.size, self.fps, RATE)


DEMO = Setting("demo", 60, 4.0, 56, 48, 0.125, 5, 5)
PAPER = Setting("paper", 60, 25.0, 112, 96, 1.0, 6, 5)


def tables() -> list[Table]:
    """Measure the demo's sizes on the CPU, and the paper's where there is a CUDA device."""
    with one_core():
        found = [throughput(DEMO, "cpu"), growth(DEMO)]
    if torch.cuda.is_available():
        found.append(throughput(PAPER, "cuda"))
    return found


def throughput(setting: Setting, device: str) -> Table:
    """Clips per second of the loader alone, the networks alone, and both together."""
    with tempfile.TemporaryDirectory() as folder:
        clips = stored_clips(Path(folder), setting.clips, SECONDS, CLASSES, setting.kept)
        rows = list(BalancedBatches(clips.emotion, setting.per_class, seed=0))
        loader = batch_loader(GatingDataset(clips, BOTH, {}), rows, ahead=device != "cpu")
        training = trainer(setting).to(device)
        held = [batch.to(device) for batch in loader]
        ways: dict[str, Callable[[], None]] = {
            "loader alone": partial(drain, loader),
            "networks alone": partial(train, training, held, device),
            "both": partial(train, training, loader, device),
        }
        take_turns(ways, 1)  # the first round also reserves memory
        times = take_turns(ways, 2)
        shown = sum(len(row) for row in rows)
        work = operations(training, held[0]) / len(held[0])
        peak = max(peak_rates(device, MATRIX).values())
    cells = [
        [
            name,
            f"{shown / seconds:.1f}",
            "" if name == "loader alone" else f"{100 * shown / seconds * work / peak:.1f} %",
        ]
        for name, seconds in times.items()
    ]
    return Table(
        f"Training at the {setting.name}'s sizes, {device}:"
        f" {setting.windows} windows, {setting.fps:g} chips/s of {setting.crop} pixels,"
        f" width {setting.width:g}.",
        f"{work / 1e9:.1f} GFLOP a clip, forward and backward. The peak is a product of two"
        f" {MATRIX}x{MATRIX} float32 matrices in the same run.",
        ["", "clips/s", "share of peak"],
        cells,
    )


def growth(setting: Setting) -> Table:
    """Time of an epoch by the number of clips."""
    with tempfile.TemporaryDirectory() as folder:
        training, ways = trainer(setting), {}
        for number in GROWTH:
            clips = stored_clips(Path(folder) / str(number), number, SECONDS, CLASSES, setting.kept)
            rows = list(BalancedBatches(clips.emotion, setting.per_class, seed=0))
            loader = batch_loader(GatingDataset(clips, BOTH, {}), rows)
            ways[str(number)] = partial(train, training, loader, "cpu")
        take_turns(ways, 1)
        times = take_turns(ways, 2)
    power = exponent(GROWTH, list(times.values()))
    return Table(
        "An epoch by the number of clips, at the demo's sizes, cpu.",
        f"Time grows as the clips to the {power:.2f}.",
        ["clips", "s"],
        [[name, f"{seconds:.1f}"] for name, seconds in times.items()],
    )


def trainer(setting: Setting) -> GatingTraining:
    """Return the paper's system with random weights."""
    torch.manual_seed(0)
    sizes = {"width": setting.width, "shared": 400, "embedding": 400, "dropout": 0.0}
    windows = Windows(setting.windows, 1.0, 0.5)
    network = GatingNetwork(
        BOTH,
        windows,
        setting.fps,
        setting.crop,
        apex=None,
        described={},
        unit=False,
        per_clip=False,
        **sizes,
    )
    settings: dict[str, Any] = {
        "softmax_epochs": 0, "margin": 1.0, "learning_rate": 0.001, "weight_decay": 0.0005,
    }  # fmt: skip
    terms: dict[str, Any] = {"mse": True, "cross_modal": False, "mining": "windows"}
    return GatingTraining(network, CLASSES, **terms, **settings)


def drain(loader: Iterable[GatingBatch]) -> None:
    """Read every batch."""
    for batch in loader:
        assert len(batch)


def train(training: GatingTraining, loader: Iterable[GatingBatch], device: str) -> None:
    """Train one epoch, without augmentation of sound: it is drawn, so its cost would vary."""
    optimiser = training.configure_optimizers()
    for batch in loader:
        loss = step_loss(training, batch.to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    if device != "cpu":
        torch.cuda.synchronize()


def step_loss(training: GatingTraining, batch: GatingBatch) -> torch.Tensor:
    """Return eq. 2 of a batch; in bfloat16 where training on a GPU would be."""
    with torch.autocast(batch.sound.device.type, torch.bfloat16, enabled=batch.sound.is_cuda):
        parts = training.parts(training.network(batch), batch)
        return torch.stack(list(parts.values())).sum()


def operations(training: GatingTraining, batch: GatingBatch) -> float:
    """Count the floating-point operations of a step on a batch."""
    with FlopCounterMode(display=False) as counter:
        step_loss(training, batch).backward()
    return float(counter.get_total_flops())
