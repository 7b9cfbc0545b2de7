"""Fisher encoding: ours on torch against cyvlfeat and scikit-image, all on one thread.

``python -m benchmarks.bench_fisher`` prints a Markdown table: clips of 300 frames, K = 64, and
how many times longer the others take than ours.
"""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch
from skimage.feature import fisher_vector
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from avlib.fisher import Mixture, vlfeat
from avlib.fisher.vectors import encode_torch

COMPONENTS = 64
FRAMES = 300
CLIPS = 16
ROUNDS = 5


def main() -> None:
    """Print the table."""
    print(f"{CLIPS} clips of {FRAMES} frames, K = {COMPONENTS}, best of {ROUNDS} rounds\n")
    print("| dimensions | encoder | ms per clip | relative to ours on the CPU |")
    print("| --- | --- | --- | --- |")
    for dim in (64, 400):
        with threadpool_limits(limits=1):
            seconds = measure(encoders(dim))
        for name, value in seconds.items():
            ratio = value / seconds["ours (torch, CPU)"]
            print(f"| {dim} | {name} | {1000 * value / CLIPS:.1f} | {ratio:.2f} |")


def encoders(dim: int) -> dict[str, Callable[[], object]]:
    """Everything that encodes the same clips with the same mixture, by name."""
    rng = np.random.default_rng(0)
    clips = [rng.normal(size=(FRAMES, dim)).astype(np.float32) for _ in range(CLIPS)]
    mixture = Mixture(
        np.full(COMPONENTS, 1 / COMPONENTS),
        0.3 * rng.normal(size=(COMPONENTS, dim)),
        rng.uniform(0.5, 1.5, size=(COMPONENTS, dim)),
    )
    model = GaussianMixture(COMPONENTS, covariance_type="diag")
    model.weights_, model.means_, model.covariances_ = vars(mixture).values()
    model.precisions_cholesky_ = 1 / np.sqrt(mixture.variances)

    found: dict[str, Callable[[], object]] = {
        "ours (torch, CPU)": lambda: encode_torch(clips, mixture, "cpu"),
        "scikit-image": lambda: [
            fisher_vector(clip, model, improved=True, alpha=0.5) for clip in clips
        ],
    }
    if vlfeat.AVAILABLE:
        found["cyvlfeat"] = lambda: vlfeat.encode_vlfeat(clips, mixture)
    if torch.cuda.is_available():
        found["ours (torch, GPU)"] = lambda: encode_torch(clips, mixture, "cuda")
    return found


def measure(found: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Best time of each in seconds; they take turns, so that a busy moment hits all of them."""
    seconds = {name: float("inf") for name in found}
    for _ in range(ROUNDS):
        for name, encode in found.items():
            start = perf_counter()
            encode()
            seconds[name] = min(seconds[name], perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
