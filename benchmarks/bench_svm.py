"""The RBF-SVMs of all pairs of emotions at CREMA-D's size: ours against libsvm, on one kernel."""

from time import process_time

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.svm import SVC

from avlib.params import load
from avlib.systems.common.smo import train_pairs
from benchmarks import ROOT
from benchmarks.machine import one_core, take_turns
from benchmarks.table import Table

CLASSES, CLIPS, WIDTH = 6, 5000, 400  # an inner division of 7,442 clips, in a metric's space
ROUNDS = 2


def tables() -> list[Table]:
    """Train both with each C, and ours with all of them on one way."""
    kernel, y = problem(CLIPS, CLASSES)
    candidates = sorted(load(("svm",), ROOT / "params.yaml").svm.c)
    rows = [row(f"{c:g}", kernel, y, [c]) for c in candidates]
    rows.append(row("all of them", kernel, y, candidates))
    return [
        Table(
            f"{CLIPS:,} clips of {CLASSES} emotions.",
            "CPU seconds on one core, the kernel computed before; libsvm as scikit-learn calls it,"
            f" both to the same tolerance. Best of {ROUNDS}.",
            ["C", "ours (s)", "libsvm (s)", "libsvm / ours"],
            rows,
        )
    ]


def row(name: str, kernel: np.ndarray, y: np.ndarray, c: list[float]) -> list[str]:
    """Train with each of these C and return the costs."""
    counts, double = np.bincount(y), kernel.astype(np.float64)  # what libsvm takes

    def libsvm() -> None:
        for one in c:
            SVC(C=one, kernel="precomputed").fit(double, y)

    def ours() -> None:
        train_pairs(kernel, counts, c, np.ones(CLASSES))

    with one_core():
        seconds = take_turns({"ours": ours, "libsvm": libsvm}, ROUNDS, process_time)
    ratio = seconds["libsvm"] / seconds["ours"]
    return [name, f"{seconds['ours']:.2f}", f"{seconds['libsvm']:.2f}", f"{ratio:.1f}"]


def problem(n: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a float32 kernel of clips sorted by class, of the median width, and their codes."""
    rng = np.random.default_rng(0)
    y = np.sort(np.arange(n) % n_classes)
    x = rng.normal(size=(n, WIDTH)) * (1.0 + np.arange(WIDTH) / 20.0) ** -0.5
    x += 0.05 * rng.normal(size=(n_classes, WIDTH))[y]
    distances = euclidean_distances(x, squared=True)
    return np.exp(-distances / (2 * np.median(distances))).astype(np.float32), y
