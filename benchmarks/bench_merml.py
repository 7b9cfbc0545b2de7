"""MERML's speed, and its time to equal accuracy against the RBF-SVM on the concatenation.

Features are synthetic. The second table's problem is the learned-metric check of the tests:
Gaussian emotions under a strong subject nuisance.
"""

import os
import resource
import sys
import time
import warnings
from collections.abc import Sequence

import numpy as np
import torch

from avlib.metric_learning.merml import MERML
from avlib.runtime.same_bits import product
from avlib.runtime.threads import single_thread
from avlib.systems.common.model import VectorClips
from avlib.systems.common.vector_model import VectorModel
from avlib.systems.merml.model import MERMLModel
from avlib.systems.svm.model import SVMModel
from benchmarks import ROOT
from benchmarks.table import Table

sys.path.insert(0, str(ROOT / "tests" / "metric_learning"))
from gaussian_problem import bayes_accuracy, draw, make_world

SIZES = {"demo": (216, 1024), "RAVDESS": (1440, 4096), "CREMA-D": (6700, 8192)}
CLIPS = (500, 1000, 2000, 4000)
EPOCHS = 2
STEPS = 50  # of matrix products alone


def tables() -> list[Table]:
    """Measure both."""
    warnings.simplefilter("ignore")  # so few epochs do not converge
    return [speed_table(list(SIZES)), accuracy_table(CLIPS)]


def fisher_like(n: int, d: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return unit vectors of two modalities, emotions and subjects."""
    rng = np.random.default_rng(0)
    emotion, subject = np.arange(n) % 6, np.arange(n) * 90 // n
    features = {}
    for modality in ("audio", "video"):
        means = 0.3 * rng.standard_normal((6, d), np.float32)
        values = rng.standard_normal((n, d), np.float32) + means[emotion]
        features[modality] = values / np.linalg.norm(values, axis=1, keepdims=True)
    return features, emotion, subject


def speed_table(sizes: Sequence[str]) -> Table:
    """Time epochs of 20,000 pairs at dim 200, and what goes before; d is each modality's."""
    rows = []
    for size in sizes:
        n, d = SIZES[size]
        problem = fisher_like(n, d)
        for device in ["cpu"] + ["cuda"] * torch.cuda.is_available():
            os.environ["AVLIB_DEVICE"] = device
            seconds = []
            for epochs in (0, EPOCHS):
                begin = time.perf_counter()
                model = MERML(epochs=epochs).fit(*problem)
                seconds.append(time.perf_counter() - begin)
            rate = EPOCHS / (seconds[1] - seconds[0])
            pairs = rate * model.pairs_per_epoch
            share = pairs / products_rate(model, n, d, device)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
            cells = [f"{seconds[0]:.1f}", f"{rate:.2f}", f"{pairs:.0f}", f"{100 * share:.0f} %"]
            rows.append([size, str(n), str(d), device, *cells, f"{peak:.1f}"])
    os.environ.pop("AVLIB_DEVICE", None)
    return Table(
        "Epochs of 20,000 pairs at dim 200, after the start (PCA).",
        "Share: pairs/s over what the same steps' matrix products alone allow, the limit of this"
        " method on this device; the rest goes into drawing pairs and gathering their features. The"
        " CPU computes in one thread. d is each modality's.",
        ["features", "clips", "d", "device", "start (s)", "epochs/s", "pairs/s", "share", "GB"],
        rows,
    )


def products_rate(model: MERML, n: int, d: int, device: str) -> float:
    """Pairs per second of the four matrix products of a step, two for each modality, alone."""
    p, r = min(model.dim, n - 1), n - 1 if d > 2 * n else d  # features are rotated into their span
    gap, W = torch.ones(model.batch_size, r, device=device), torch.ones(p, r, device=device)
    seconds = []
    with single_thread():
        for _ in range(4):  # the first warms up
            begin = time.perf_counter()
            for _ in range(2 * STEPS):
                last = product(product(gap, W.T).T, gap)
            last[0, 0].item()  # waits for the device
            seconds.append(time.perf_counter() - begin)
    return STEPS * model.batch_size / min(seconds[1:])


def accuracy_table(sizes: Sequence[int]) -> Table:
    """Train both systems on growing numbers of clips of the Gaussian problem."""
    world = make_world(1)
    test = draw(world, 4000, 4000, 201, first_subject=10_000)
    rows, found = [], {}
    for n in sizes:
        train = draw(world, n * 9 // 10, n * 9 // 200, 1)
        validation = draw(world, n // 10, n // 200, 101, first_subject=5000)
        cells = []
        for model in (SVMModel(6), MERMLModel(6)):
            begin = time.perf_counter()
            model.fit(train, validation)
            found[model.__class__, n] = accuracy(model, test), time.perf_counter() - begin
            cells += [f"{value:.1f}" for value in found[model.__class__, n]]
        rows.append([str(n), *cells])
    target, svm_seconds = found[SVMModel, sizes[-1]]
    enough = [n for n in sizes if found[MERMLModel, n][0] >= target]
    answer = "MERML does not reach that"
    if enough:
        ratio = found[MERMLModel, enough[0]][1] / svm_seconds
        answer = f"MERML reaches that from {enough[0]} clips, in {ratio:.1f} times its time"
    return Table(
        f"Accuracy on 4,000 clips of new subjects, of at most {100 * bayes_accuracy(world):.1f} %.",
        f"The SVM reaches {target:.1f} % from {sizes[-1]} clips; {answer}.",
        ["clips", "svm_concat (%)", "svm_concat (s)", "merml (%)", "merml (s)"],
        rows,
    )


def accuracy(model: VectorModel, clips: VectorClips) -> float:
    """Return the accuracy in per cent."""
    return 100 * float(np.mean(model.predict_proba(clips).argmax(axis=1) == clips.emotion))
