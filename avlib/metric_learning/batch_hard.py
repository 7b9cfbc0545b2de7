"""EmoBed's crossmodal triplets: the hardest of the doubled mini-batch {e_A; e_V} (section 3.2).

The two halves are drawn independently (unpaired), each with labels of its own, and an embedding's
hardest positive and negative may come from either modality.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from avlib.metric_learning.triplets import hardest, hinge, squared_distances

UNLABELLED = -1


def high_low(targets: Tensor, training_mean: float) -> Tensor:
    """Return the triplets' classes of continuous targets.

    The paper does not say what the classes of a regression are; its figure 3 marks high and low
    arousal or valence. Resolved as the sign around the training mean.

    Parameters
    ----------
    targets : float Tensor of any shape
        One dimension of emotion; NaN where there is no label.
    training_mean : float

    Returns
    -------
    int64 Tensor of that shape
        1 above the mean, 0 else, `UNLABELLED` without a label.
    """
    return (targets > training_mean).long().masked_fill(targets.isnan(), UNLABELLED)


def batch_hard(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Choose for each embedding the farthest of its class and the nearest of another.

    Needs memory for n^2 distances. Mined in single precision, embeddings closer to one another
    than about 1e-3 of their norm may be taken for equally far.

    Parameters
    ----------
    embeddings : Tensor of shape (n, d)
    labels : int Tensor of shape (n,)
        `UNLABELLED` takes part in no triplet.

    Returns
    -------
    anchor, positive, negative : int64 Tensors of shape (n_triplets,)
        Anchors without a positive (another one of their class) or a negative are left out.
    """
    known = labels != UNLABELLED
    pairs = known[:, None] & known[None, :]
    same = labels[:, None] == labels[None, :]
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    with torch.autocast(embeddings.device.type, enabled=False):  # half precision would be noise
        flat = embeddings.detach().float()
        distances = squared_distances(flat, flat)
    return hardest(distances, same & pairs & ~itself, ~same & pairs)


def crossmodal_triplet_loss(
    halves: Sequence[tuple[Tensor, Tensor]], margin: float | None
) -> Tensor:
    """Return the loss of the hardest triplets of several modalities' embeddings together.

    Distances are Euclidean, not squared (eq. 5). The mean over the triplets stands in for the
    paper's sum, so that its weight beta does not depend on the size of the mini-batch.

    Parameters
    ----------
    halves : sequence of (Tensor of shape (n_m, d), int Tensor of shape (n_m,))
        Embeddings and labels of each modality; their numbers may differ.
    margin : float or None
        Of the hinge max(d+ - d- + margin, 0). None is eq. 6 as printed, d+ - d-, which has no
        lower bound: where the classes are apart, larger embeddings always lower it.

    Returns
    -------
    Tensor of shape ()
        0 without any triplet.
    """
    embeddings = torch.cat([values for values, _ in halves])
    labels = torch.cat([labels for _, labels in halves])
    # Nothing at all where no step of a piece of a recording has a label.
    anchor, positive, negative = batch_hard(embeddings, labels) if len(labels) else [labels] * 3
    if not len(anchor):
        return embeddings.sum() * 0.0
    far = _distance(embeddings, anchor, positive)
    near = _distance(embeddings, anchor, negative)
    return (far - near if margin is None else hinge(far, near, margin)).mean()


def _distance(embeddings: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the Euclidean distances of pairs; the gradient at 0 is 0, not NaN."""
    return torch.linalg.vector_norm(embeddings[a] - embeddings[b], dim=1)
