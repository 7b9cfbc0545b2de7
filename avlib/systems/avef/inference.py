"""What AVEF's trained networks make of segments, and of clips."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from avlib.networks.once import once
from avlib.runtime.device import device
from avlib.systems.avef.network import JointNetwork, SegmentNetwork
from avlib.systems.avef.segments import MelFaceDataset, Segments
from avlib.systems.common.batch import batch_loader, in_order

_AT_ONCE = 64  # segments

Network = SegmentNetwork | JointNetwork


class PooledFeatures(NamedTuple):
    """What a trained network makes of clips.

    Attributes
    ----------
    features : float64 array of shape (n_clips, d)
        Means over the segments: of fc7 of a network trained alone, or of the last hidden layer of
        the deep belief network. NaN where a clip has no segment with what the network needs.
    probabilities : float64 array of shape (n_clips, n_classes)
        Means of what the network itself says of the segments; likewise.
    accuracy : float or None
        Of single segments; None where there are none.
    """

    features: np.ndarray
    probabilities: np.ndarray
    accuracy: float | None


def pool_segments(network: Network, segments: Segments, needed: tuple[str, ...]) -> PooledFeatures:
    """Average over each clip's segments how a network embeds them (AVEF, section 2.2.4).

    And, beside the paper, what it says of them.

    Parameters
    ----------
    network : SegmentNetwork or JointNetwork
        Afterwards on the CPU.
    segments : Segments
    needed : tuple of str
        Modalities that a segment must have to count.
    """
    counted = segments.has(needed)
    n_clips, last = len(segments.clips), network.classifier
    sums, right = np.zeros((n_clips, last.in_features)), 0
    said = np.zeros((n_clips, last.out_features))
    for rows, values in apply_network(network, network.embed, segments, counted):
        np.add.at(sums, segments.clip[rows], values.numpy())
        scores = last(values.to(last.weight.device)).detach().double().cpu()
        np.add.at(said, segments.clip[rows], scores.softmax(1).numpy())
        right += int((scores.argmax(1).numpy() == segments.emotion[rows]).sum())
    counts = np.bincount(segments.clip[counted], minlength=n_clips)[:, None].astype(float)
    counts[counts == 0] = np.nan
    n = int(counted.sum())
    return PooledFeatures(sums / counts, said / counts, right / n if n else None)


def with_fc7(network: SegmentNetwork, segments: Segments) -> Segments:
    """Return segments with what fc7 of a network that learns no more says of each, computed once.

    In the training of a wholly frozen one it is the same as afterwards: nothing is augmented before
    the network, nor dropped inside of it.
    """
    modality, shape = network.modality, (len(segments), network.classifier.in_features)
    path = segments.folder / f"{modality}_fc7.npy"
    mapped = np.lib.format.open_memmap(path, "w+", np.float32, shape)

    def compute() -> None:
        there = segments.has((modality,))
        for rows, values in apply_network(network, network.embed, segments, there):
            mapped[rows] = values.numpy()

    once(compute)
    return replace(segments, fc7={**segments.fc7, modality: mapped})


def apply_network(
    network: Network,
    function: Callable[[dict[str, Tensor]], Tensor],
    segments: Segments,
    mask: np.ndarray,
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Yield indices of the segments of a mask, and a function of their inputs, batch by batch.

    Never all at once: fc7 of all segments of a large corpus is a gigabyte.

    Parameters
    ----------
    network : SegmentNetwork or JointNetwork
        Whose method `function` is; afterwards on the CPU.
    mask : bool array of shape (n_segments,)

    Yields
    ------
    rows : int array of shape (n,)
    values : float32 Tensor of shape (n, d), on the CPU
    """
    where = device()
    network.to(where).eval()
    rows = np.flatnonzero(mask)
    places = in_order(range(len(rows)), _AT_ONCE)
    batches = batch_loader(MelFaceDataset(segments, rows, network.modalities), places)
    for of_batch, batch in zip(places, batches, strict=True):
        with torch.no_grad():  # a rehearsal counts no operations of inference mode
            values = function(batch.to(where).inputs).float().cpu()
        yield rows[of_batch], values
    network.cpu()
