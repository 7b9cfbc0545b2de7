"""Triplets out of a mini-batch: the loss, the hardest ones, and balanced mini-batches.

Distances are squared Euclidean distances, as in eq. 1 of the paper on the gating paradigm.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Sampler


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return the squared distance of every row of `a` to every row of `b`, shape (n, m)."""
    squares = a.square().sum(1)[:, None] + b.square().sum(1)[None, :]
    return (squares - 2 * a @ b.T).clamp_min(0)


def hinge(positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Return max(d(anchor, positive) - d(anchor, negative) + margin, 0), element by element."""
    return (positive - negative + margin).clamp_min(0)


def hardest(
    distances: Tensor, similar: Tensor, dissimilar: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Choose for each anchor the farthest similar and the nearest dissimilar candidate.

    Parameters
    ----------
    distances : Tensor of shape (n_anchors, n_candidates)
    similar, dissimilar : bool Tensors of that shape
        Who may be chosen. Of equally hard candidates the first one is.

    Returns
    -------
    anchor, positive, negative : int64 Tensors of shape (n_triplets,)
        Anchors without a candidate of either kind are left out.
    """
    positive = distances.masked_fill(~similar, -torch.inf).argmax(1)
    negative = distances.masked_fill(~dissimilar, torch.inf).argmin(1)
    anchor = torch.nonzero(similar.any(1) & dissimilar.any(1)).squeeze(1)
    return anchor, positive[anchor], negative[anchor]


def semi_hard(
    distances: Tensor, similar: Tensor, dissimilar: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Choose for each anchor and positive the nearest negative that is farther than the positive.

    From such triplets a network learns that the hardest ones would teach to make all embeddings one
    (Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015). Where no negative is farther, it is
    the farthest one.

    Parameters
    ----------
    distances, similar, dissimilar
        As for `hardest`.

    Returns
    -------
    anchor, positive, negative : int64 Tensors of shape (n_triplets,)
        Pairs without a negative are left out.
    """
    anchor, positive = torch.nonzero(similar & dissimilar.any(1, keepdim=True), as_tuple=True)
    of_anchor = distances[anchor]
    farther = dissimilar[anchor] & (of_anchor > distances[anchor, positive][:, None])
    nearest = of_anchor.masked_fill(~farther, torch.inf).argmin(1)
    farthest = of_anchor.masked_fill(~dissimilar[anchor], -torch.inf).argmax(1)
    return anchor, positive, torch.where(farther.any(1), nearest, farthest)


class MultiWindowMiner:
    """Hard triplets window by window, never the same one twice (gating paradigm, section III-D).

    A clip that was an anchor's positive or negative in an earlier window is not chosen for it again
    in a later one. A mini-batch of five clips per class has only four positives for an anchor and
    the paper up to eight windows, which it leaves open: when an anchor has used up its candidates,
    all of them may be chosen anew.

    Parameters
    ----------
    labels : int Tensor of shape (n,)
        Of the mini-batch.
    """

    def __init__(self, labels: Tensor) -> None:
        same = labels[:, None] == labels[None, :]
        self.similar = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        self.dissimilar = ~same
        self.used_positives = torch.zeros_like(same)
        self.used_negatives = torch.zeros_like(same)

    def mine(self, distances: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Choose the next window's triplets.

        Parameters
        ----------
        distances : Tensor of shape (n, n)
            From anchors to candidates, in this window.
        present : bool Tensor of shape (n,)
            Which clips have this window.

        Returns
        -------
        anchor, positive, negative : int64 Tensors of shape (n_triplets,)
            Anchors without a positive or a negative are left out.
        """
        candidates = present[None, :] & present[:, None]
        similar = _fresh(self.similar & candidates, self.used_positives)
        dissimilar = _fresh(self.dissimilar & candidates, self.used_negatives)
        anchor, positive, negative = hardest(distances.detach(), similar, dissimilar)
        self.used_positives[anchor, positive] = True
        self.used_negatives[anchor, negative] = True
        return anchor, positive, negative


def _fresh(candidates: Tensor, used: Tensor) -> Tensor:
    """Return the candidates not used yet; an anchor that has none left starts over."""
    fresh = (candidates & ~used).any(1, keepdim=True)
    used &= fresh | ~candidates.any(1, keepdim=True)
    return candidates & ~used


class BalancedBatches(Sampler[list[int]]):
    """Mini-batches with the same number of clips of every class, none of them twice.

    An epoch has as many batches as the clips fill. Of a frequent class, each epoch sees another
    random part; the clips of a rare one come again in later batches, and a class that has fewer
    clips than its share gives all it has. The order depends on the seed and the epoch alone, so
    that a resumed run goes on as an undisturbed one would.

    Parameters
    ----------
    labels : int array of shape (n,)
    per_class : int
        Clips of each class in a batch.
    seed : int
    """

    def __init__(self, labels: np.ndarray, per_class: int, seed: int) -> None:
        self.members = [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)]
        self.per_class, self.seed, self.epoch = per_class, seed, 0
        self.count = -(-len(labels) // (per_class * len(self.members)))

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        dealt = [self._deal(members, rng) for members in self.members]
        for shares in zip(*dealt, strict=True):
            yield [index for share in shares for index in share]

    def _deal(self, members: list[int], rng: np.random.Generator) -> list[list[int]]:
        """Return a share for each batch; all members come before any comes again."""
        shares, waiting = [], list[int]()
        for _ in range(self.count):
            if len(waiting) < self.per_class:
                fresh = [int(member) for member in rng.permutation(members)]
                waiting += [member for member in fresh if member not in waiting]
            shares.append(waiting[: self.per_class])
            waiting = waiting[self.per_class :]
        return shares
