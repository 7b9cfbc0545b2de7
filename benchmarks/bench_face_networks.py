"""Time that each face network takes for a face on one core."""

import functools
from time import process_time

import numpy as np

from avlib.descriptors.dlib_resnet import DlibResNetDescriptor
from avlib.descriptors.expression import ExpressionDescriptor
from avlib.faces.alignment import CHIP
from benchmarks import ROOT
from benchmarks.machine import one_core, take_turns
from benchmarks.table import Table

FACES, ROUNDS = 256, 3
OURS = ROOT / "data" / "weights" / "expression" / "expression.safetensors"


def tables() -> list[Table]:
    """Time the networks whose weights are at hand."""
    chips = np.random.default_rng(0).integers(0, 256, (FACES, CHIP, CHIP, 3), np.uint8)
    networks = (ExpressionDescriptor(weights=OURS), DlibResNetDescriptor())
    described = {
        each.name: functools.partial(each.describe_chips, chips[..., 0] if each.grey else chips)
        for each in networks
    }
    with one_core():
        for describe in described.values():
            describe()  # loads the network
        times = take_turns(described, ROUNDS, process_time)
    return [
        Table(
            f"{FACES} aligned faces in memory.",
            "Target: under 2 ms for `expression`. Crop, normalisation and network, in batches as in"
            f" the pipeline; without decoding the JPEG. CPU time, best of {ROUNDS}.",
            ["descriptor", "ms a face"],
            [[name, f"{1000 * time / FACES:.2f}"] for name, time in times.items()],
        )
    ]
