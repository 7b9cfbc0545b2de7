"""What the networks of temporal aggregation see of a clip, and what they say of it together."""

import math

from torch import Tensor

from avlib.systems.temporal_aggregation.batches import SegmentBatch
from avlib.systems.temporal_aggregation.network import SegmentNetworks
from avlib.systems.temporal_aggregation.spectrogram import log_spectrogram, with_differences


def pictures(
    batch: SegmentBatch, network: SegmentNetworks, frequencies: str = "linear"
) -> tuple[Tensor, Tensor]:
    """Return what the networks see of a batch, on the device where it is.

    Parameters
    ----------
    batch : SegmentBatch
    network : SegmentNetworks
        Which are to see it.
    frequencies : {"linear", "mel"}
        Of the spectrograms; mel bands have their differences beside them.

    Returns
    -------
    spectrograms : Tensor of shape (n, n_segments, 1, 192, 120) or (n, n_segments, 3, 64, 120)
    faces : Tensor of shape (n, n_segments, 3, height, width)
        RGB in 0 to 1; a view of one zero where the system has no video.
    """
    shape = batch.sound.shape[:2]
    waves = batch.sound.flatten(0, 1).float() / 32768  # from 16-bit samples to [-1, 1]
    floors = batch.floors.repeat_interleave(shape[1])
    spectrograms = log_spectrogram(waves, floors, frequencies).unflatten(0, shape)
    mean, spread = batch.rows[:, :, None, None, :, None].unbind(1)
    spectrograms = (spectrograms - mean) / spread
    if frequencies == "mel":
        spectrograms = with_differences(spectrograms)
    if not batch.faces.numel():
        size = network.networks.sizes["video"]
        return spectrograms, spectrograms.new_zeros(()).expand(*shape, *size)
    return spectrograms, batch.faces.movedim(-1, 2).float() / 255


def log_mean_probabilities(logits: Tensor) -> Tensor:
    """Return the logarithm of the segments' summed probabilities over their number.

    Parameters
    ----------
    logits : Tensor of shape (n, n_segments, n_classes)

    Returns
    -------
    Tensor of shape (n, n_classes)
        Finite, also where every segment is as good as sure of something else.
    """
    return logits.float().log_softmax(2).logsumexp(1) - math.log(logits.shape[1])
