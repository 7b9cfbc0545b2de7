import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib.metric_learning.batch_hard import (
    UNLABELLED,
    batch_hard,
    crossmodal_triplet_loss,
    high_low,
)


def halves(seed, n_audio, n_video, classes, d=3, unlabelled=0.0):
    rng = np.random.default_rng(seed)
    made = []
    for n in (n_audio, n_video):
        labels = rng.integers(0, classes, n)
        labels[rng.random(n) < unlabelled] = UNLABELLED
        made.append((torch.from_numpy(rng.normal(size=(n, d))), torch.from_numpy(labels)))
    return made


def triplets_by_hand(points, labels):
    """Every triplet looked at: anchor, farthest of its class, nearest of another."""
    n, chosen = len(points), []
    for a in range(n):
        alike = [i for i in range(n) if i != a and labels[i] == labels[a] >= 0]
        other = [i for i in range(n) if labels[a] >= 0 and 0 <= labels[i] != labels[a]]
        if alike and other:
            far = max(alike, key=lambda i: math.dist(points[a], points[i]))
            near = min(other, key=lambda i: math.dist(points[a], points[i]))
            chosen.append((a, far, near))
    return chosen


def joined(made):
    points = [point for values, _ in made for point in values.tolist()]
    return points, [label for _, labels in made for label in labels.tolist()]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_audio=st.integers(1, 12),
    n_video=st.integers(1, 7),
    classes=st.integers(1, 4),
    unlabelled=st.sampled_from([0.0, 0.3]),
)
def test_triplets_are_the_hardest_of_both_modalities(seed, n_audio, n_video, classes, unlabelled):
    made = halves(seed, n_audio, n_video, classes, unlabelled=unlabelled)
    points, labels = joined(made)
    expected = triplets_by_hand(points, labels)
    found = batch_hard(torch.cat([v for v, _ in made]), torch.cat([u for _, u in made]))
    assert list(zip(*(part.tolist() for part in found), strict=True)) == expected
    gaps = [
        math.dist(points[a], points[p]) - math.dist(points[a], points[n]) for a, p, n in expected
    ]
    for margin in (0.4, None):
        losses = gaps if margin is None else [max(gap + margin, 0.0) for gap in gaps]
        mean = sum(losses) / len(losses) if losses else 0.0
        assert float(crossmodal_triplet_loss(made, margin)) == pytest.approx(mean, abs=1e-9)


def test_hardest_positive_and_negative_come_from_either_modality():
    audio = (torch.tensor([[0.0], [1.0], [9.0]]), torch.tensor([0, 0, 1]))
    video = (torch.tensor([[3.0], [2.0]]), torch.tensor([0, 1]))
    anchor, positive, negative = batch_hard(
        torch.cat([audio[0], video[0]]), torch.cat([audio[1], video[1]])
    )
    chosen = dict(
        zip(anchor.tolist(), zip(positive.tolist(), negative.tolist(), strict=True), strict=True)
    )
    assert chosen == {0: (3, 4), 1: (3, 4), 2: (4, 3), 3: (0, 4), 4: (2, 1)}


def scaled_losses(margin):
    """The loss of two classes well apart, their embeddings ever larger."""
    made = halves(0, 6, 6, 2)
    apart = [(values + 20.0 * labels[:, None], labels) for values, labels in made]
    return [
        float(crossmodal_triplet_loss([(s * v, u) for v, u in apart], margin))
        for s in (1.0, 10.0, 1000.0)
    ]


def test_literal_eq_6_has_no_lower_bound_and_the_hinge_has_0():
    once, ten, thousand = scaled_losses(None)
    assert once < -10
    assert ten == pytest.approx(10 * once)
    assert thousand == pytest.approx(1000 * once)
    assert scaled_losses(0.5) == [0.0, 0.0, 0.0]


def test_gradient_is_that_of_finite_differences():
    made = [(values.requires_grad_(), labels) for values, labels in halves(1, 5, 4, 2)]

    def loss(audio, video, margin):
        return crossmodal_triplet_loss([(audio, made[0][1]), (video, made[1][1])], margin)

    for margin in (0.5, None):
        assert torch.autograd.gradcheck(lambda a, v, m=margin: loss(a, v, m), [v for v, _ in made])


def test_embeddings_that_coincide_have_a_finite_gradient():
    values = torch.zeros(4, 3, requires_grad=True)
    crossmodal_triplet_loss([(values, torch.tensor([0, 0, 1, 1]))], 0.2).backward()
    assert torch.isfinite(values.grad).all()


def test_without_triplets_the_loss_is_0_and_can_still_be_learned_from():
    values = torch.ones(3, 2, requires_grad=True)
    for labels in ([0, 0, 0], [0, 1, 2], [UNLABELLED] * 3):
        loss = crossmodal_triplet_loss([(values, torch.tensor(labels))], 0.2)
        loss.backward()
        assert loss.item() == 0.0
    assert not values.grad.any()


def test_targets_above_the_training_mean_are_high_and_missing_ones_neither():
    targets = torch.tensor([[0.1, 0.3], [torch.nan, 0.2]])
    assert high_low(targets, 0.2).tolist() == [[0, 1], [UNLABELLED, 0]]
