"""Face network, Fisher encoding and MERML on a CUDA device, against the CPU and the peak."""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch.utils.flop_counter import FlopCounterMode

from avlib.descriptors.vgg_face import CHIP, VGGFace, VGGFaceDescriptor
from avlib.fisher.mixture import Mixture
from avlib.fisher.vectors import encode_torch
from avlib.metric_learning.merml import MERML
from benchmarks.table import Table

CPU_CHIPS, CHIPS = 16, 2048
CLIPS, FRAMES, COMPONENTS, DIM = 256, 300, 32, 76
VECTORS, VALUES, EPOCHS = 1440, 4864, 2  # RAVDESS; 2 K D
MATRIX = 8192
ROUNDS = 3


def tables() -> list[Table]:
    """Measure where there is a CUDA device."""
    if not torch.cuda.is_available():
        return [Table("Skipped:", "no CUDA device at hand.")]
    return [network_table("cuda", CHIPS, MATRIX), rates_table("cuda")]


def network_table(device: str, n_chips: int, matrix: int) -> Table:
    """Frames per second of VGG-Face, and their share of what the device computes at most."""
    descriptor = RandomVGGFace()
    with on_device("cpu"):
        work = operations(descriptor)
    rates = {}
    for place, number in {"cpu": min(CPU_CHIPS, n_chips), device: n_chips}.items():
        chips = np.random.default_rng(0).integers(0, 256, (number, CHIP, CHIP, 3), np.uint8)
        with on_device(place):
            rates[place] = number / best(partial(descriptor.describe_chips, chips))
    peaks = peak_rates(device, matrix)
    rows = [
        [
            name,
            f"{rates[device]:.0f}",
            f"{rates[device] / rates['cpu']:.0f}",
            f"{rates[device] * work / 1e12:.1f}",
            f"{peak / 1e12:.1f}",
            f"{100 * rates[device] * work / peak:.0f} %",
        ]
        for name, peak in peaks.items()
    ]
    return Table(
        f"VGG-Face to fc6, random weights, {n_chips} chips of {CHIP}x{CHIP}.",
        f"{work / 1e9:.1f} GFLOP a frame; times include the way of the pictures there and of the"
        f" descriptors back. The peak is a product of two {matrix}x{matrix} float32 matrices in the"
        " same run; the network's convolutions may use TF32, its layer fc6 float32. The CPU uses"
        " one thread.",
        ["peak of", "frames/s", "times CPU", "TFLOP/s", "peak TFLOP/s", "share of peak"],
        rows,
    )


class RandomVGGFace(VGGFaceDescriptor):
    """VGG-Face whose weights are random: they do not matter for its speed."""

    def network(self) -> VGGFace:
        """Make the network."""
        return VGGFace("fc6")


@contextlib.contextmanager
def on_device(name: str) -> Iterator[None]:
    """Compute on a device, whatever ``AVLIB_DEVICE`` says."""
    before = os.environ.get("AVLIB_DEVICE")
    os.environ["AVLIB_DEVICE"] = name
    try:
        yield
    finally:
        del os.environ["AVLIB_DEVICE"]
        if before is not None:
            os.environ["AVLIB_DEVICE"] = before


def operations(descriptor: VGGFaceDescriptor) -> float:
    """Count the floating-point operations of one frame."""
    with FlopCounterMode(display=False) as counter:
        descriptor.describe_chips(np.zeros((1, CHIP, CHIP, 3), np.uint8))
    return float(counter.get_total_flops())


def peak_rates(device: str, size: int) -> dict[str, float]:
    """Operations per second of a large matrix product, by the arithmetic it is allowed."""
    matrix = torch.ones(size, size, device=device)
    before, rates = torch.get_float32_matmul_precision(), {}

    def multiply() -> None:
        for _ in range(4):
            matrix @ matrix
        if device != "cpu":
            torch.cuda.synchronize()

    try:
        for name, precision in {"float32": "highest", "TF32": "high"}.items():
            torch.set_float32_matmul_precision(precision)
            rates[name] = 4 * 2 * size**3 / best(multiply)
    finally:
        torch.set_float32_matmul_precision(before)
    return rates


def rates_table(device: str) -> Table:
    """Time Fisher encoding and MERML's descent here and there."""
    rng = np.random.default_rng(0)
    clips = [rng.normal(size=(FRAMES, DIM)).astype(np.float32) for _ in range(CLIPS)]
    mixture = Mixture(
        np.full(COMPONENTS, 1 / COMPONENTS),
        0.3 * rng.normal(size=(COMPONENTS, DIM)),
        rng.uniform(0.5, 1.5, size=(COMPONENTS, DIM)),
    )
    features = {
        modality: rng.standard_normal((VECTORS, VALUES), np.float32) / VALUES**0.5
        for modality in ("audio", "video")
    }
    emotions, subjects = np.arange(VECTORS) % 6, np.arange(VECTORS) // 60
    rows = []
    encoding = {
        place: CLIPS / best(partial(encode_torch, clips, mixture, place))
        for place in ("cpu", device)
    }
    rows.append(row("Fisher encoding, clips/s", encoding["cpu"], encoding[device]))
    descent = {
        place: descent_rate(place, features, emotions, subjects) for place in ("cpu", device)
    }
    rows.append(row("MERML, epochs/s", descent["cpu"], descent[device]))
    return Table(
        "Fisher encoding and MERML.",
        f"{CLIPS} clips of {FRAMES}x{DIM} descriptors, K = {COMPONENTS}; {VECTORS} clips with"
        f" {VALUES} values per modality, 20,000 pairs an epoch, without the start. The CPU uses one"
        " thread.",
        ["what", "CPU", "device", "times CPU"],
        rows,
    )


def descent_rate(
    place: str, features: dict[str, np.ndarray], emotions: np.ndarray, subjects: np.ndarray
) -> float:
    """Epochs of MERML per second: a run of some epochs less a run of none."""
    with on_device(place), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so few epochs are no learning
        none, some = (
            best(partial(MERML(epochs=epochs).fit, features, emotions, subjects), 2)
            for epochs in (0, EPOCHS)
        )
    return EPOCHS / (some - none)


def row(name: str, cpu: float, device: float) -> list[str]:
    """Lay out a rate here and there."""
    return [name, f"{cpu:.3g}", f"{device:.3g}", f"{device / cpu:.1f}"]


def best(function: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the best time of a function in seconds, after a first run that does not count."""
    function()
    times = []
    for _ in range(rounds):
        begin = perf_counter()
        function()
        times.append(perf_counter() - begin)
    return min(times)
