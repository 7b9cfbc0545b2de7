import numpy as np
import pytest

from avlib.metric_learning.pairs import PairSampler


def unbalanced(seed=0):
    rng = np.random.default_rng(seed)
    y = rng.choice(4, 120, p=[0.6, 0.2, 0.15, 0.05])
    return y, rng.integers(0, 6, 120)


def test_pairs_are_half_similar_and_signs_are_true():
    y, groups = unbalanced()
    first, second, sign = PairSampler(y, groups, seed=1).sample(4001)
    assert (sign > 0).sum() == 2001
    np.testing.assert_array_equal(np.where(y[first] == y[second], 1, -1), sign)
    assert (first != second).all()


def test_every_class_gives_equally_many_anchors():
    y, groups = unbalanced()
    first, _, sign = PairSampler(y, groups, seed=1).sample(4000)
    for kind in (1, -1):
        counts = np.bincount(y[first[sign == kind]], minlength=4)
        assert counts.max() - counts.min() <= 1


def test_similar_pairs_join_subjects_and_dissimilar_pairs_stay_in_one():
    y = np.tile([0, 1, 2], 10)
    groups = np.repeat(np.arange(5), 6)
    first, second, sign = PairSampler(y, groups).sample(2000)
    assert (groups[first] != groups[second])[sign > 0].all()
    assert (groups[first] == groups[second])[sign < 0].all()


def test_groups_are_ignored_where_they_hold_no_partner():
    # Subject 0 has only class 0, subject 1 only class 1.
    y = groups = np.repeat([0, 1], 4)
    first, second, sign = PairSampler(y, groups).sample(200)
    assert (first != second).all()
    np.testing.assert_array_equal(np.where(y[first] == y[second], 1, -1), sign)


def test_draw_reaches_exactly_the_allowed_pairs():
    y = np.array([0, 0, 0, 1, 1, 1])
    groups = np.array([0, 0, 1, 0, 1, 1])
    drawn = set(zip(*(a.tolist() for a in PairSampler(y, groups).sample(5000)), strict=True))
    allowed = {
        (i, j, 1 if y[i] == y[j] else -1)
        for i in range(6)
        for j in range(6)
        if i != j and (y[i] == y[j]) == (groups[i] != groups[j])
    }
    assert drawn == allowed


def test_hard_pairs_are_the_farthest_similar_and_the_nearest_dissimilar():
    rng = np.random.default_rng(3)
    y, place = np.repeat([0, 1, 2], 8), rng.normal(size=(24, 2))
    sampler = PairSampler(y, hard_fraction=1.0, candidates=400)  # enough to meet every partner
    distance = ((place[:, None] - place[None]) ** 2).sum(axis=2)
    for i, j, sign in zip(*sampler.sample(60, place), strict=True):
        if sign > 0:
            assert distance[i, j] == distance[i, y == y[i]].max()
        else:
            assert distance[i, j] == distance[i, y != y[i]].min()


def test_confusions_draw_hard_dissimilar_partners_and_more_hard_pairs_for_confused_classes():
    y = np.tile(np.arange(4), 50)
    confusion = np.array([[20, 30, 0, 0], [30, 20, 0, 0], [0, 0, 50, 0], [0, 0, 0, 50]])
    flat = np.zeros((200, 1))
    sampler = PairSampler(y, hard_fraction=0.5, candidates=1, confusion=confusion, seed=4)
    first, second, sign = sampler.sample(20000, flat)
    met = np.zeros((4, 4))
    np.add.at(met, (y[first[sign < 0]], y[second[sign < 0]]), 1)
    met /= met.sum(axis=1, keepdims=True)
    # Weighted errors, one added to each cell: 61 + 1 + 1 in classes 0 and 1, 3 in classes 2 and 3.
    hard = 0.5 * 63 / 33
    assert met[0, 1] == pytest.approx(hard * 61 / 63 + (1 - hard) / 3, abs=0.02)
    assert met[2, 3] == pytest.approx(1 / 3, abs=0.02)


def test_class_with_one_sample_takes_part_in_dissimilar_pairs_only():
    y = np.array([0, 0, 0, 1, 1, 1, 2])
    first, second, sign = PairSampler(y).sample(600)
    assert 6 in first[sign < 0]
    assert 6 not in first[sign > 0]
    assert 6 not in second[sign > 0]


@pytest.mark.parametrize(
    ("y", "message"), [([1, 1, 1], "at least two classes"), ([0, 1, 2], "at least two samples")]
)
def test_labels_without_pairs_are_an_error(y, message):
    with pytest.raises(ValueError, match=message):
        PairSampler(np.array(y))


def test_same_seed_draws_the_same_pairs():
    y, groups = unbalanced()
    draws = [np.stack(PairSampler(y, groups, seed=s).sample(500)) for s in (5, 5, 6)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()
