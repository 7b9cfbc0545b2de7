"""The deep belief network under AVEF's two networks, filled without labels."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from avlib.runtime.device import device
from avlib.systems.avef.dbn import pretrain
from avlib.systems.avef.inference import apply_network
from avlib.systems.avef.network import JointNetwork
from avlib.systems.avef.segments import Segments
from avlib.systems.common.model import BOTH, without_prefix


def fill_without_labels(
    joint: JointNetwork,
    segments: Segments,
    learns: np.ndarray,
    settings: dict[str, Any],
    folder: Path | None,
    begun: int = 0,
) -> str:
    """Pre-train the machines of a network's deep belief network; return how they fared, as CSV.

    Parameters
    ----------
    joint : JointNetwork
        Its belief network is trained in place.
    segments : Segments
    learns : bool array of shape (n_segments,)
        Segments to learn from; the machines are watched on the others.
    settings : dict
        Section ``avef`` of params.yaml.
    folder : Path, optional
        Where the features of all segments may lie meanwhile, 32 kB a segment at full width.
    begun : int
        See `pretrain`.
    """
    rng = np.random.default_rng(settings["seed"])
    drawn = rng.permutation(np.flatnonzero(segments.has(BOTH)))
    learned, watched = drawn[learns[drawn]], drawn[~learns[drawn]]
    batch = settings["joint_batch"]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        # Once for all epochs: the networks below are not trained meanwhile.
        features = _features(joint, segments, np.concatenate([learned, watched]), Path(scratch))
        data, held_out = features[: len(learned)], features[len(learned) :]
        joint.dbn.to(device())
        rows = pretrain(
            joint.dbn,
            data,
            held_out if len(held_out) else data[:batch],
            batch=batch,
            momentum=settings["momentum"],
            seed=settings["seed"],
            begun=begun,
            **without_prefix("dbn_", settings),
        )
        joint.dbn.cpu()
    return rows.to_csv(index=False, lineterminator="\n")


def _features(joint: JointNetwork, segments: Segments, order: np.ndarray, folder: Path) -> Tensor:
    """Return fc7 of both networks for segments in an order, mapped from a file."""
    place = np.full(len(segments), -1)
    place[order] = np.arange(len(order))
    shape = (len(order), joint.dbn.mean.shape[0])
    mapped = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float32, shape)
    for rows, values in apply_network(joint, joint.features, segments, place >= 0):
        mapped[place[rows]] = values.numpy()
    return torch.from_numpy(mapped)
