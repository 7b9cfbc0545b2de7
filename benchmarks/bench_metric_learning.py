"""What a fold of each metric-learning baseline costs at CREMA-D's size, beside MERML and the SVM.

Vectors are synthetic: six emotions and 91 subjects in two modalities of 2,048 values, 4,096 side by
side, that the SVM tells apart about as well as it does real ones.
"""

import resource
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import numpy as np

from avlib.metric_learning.linear import LinearMetric
from avlib.metric_learning.merml import MERML
from avlib.params import load
from avlib.systems.common.kernel_svm import KernelSVM
from avlib.systems.common.model import VectorClips
from avlib.systems.common.vector_model import VectorModel
from avlib.systems.linear_metric.model import LinearMetricModel
from avlib.systems.merml.model import MERMLModel
from avlib.systems.svm.model import SVMModel
from benchmarks import ROOT
from benchmarks.machine import one_core
from benchmarks.table import Table

CLIPS, SUBJECTS, WIDTH, N_EMOTIONS = 7442, 91, 2048, 6
SYSTEMS = ("svm_concat", "merml", "lmnn", "itml", "gmml")


def tables() -> list[Table]:
    """Train every system on one fold, each in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh:
        found = {name: fresh.submit(measure, name, CLIPS).result() for name in SYSTEMS}
    return [table(found)]


def table(found: dict[str, dict[str, float]]) -> Table:
    """Lay the figures of each system out."""
    rows = []
    for name, costs in found.items():
        ratios = [f"{costs['fold'] / found[peer]['fold']:.2f}" for peer in ("svm_concat", "merml")]
        seconds = [f"{costs[part]:.0f}" for part in ("axes", "metric", "svm", "fold")]
        share = f"{100 * costs['accuracy']:.1f}"
        rows.append([name, *seconds, *ratios, f"{costs['peak']:.1f}", share])
    return Table(
        f"One fold of {CLIPS:,} clips, a tenth of them for testing, on one core.",
        "Candidates and settings are those of params.yaml. Seconds of CPU time: the principal axes,"
        " all metrics (every candidate, and the final one), the SVMs over C and sigma and the final"
        " one, and the fold, in which those that compare the metrics are too. GB is the peak of the"
        " process, with its libraries. Accuracy is on the test clips of this made-up problem: it"
        " says only that the SVMs have something to do.",
        [
            *("model", "axes (s)", "metric (s)", "svm (s)", "fold (s)"),
            *("/ svm_concat", "/ merml", "GB", "accuracy (%)"),
        ],
        rows,
    )


def measure(name: str, n_clips: int) -> dict[str, float]:
    """Train a system and return its costs in seconds and GB."""
    warnings.simplefilter("ignore")
    train, validation, test = clips(n_clips)
    model = make(name)
    with (
        one_core(),
        stopwatch(LinearMetric, "reduce") as axes,
        stopwatch(LinearMetric, "fit") as joint,
        stopwatch(MERML, "fit") as separate,
        stopwatch(KernelSVM, "select") as select,
        stopwatch(KernelSVM, "fit") as last,
    ):
        begin = time.process_time()
        model.fit(train, validation)
        fold = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    # The final metric finds its own axes inside its fit.
    inside = axes[-1] if isinstance(model, LinearMetricModel) else 0.0
    right = model.predict_proba(test).argmax(axis=1) == test.emotion
    return {
        "axes": sum(axes),
        "metric": sum(joint) + sum(separate) - inside,
        "svm": sum(select) + sum(last),
        "fold": fold,
        "peak": peak,
        "accuracy": float(np.mean(right)),
    }


def make(name: str) -> VectorModel:
    """Return an unfitted system with the settings of params.yaml."""
    params = load(("svm", "merml", "lmnn", "itml", "gmml"), ROOT / "params.yaml")
    svm = params.svm.model_dump()
    if name == "svm_concat":
        return SVMModel(N_EMOTIONS, **svm)
    metric = getattr(params, name).model_dump()
    if name == "merml":
        return MERMLModel(N_EMOTIONS, metric=metric, **svm)
    return LinearMetricModel(N_EMOTIONS, method=name, metric=metric, **svm)


def clips(n: int) -> tuple[VectorClips, VectorClips, VectorClips]:
    """Draw clips: a tenth of the subjects for testing, a fifth for validation, the others train."""
    rng = np.random.default_rng(0)
    subject = np.arange(n) * SUBJECTS // n
    emotion = rng.permutation(np.arange(n) % N_EMOTIONS)
    features = {}
    for modality in ("audio", "video"):
        spread = (1.0 + np.arange(WIDTH) / 20.0) ** -0.5  # variances of the principal axes fall
        means = 0.05 * rng.standard_normal((N_EMOTIONS, WIDTH)) * spread
        offsets = 0.7 * rng.standard_normal((SUBJECTS, WIDTH)) * spread
        values = means[emotion] + offsets[subject] + rng.standard_normal((n, WIDTH)) * spread
        values /= np.linalg.norm(values, axis=1, keepdims=True)
        features[modality] = values.astype(np.float32)
    there = np.ones(n, bool)
    every = VectorClips(
        np.array([f"clip-{k:05d}" for k in range(n)]),
        np.array([f"s{s:03d}" for s in subject]),
        emotion,
        dict.fromkeys(features, there),
        features,
    )
    test, validation = subject % 10 == 1, subject % 5 == 0
    return every.select(~test & ~validation), every.select(validation), every.select(test)


@contextmanager
def stopwatch(owner: type, name: str) -> Iterator[list[float]]:
    """Collect the CPU seconds of every call of a method while the block runs."""
    method: Callable[..., Any] = getattr(owner, name)
    seconds: list[float] = []

    def timed(*args: Any, **kwargs: Any) -> Any:
        begin = time.process_time()
        try:
            return method(*args, **kwargs)
        finally:
            seconds.append(time.process_time() - begin)

    setattr(owner, name, timed)
    try:
        yield seconds
    finally:
        setattr(owner, name, method)
