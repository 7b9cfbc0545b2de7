"""How two modalities lie in one space."""

import numpy as np
import pytest

from avlib.systems.emobed.mixing import emotions_across, mixing

K = 5


def points(n, seed=0, people=6, d=3):
    """Places, modalities, emotions and people at random; each of these as often."""
    rng = np.random.default_rng(seed)
    words = [rng.permutation(np.arange(n) % many) for many in (2, 3, people)]
    modality, emotion, subject = (
        np.array(list(names))[of]
        for names, of in zip(("av", "xyz", "abcdefgh"), words, strict=True)
    )
    return rng.normal(size=(n, d)), modality, emotion, subject


def by_hand(values, modality, emotion, subject):
    """Plain loops over points."""
    shares, alike = {"a": [], "v": []}, []
    for i in range(len(values)):
        others = [j for j in range(len(values)) if subject[j] != subject[i]]
        others.sort(key=lambda j: np.linalg.norm(values[j] - values[i]))
        foreign = [modality[j] != modality[i] for j in others]
        shares[modality[i]].append((sum(foreign[:K]) / K, sum(foreign) / len(foreign)))
        across = [emotion[j] == emotion[i] for j in others if modality[j] != modality[i]]
        alike.append((sum(across[:K]) / K, sum(across) / len(across)))
    ratios = [np.mean([a for a, _ in of]) / np.mean([b for _, b in of]) for of in shares.values()]
    return np.mean(ratios), np.mean(alike, axis=0)


def test_both_are_what_plain_loops_find():
    values, modality, emotion, subject = points(60)
    values[modality == "v"] += 0.7  # somewhat apart, and of unequal number
    kept = np.r_[np.flatnonzero(modality == "a")[:18], np.flatnonzero(modality == "v")]
    given = values[kept], modality[kept], emotion[kept], subject[kept]
    mixed, across = by_hand(*given)
    assert 0.1 < mixed < 0.9
    assert mixing(given[0], given[1], given[3]) == pytest.approx(mixed)
    assert emotions_across(*given) == pytest.approx(tuple(across))


def test_modalities_that_lie_apart_do_not_mix():
    values, modality, _, subject = points(60)
    values[modality == "v"] += 100
    assert mixing(values, modality, subject) == 0


def test_where_all_others_are_neighbours_mixing_is_as_by_chance():
    subject = np.repeat(["a", "b"], K)
    modality = np.array([*"avvav", *"avaav"])
    rng = np.random.default_rng(0)
    assert mixing(rng.normal(size=(2 * K, 2)), modality, subject) == pytest.approx(1)


def test_modalities_whose_places_are_alike_mix_as_by_chance_whatever_their_numbers():
    values, modality, _, subject = points(1200)
    assert mixing(values, modality, subject) == pytest.approx(1, abs=0.05)
    few = np.r_[np.flatnonzero(modality == "a")[:150], np.flatnonzero(modality == "v")]
    assert mixing(values[few], modality[few], subject[few]) == pytest.approx(1, abs=0.15)


def test_what_a_person_shares_with_himself_does_not_count():
    _, modality, _, subject = points(60)
    # Each person's sound and face are in one place of his own; others' faces lie apart from sound.
    own = 10.0 * np.array([ord(s) for s in subject])[:, None] * [1, 0, 0]
    assert mixing(own, modality, subject) > 0
    clear = 1000.0 * (modality == "v")[:, None] * [0, 1, 0]
    assert mixing(own + clear, modality, subject) == 0


def test_emotions_meet_across_modalities_or_change_places():
    values, modality, emotion, subject = points(180)
    place = np.array([ord(e) for e in emotion])
    noise = values[:, :1] / 100
    share, chance = emotions_across(place[:, None] + noise, modality, emotion, subject)
    assert share == 1
    assert chance == pytest.approx(1 / 3, abs=0.05)
    moved = place + (modality == "v") - 3 * ((modality == "v") & (emotion == "z"))
    assert emotions_across(moved[:, None] + noise, modality, emotion, subject)[0] == 0


def test_one_modality_one_person_or_nothing_at_all_has_no_score():
    values, modality, emotion, subject = points(24)
    one = np.full(24, "a")
    assert np.isnan(mixing(values, one, subject))
    assert np.isnan(mixing(values, modality, one))
    assert np.isnan(mixing(values[:0], modality[:0], subject[:0]))
    for of in ((modality, emotion, one), (one, emotion, subject)):
        assert np.isnan(emotions_across(values, *of)).all()
