"""What training N segment networks side by side gains over one by one, and how time grows with N.

A step is forward, backward and SGD on a batch of 16 generated clips; inference is from the sound
and the faces of as many to their emotions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter, process_time
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from avlib.systems.temporal_aggregation.network import (
    FACE,
    SPECTROGRAM,
    AudioVisualNetwork,
    SegmentNetworks,
)
from avlib.systems.temporal_aggregation.pictures import log_mean_probabilities
from avlib.systems.temporal_aggregation.spectrogram import log_spectrogram
from benchmarks.machine import one_core, take_turns
from benchmarks.scaling import exponent
from benchmarks.table import Table

CLIPS, CLASSES = 16, 6
SAMPLES = 20_480  # of the paper's 1.28 s of sound
SEGMENTS = (1, 3, 8, 10)
ROUNDS = 2


@dataclass(frozen=True)
class Size:
    """Pictures in pixels, and the networks' width."""

    face: tuple[int, int]
    spectrogram: tuple[int, int]
    width: float

    def network(self, n_networks: int = 1) -> AudioVisualNetwork:
        """Return networks of this size."""
        return AudioVisualNetwork(
            CLASSES,
            spectrogram_size=self.spectrogram,
            face_size=self.face,
            width=self.width,
            n_networks=n_networks,
        )


SMALL = (
    Size((48, 48), (96, 60), 1 / 4),
    Size((48, 48), SPECTROGRAM, 1 / 4),
    Size((64, 64), SPECTROGRAM, 1 / 2),
)
PAPER = Size(FACE, SPECTROGRAM, 1.0)


def tables() -> list[Table]:
    """Measure small networks on the CPU, and the paper's where there is a CUDA device."""
    with one_core():
        found = [table(size, "cpu") for size in SMALL]
        found.append(inference(SMALL[-1], "cpu"))
    if torch.cuda.is_available():
        found += [table(PAPER, "cuda"), inference(PAPER, "cuda")]
    return found


def inference(size: Size, device: str) -> Table:
    """Time what is said of clips for each number of segments, by own networks and by one."""
    times: dict[str, list[float]] = {"a network each": [], "one network": []}
    for n_segments in SEGMENTS:
        tasks = {
            name: partial(told, clips_and_networks(size, n_segments, device, shared=shared))
            for name, shared in zip(times, (False, True), strict=True)
        }
        take_turns(tasks, 1)  # the first time also reserves memory
        clock = process_time if device == "cpu" else perf_counter
        for name, seconds in take_turns(tasks, ROUNDS, clock).items():
            times[name].append(seconds)
    rows = [
        [
            str(n_segments),
            *(f"{1000 * of[k] / CLIPS:.1f}" for of in times.values()),
            *(f"{of[k] / of[0]:.1f}" for of in times.values()),
        ]
        for k, n_segments in enumerate(SEGMENTS)
    ]
    grown = " and ".join(f"{exponent(SEGMENTS, of):.2f} ({name})" for name, of in times.items())
    face = "x".join(map(str, size.face))
    return Table(
        f"Inference with faces of {face}, width {size.width:g}, {device}.",
        f"Milliseconds a clip, and how many times as long as at N = 1. Time grows as N to the"
        f" {grown}; the paper says almost linearly.",
        ["N", *(f"{name}, ms" for name in times), *(f"{name}, times N = 1" for name in times)],
        rows,
    )


class Inference(NamedTuple):
    """Networks, and clips as they are told of: sound (n, N, samples), faces, modalities present."""

    networks: SegmentNetworks
    sound: Tensor
    faces: Tensor
    present: Tensor


