"""Which pairs the metric sees: balanced classes, subjects held apart, hard pairs (MERML sec. 3.6).

Pairs are drawn, never listed: CREMA-D has 27.7 million of them.
"""

import numpy as np

from avlib.metric_learning.base import check_labels

AT_ONCE = 512  # candidates whose distances are found at a time: a core keeps their vectors at hand


class PairSampler:
    """Draw similar and dissimilar pairs of samples.

    Half of the pairs are similar, and every class gives the same number of anchors. A similar
    pair joins two groups (subjects) and a dissimilar pair stays in one, so that the metric sees
    what differs between emotions and not between people (sec. 5.2.1); where the data hold no such
    partner the group is ignored for that pair.

    A share of the pairs is hard: of `candidates` random partners the farthest (similar) or the
    nearest (dissimilar) under the current embedding is taken. The paper's "maximise" for
    dissimilar pairs is read as a slip. With a confusion matrix, classes with more errors get more
    hard pairs, and a hard dissimilar partner's class is drawn in proportion to the confusions.

    Parameters
    ----------
    y : int array of shape (n,)
        Class codes from 0.
    groups : array of shape (n,), optional
        Subject of each sample; without it every sample is its own group.
    hard_fraction : float
        Share of hard pairs, in [0, 1].
    candidates : int
        Random partners among which the hard one is found.
    confusion : array of shape (n_classes, n_classes), optional
        Counts, rows true, columns predicted.
    seed : int

    Raises
    ------
    ValueError
        Fewer than two classes, or no class with two samples.
    """

    def __init__(
        self,
        y: np.ndarray,
        groups: np.ndarray | None = None,
        *,
        hard_fraction: float = 0.0,
        candidates: int = 8,
        confusion: np.ndarray | None = None,
        seed: int = 0,
    ) -> None:
        y = np.asarray(y, np.int64)
        groups = np.arange(len(y)) if groups is None else check_labels(groups, len(y), "groups")
        self._y = y
        self._group = np.unique(groups, return_inverse=True)[1].reshape(-1)
        self._candidates = candidates
        self._rng = np.random.default_rng(seed)

        n_classes, n_groups = int(y.max(initial=-1)) + 1, int(self._group.max(initial=-1)) + 1
        counts = np.bincount(y * n_groups + self._group, minlength=n_classes * n_groups)
        counts = counts.reshape(n_classes, n_groups)
        class_size = counts.sum(axis=1)
        self._anchors = np.flatnonzero(class_size > 0)
        self._positive_anchors = np.flatnonzero(class_size > 1)
        if len(self._anchors) < 2:
            raise ValueError(f"pairs need at least two classes, got {len(self._anchors)}")
        if len(self._positive_anchors) == 0:
            raise ValueError("pairs need a class with at least two samples, every class has one")

        # Samples sorted by class, then group: each class and each (class, group) is one run.
        self._order = np.lexsort((self._group, y))
        self._count = counts
        self._start = np.cumsum(counts.ravel()).reshape(counts.shape) - counts
        self._class_size = class_size
        self._class_start = np.cumsum(class_size) - class_size
        self._rank = np.empty(len(y), np.int64)
        self._rank[self._order] = np.arange(len(y))

        self._hard_share, self._hard_class = _steering(class_size > 0, hard_fraction, confusion)
        self._easy_class = _steering(class_size > 0, 0.0, None)[1]

    def sample(
        self, n: int, embedding: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw pairs.

        Parameters
        ----------
        n : int
            Number of pairs; half of them (rounded up) similar.
        embedding : array of shape (n_samples, p), optional
            Where squared Euclidean distance is the current metric. Without it no pair is hard.

        Returns
        -------
        first, second : int arrays of shape (n,)
            Indices into `y`, in random order.
        sign : int8 array of shape (n,)
            +1 similar, -1 dissimilar.
        """
        n_similar = (n + 1) // 2
        first = np.concatenate(
            [
                self._draw_anchors(self._positive_anchors, n_similar),
                self._draw_anchors(self._anchors, n - n_similar),
            ]
        )
        sign = np.ones(n, np.int8)
        sign[n_similar:] = -1
        hard = self._rng.random(n) < self._hard_share[self._y[first]]
        hard &= embedding is not None
        second = np.empty(n, np.int64)
        second[~hard] = self._draw_partners(first[~hard], sign[~hard], self._easy_class)
        if embedding is not None and hard.any():
            second[hard] = self._hardest(first[hard], sign[hard], embedding)
        mix = self._rng.permutation(n)
        return first[mix], second[mix], sign[mix]

    def _draw_anchors(self, classes: np.ndarray, n: int) -> np.ndarray:
        """Draw anchors with every class equally often (up to one)."""
        shuffled = self._rng.permutation(classes)
        anchor_class = np.resize(shuffled, n)
        within = self._rng.integers(0, self._class_size[anchor_class])
        return self._order[self._class_start[anchor_class] + within]

    def _draw_partners(
        self, first: np.ndarray, sign: np.ndarray, class_chances: np.ndarray
    ) -> np.ndarray:
        second = np.empty(len(first), np.int64)
        similar = sign > 0
        second[similar] = self._draw_similar(first[similar])
        second[~similar] = self._draw_dissimilar(first[~similar], class_chances)
        return second

    def _draw_similar(self, first: np.ndarray) -> np.ndarray:
        """Draw uniformly from the anchor's class outside its group, else outside itself."""
        label, group = self._y[first], self._group[first]
        skip_start, skip = self._start[label, group], self._count[label, group]
        alone = skip == self._class_size[label]  # the whole class is one subject's
        skip_start = np.where(alone, self._rank[first], skip_start)
        skip = np.where(alone, 1, skip)
        place = self._class_start[label]
        place = place + self._rng.integers(0, self._class_size[label] - skip)
        return self._order[np.where(place >= skip_start, place + skip, place)]

    def _draw_dissimilar(self, first: np.ndarray, class_chances: np.ndarray) -> np.ndarray:
        """Draw another class that the anchor's group has, then a sample of it, else any group's."""
        label, group = self._y[first], self._group[first]
        probabilities = class_chances[label]
        same_group = probabilities * (self._count[:, group] > 0).T
        possible = same_group.sum(axis=1) > 0
        probabilities = np.where(possible[:, None], same_group, probabilities)
        cumulative = np.cumsum(probabilities, axis=1)
        draw = self._rng.random(len(first)) * cumulative[:, -1]
        other = (draw[:, None] >= cumulative).sum(axis=1)
        start = np.where(possible, self._start[other, group], self._class_start[other])
        size = np.where(possible, self._count[other, group], self._class_size[other])
        return self._order[start + self._rng.integers(0, size)]

    def _hardest(self, first: np.ndarray, sign: np.ndarray, embedding: np.ndarray) -> np.ndarray:
        """Return the farthest similar or the nearest dissimilar of random candidates."""
        repeated, signs = (np.repeat(a, self._candidates) for a in (first, sign))
        drawn = self._draw_partners(repeated, signs, self._hard_class)
        distance = np.empty(len(drawn), embedding.dtype)
        for i in range(0, len(drawn), AT_ONCE):
            few = slice(i, i + AT_ONCE)
            gaps = embedding[repeated[few]]
            gaps -= embedding[drawn[few]]
            distance[few] = np.einsum("ij,ij->i", gaps, gaps)
        hardest = (distance * signs).reshape(-1, self._candidates).argmax(axis=1)
        return drawn.reshape(-1, self._candidates)[np.arange(len(first)), hardest]


def _steering(
    present: np.ndarray, hard_fraction: float, confusion: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return each class's share of hard pairs and the probabilities of each other class.

    Confusions count in both directions; one is added to each, so that a pair of classes that a
    small inner split never confused is still drawn.
    """
    n_classes = len(present)
    mistakes = np.ones((n_classes, n_classes))
    if confusion is not None:
        confusion = np.asarray(confusion, np.float64)
        if confusion.shape != (n_classes, n_classes):
            raise ValueError(f"confusion must be {n_classes} x {n_classes}, got {confusion.shape}")
        mistakes += confusion + confusion.T
    np.fill_diagonal(mistakes, 0.0)
    mistakes *= present[:, None] & present[None, :]
    errors = mistakes.sum(axis=1)
    share = np.zeros(n_classes)
    if present.any() and errors.any():
        share = np.minimum(1.0, hard_fraction * errors / errors[present].mean())
    return share, mistakes
