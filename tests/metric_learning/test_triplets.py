import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib.metric_learning.triplets import (
    BalancedBatches,
    MultiWindowMiner,
    hinge,
    squared_distances,
)


def mine_by_hand(distances, labels, present, used):
    """Find each anchor's farthest positive and nearest negative by looking at all triplets."""
    n, chosen = len(labels), {}
    for anchor in range(n):
        if not present[anchor]:
            continue
        picks = []
        for alike, best in ((True, max), (False, min)):
            candidates = [
                i
                for i in range(n)
                if i != anchor and present[i] and (labels[i] == labels[anchor]) == alike
            ]
            fresh = [i for i in candidates if i not in used[alike][anchor]]
            if candidates and not fresh:
                used[alike][anchor] -= set(candidates) | used[alike][anchor]
                fresh = candidates
            picks.append(best(fresh, key=lambda i: distances[anchor][i]) if fresh else None)
        if None not in picks:
            chosen[anchor] = tuple(picks)
            used[True][anchor].add(picks[0])
            used[False][anchor].add(picks[1])
    return chosen


def test_distances_are_those_of_numpy():
    a, b = torch.randn(5, 3), torch.randn(4, 3)
    expected = ((a.numpy()[:, None] - b.numpy()[None]) ** 2).sum(2)
    np.testing.assert_allclose(squared_distances(a, b), expected, rtol=1e-5, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 4), each=st.integers(1, 4))
def test_mined_triplets_are_the_hardest_that_were_not_used_before(seed, classes, each):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    miner = MultiWindowMiner(torch.from_numpy(labels))
    used = {alike: {i: set() for i in range(len(labels))} for alike in (True, False)}
    for _ in range(6):
        points = torch.from_numpy(rng.normal(size=(len(labels), 2)))
        present = rng.random(len(labels)) < 0.8
        distances = squared_distances(points, points)
        found = miner.mine(distances, torch.from_numpy(present))
        expected = mine_by_hand(distances.tolist(), labels, present, used)
        assert {a: (p, n) for a, p, n in zip(*(x.tolist() for x in found), strict=True)} == expected


def test_no_negative_comes_twice_for_an_anchor_while_others_are_left():
    labels = torch.arange(4).repeat_interleave(3)
    miner, chosen = MultiWindowMiner(labels), set()
    points = torch.randn(12, 2)  # the same in every window, so the same one is hardest every time
    distances = squared_distances(points, points)
    for _ in range(9):  # as many as an anchor has negatives
        anchor, _, negative = miner.mine(distances, torch.ones(12, dtype=torch.bool))
        pairs = set(zip(anchor.tolist(), negative.tolist(), strict=True))
        assert len(pairs) == 12
        assert not pairs & chosen
        chosen |= pairs
    assert len(chosen) == 12 * 9


def test_clip_without_another_of_its_class_is_no_anchor():
    labels = torch.tensor([0, 0, 1])
    distances = squared_distances(*[torch.randn(3, 2)] * 2)
    anchor, positive, negative = MultiWindowMiner(labels).mine(distances, torch.ones(3) > 0)
    assert (anchor.tolist(), positive.tolist(), negative.tolist()) == ([0, 1], [1, 0], [2, 2])


def test_hinge_is_that_of_eq_1():
    d = torch.tensor([0.0, 1.0, 5.0])
    assert hinge(d, torch.tensor([3.0, 1.5, 1.0]), 1.0).tolist() == [0.0, 0.5, 5.0]


def test_batches_hold_as_many_clips_of_every_class_and_an_epoch_shows_the_rare_ones_all():
    labels = np.array([0] * 20 + [1] * 7 + [2] * 3)
    sampler = BalancedBatches(labels, 2, seed=0)
    batches = list(sampler)
    assert len(batches) == len(sampler) == 5  # 30 clips in batches of 6
    assert all(np.bincount(labels[batch]).tolist() == [2, 2, 2] for batch in batches)
    shown = set(itertools.chain.from_iterable(batches))
    assert {i for i in range(30) if labels[i] > 0} <= shown


@pytest.mark.parametrize("seed", [0, 1])
def test_order_of_batches_depends_on_seed_and_epoch_alone(seed):
    labels = np.arange(24) % 4

    def batches(epoch, seed=seed):
        sampler = BalancedBatches(labels, 3, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert batches(3) == batches(3)
    assert batches(3) != batches(4)
    assert batches(3) != batches(3, seed + 1)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    per_class=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_no_clip_stands_twice_in_a_batch_and_all_come_before_one_comes_again(
    sizes, per_class, seed
):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    batches = list(BalancedBatches(labels, per_class, seed))
    for batch in batches:
        assert len(set(batch)) == len(batch)
        shares = np.bincount(labels[batch], minlength=len(sizes))
        assert shares.tolist() == [min(size, per_class) for size in sizes]
    for label, size in enumerate(sizes):
        dealt = [i for batch in batches for i in batch if labels[i] == label]
        assert len(set(dealt)) == min(size, len(dealt))