def clips_and_networks(size: Size, n_segments: int, device: str, *, shared: bool) -> Inference:
    """Return clips of noise and untrained networks for them."""
    torch.manual_seed(0)
    sizes = {"face_size": size.face, "width": size.width}
    networks = SegmentNetworks(n_segments, CLASSES, shared=shared, **sizes).to(device).eval()
    sound = torch.rand(CLIPS, n_segments, SAMPLES, device=device) - 0.5
    faces = torch.rand(CLIPS, n_segments, 3, *size.face, device=device)
    return Inference(networks, sound, faces, torch.ones(CLIPS, 2, dtype=torch.bool, device=device))


def told(task: Inference) -> Tensor:
    """Return the probabilities of the emotions, (CLIPS, CLASSES)."""
    with torch.inference_mode():
        pictures = log_spectrogram(task.sound.flatten(0, 1)).unflatten(0, task.sound.shape[:2])
        found = log_mean_probabilities(task.networks(pictures, task.faces, task.present)).exp()
    if found.is_cuda:
        torch.cuda.synchronize()
    return found


def table(size: Size, device: str) -> Table:
    """Time a training step for each number of segments."""
    times: dict[str, list[float]] = {}
    for n_segments in SEGMENTS:
        for name, seconds in measure(size, n_segments, device).items():
            times.setdefault(name, []).append(seconds)
    alone = times["side by side"][0]
    rows = [
        [
            str(n_segments),
            *(f"{1000 * times[name][k]:.0f}" for name in times),
            f"{times['one by one'][k] / times['side by side'][k]:.2f}",
            f"{times['side by side'][k] / (n_segments * alone):.2f}",
        ]
        for k, n_segments in enumerate(SEGMENTS)
    ]
    power = exponent(SEGMENTS, times["side by side"])
    face, spectrogram = ("x".join(map(str, pixels)) for pixels in (size.face, size.spectrogram))
    return Table(
        f"Faces of {face}, spectrograms of {spectrogram}, width {size.width:g}, {device}.",
        f"Milliseconds a step. The last column is the time side by side over N times that of one"
        f" network: 1 is linear growth, less is better. Time grows as N to the {power:.2f}.",
        ["N", *times, "gain", "/ (N x one)"],
        rows,
    )


def measure(size: Size, n_segments: int, device: str) -> dict[str, float]:
    """Return the seconds of a training step in each way."""
    torch.manual_seed(0)
    spectrograms = torch.rand(CLIPS, n_segments, 1, *size.spectrogram, device=device)
    faces = torch.rand(CLIPS, n_segments, 3, *size.face, device=device)
    present = torch.ones(CLIPS, 2, dtype=torch.bool, device=device)
    grouped = size.network(n_segments).to(device)
    several = [size.network().to(device) for _ in range(n_segments)]
    ways: dict[str, tuple[Callable[[], Tensor], list[nn.Parameter]]] = {
        "one by one": (
            partial(one_by_one, several, spectrograms, faces, present),
            [p for network in several for p in network.parameters()],
        ),
        "side by side": (
            partial(grouped, spectrograms, faces, present),
            list(grouped.parameters()),
        ),
    }
    steps = {
        name: partial(step, logits, torch.optim.SGD(parameters, 1e-3, 0.9))
        for name, (logits, parameters) in ways.items()
    }
    take_turns(steps, 1)  # the first step also reserves memory
    return take_turns(steps, ROUNDS)


def one_by_one(
    several: list[AudioVisualNetwork], spectrograms: Tensor, faces: Tensor, present: Tensor
) -> Tensor:
    """Return the logits of networks of one segment each."""
    logits = [
        network(spectrograms[:, k : k + 1], faces[:, k : k + 1], present)
        for k, network in enumerate(several)
    ]
    return torch.cat(logits, 1)


def step(logits: Callable[[], Tensor], optimiser: torch.optim.Optimizer) -> None:
    """Train once; the emotions are made up."""
    optimiser.zero_grad()
    scores = logits().softmax(2).mean(1)
    emotions = torch.arange(CLIPS, device=scores.device) % CLASSES
    functional.nll_loss(scores.log(), emotions).backward()
    optimiser.step()
    if scores.is_cuda:
        torch.cuda.synchronize()
