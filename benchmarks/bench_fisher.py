"""Fisher encoding: ours on torch against cyvlfeat and scikit-image, all on one thread."""

from collections.abc import Callable

import numpy as np
import torch
from skimage.feature import fisher_vector
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from avlib.fisher import vlfeat
from avlib.fisher.mixture import Mixture
from avlib.fisher.vectors import encode_torch
from benchmarks.machine import take_turns
from benchmarks.table import Table

COMPONENTS = 64
FRAMES = 300
CLIPS = 16
ROUNDS = 20


def tables() -> list[Table]:
    """Encode the same clips with all of them."""
    rows = []
    for dim in (64, 400):
        with threadpool_limits(limits=1):
            seconds = take_turns(encoders(dim), ROUNDS)
        for name, value in seconds.items():
            ratio = value / seconds["ours (torch, CPU)"]
            rows.append([name, str(dim), f"{1000 * value / CLIPS:.2f}", f"{ratio:.2f}"])
    return [
        Table(
            f"{CLIPS} clips of {FRAMES} frames, K = {COMPONENTS}.",
            "Above 1 in the last column: slower than ours on the CPU; of the products it is the"
            f" share of the processor's matrix-product rate. Best of {ROUNDS}.",
            ["encoder", "dimensions", "ms per clip", "times ours"],
            rows,
        )
    ]


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
    model.weights_, model.means_, model.covariances_ = mixture
    model.precisions_cholesky_ = 1 / np.sqrt(mixture.variances)

    frames, posteriors = np.stack(clips).astype(np.float64), rng.random((CLIPS, COMPONENTS, FRAMES))

    def products() -> None:
        for _ in range(2):
            frames @ mixture.means.T, posteriors @ frames

    found: dict[str, Callable[[], object]] = {
        "ours (torch, CPU)": lambda: encode_torch(clips, mixture, "cpu"),
        "its matrix products alone": products,
        "scikit-image": lambda: [
            fisher_vector(clip, model, improved=True, alpha=0.5) for clip in clips
        ],
    }
    if vlfeat.AVAILABLE:
        found["cyvlfeat"] = lambda: vlfeat.encode_vlfeat(clips, mixture)
    if torch.cuda.is_available():
        found["ours (torch, GPU)"] = lambda: encode_torch(clips, mixture, "cuda")
    return found
