"""Improved Fisher vectors of many clips at once, on torch."""

from collections.abc import Iterator, Sequence
from math import log, pi

import numpy as np
import torch

from avlib.fisher.mixture import Mixture
from avlib.runtime.same_bits import product, root
from avlib.runtime.threads import single_thread

# Most frames, padding included, that are held at once: bounds memory at (K + 3 D) x 8 bytes each.
BATCH_FRAMES = 32_768
# A frame's posteriors below this count as none, as in VLFeat: the signed square root would show
# a difference of 1e-7 as 3e-4.
NEGLIGIBLE = 1e-6


def encode_torch(descriptors: Sequence[np.ndarray], mixture: Mixture, device: str) -> np.ndarray:
    """Encode clips as improved Fisher vectors.

    The gradients of the mean log likelihood of a clip's frames with respect to the components'
    means and standard deviations, scaled by the inverse square root of their Fisher information,
    then signed square root and L2 normalisation (Sanchez et al. 2013, eqs. 16-18; Perronnin et
    al. 2010, section 3). The gradient with respect to the weights is left out, as is usual.

    Computed in float64: the second moments cancel where a component is narrow and far from the
    origin, which costs float32 up to three digits. One CPU thread, so that the number of threads
    never shows in the result.

    Parameters
    ----------
    descriptors : sequence of arrays of shape (n_i, D)
        One per clip, n_i >= 1.
    mixture : Mixture
    device : str
        "cpu" or "cuda".

    Returns
    -------
    array of shape (n_clips, 2 K D), float32
        Means' gradients component by component, then those of the standard deviations.
    """
    n_components, dim = mixture.means.shape
    vectors = np.empty((len(descriptors), 2 * n_components * dim), dtype=np.float32)
    parameters = [torch.as_tensor(array, dtype=torch.float64, device=device) for array in mixture]
    with single_thread():
        for batch in _batches([len(clip) for clip in descriptors]):
            frames, present = _pad([descriptors[i] for i in batch], device)
            vectors[batch] = _improve(gradients(frames, present, *parameters)).cpu().numpy()
    return vectors


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Group clips of similar length, so that little is padded."""
    batch: list[int] = []
    for i in np.argsort(lengths, kind="stable"):
        # Ascending lengths: the newcomer is the longest, all are padded to it.
        if batch and (len(batch) + 1) * lengths[i] > BATCH_FRAMES:
            yield batch
            batch = []
        batch.append(int(i))
    if batch:
        yield batch


def _pad(clips: list[np.ndarray], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames as (clips, longest, D) with zeros behind the end, and which ones are real."""
    lengths = np.array([len(clip) for clip in clips])
    present = np.arange(lengths.max()) < lengths[:, None]
    frames = np.zeros((*present.shape, clips[0].shape[1]))
    frames[present] = np.concatenate(clips)
    return torch.as_tensor(frames, device=device), torch.as_tensor(present, device=device)


def gradients(
    frames: torch.Tensor,
    present: torch.Tensor,
    weights: torch.Tensor,
    means: torch.Tensor,
    variances: torch.Tensor,
) -> torch.Tensor:
    """Gradients of a batch of clips, over the root of the Fisher information.

    Parameters
    ----------
    frames : tensor of shape (clips, n, D)
    present : bool tensor of shape (clips, n)
        False where a frame only fills up a shorter clip.
    weights, means, variances : tensors of shape (K,), (K, D), (K, D)

    Returns
    -------
    tensor of shape (clips, 2, K, D)
        With respect to the means, then to the standard deviations.
    """
    squares = frames.square()
    # log(w_k N(x; mu_k, sigma_k^2)) as two matrix products.
    constant = _log(weights) - 0.5 * (
        frames.shape[2] * log(2 * pi) + _log(variances).sum(1) + (means.square() / variances).sum(1)
    )
    joint = product(frames, (means / variances).T).add_(constant)
    joint.sub_(product(squares, (1 / variances).T).mul_(0.5))
    posteriors = torch.softmax(joint, dim=2)
    share = torch.nn.functional.threshold(posteriors, NEGLIGIBLE, 0.0, inplace=True)
    share = share.masked_fill_(~present[:, :, None], 0.0).mT
    n_frames = present.sum(1)[:, None, None]
    mass = share.sum(2, keepdim=True) / n_frames
    first = product(share, frames) / n_frames
    second = product(share, squares) / n_frames

    means_gradient = (first - means * mass) / root(variances * weights[:, None])
    spread = second - 2 * means * first + (means.square() - variances) * mass
    deviations_gradient = spread / (variances * root(2 * weights[:, None]))
    return torch.stack([means_gradient, deviations_gradient], dim=1)


def _log(x: torch.Tensor) -> torch.Tensor:
    """By NumPy: torch's, of float64, depends on the processor's maker as its roots do."""
    return torch.as_tensor(np.log(x.cpu().numpy()), device=x.device)


def _improve(gradients: torch.Tensor) -> torch.Tensor:
    """Signed square root, then unit length: (clips, 2 K D)."""
    vectors = gradients.flatten(1)
    vectors = vectors.sign() * root(vectors.abs())
    return torch.nn.functional.normalize(vectors, dim=1)
