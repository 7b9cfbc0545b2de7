import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avlib.runtime.errors import DataError
from avlib.systems.emobed.sequence_prep import (
    Standardiser,
    advance_labels,
    delayed,
    frames_of,
    matched,
)


def test_the_papers_delay_is_60_frames():
    assert frames_of(2.4, 0.04) == 60


@given(st.integers(0, 30), st.integers(0, 12))
def test_advanced_labels_stand_beside_what_they_were_given_for(n, delay):
    labels = np.arange(float(n))
    expected = [labels[t + delay] if t + delay < n else np.nan for t in range(n)]
    np.testing.assert_array_equal(advance_labels(labels, delay), expected)


@given(st.integers(1, 30), st.integers(0, 40))
def test_delayed_predictions_repeat_the_first_and_undo_the_advance(n, delay):
    labels = np.arange(float(n))
    late = delayed(labels, delay)
    assert late.tolist() == [labels[max(t - delay, 0)] for t in range(n)]
    restored = delayed(np.nan_to_num(advance_labels(labels, delay), nan=-1.0), delay)
    assert restored[delay:].tolist() == labels[delay:].tolist()


def test_both_dimensions_move_together_and_integers_can_be_labels():
    labels = np.arange(10).reshape(5, 2)
    np.testing.assert_array_equal(advance_labels(labels, 3)[:2], labels[3:])
    assert np.isnan(advance_labels(labels, 3)[2:]).all()


def test_the_longer_of_features_and_labels_is_cut_at_its_end():
    features, labels = np.zeros((7500, 3)), np.arange(7501.0)
    cut, short = matched(features, labels, 1, "train_1")
    assert len(cut) == len(short) == 7500
    assert short[-1] == 7499
    assert len(matched(features, labels[:7400], 100, "train_1")[0]) == 7400


@pytest.mark.parametrize("n_labels", [0, 90, 111])
def test_lengths_that_cannot_be_rounding_are_refused_by_name(n_labels):
    with pytest.raises(DataError, match=f"train_1: 100 frames of features and {n_labels} of"):
        matched(np.zeros((100, 2)), np.zeros(n_labels), 5, "train_1")


def test_statistics_are_those_of_all_training_frames_that_count():
    rng = np.random.default_rng(0)
    sequences = [1e4 + rng.normal(size=(n, 3)) * [1, 5, 0] for n in (1, 7, 200)]
    valid = [None, rng.random(7) < 0.5, rng.random(200) < 0.5]
    counted = [s if v is None else s[v] for s, v in zip(sequences, valid, strict=True)]
    kept = np.concatenate(counted)
    for values, counts in zip(sequences[1:], valid[1:], strict=True):
        values[~counts, 0] = np.nan
    found = Standardiser.fit(sequences)
    np.testing.assert_allclose(found.mean, kept.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.scale[:2], kept.std(0)[:2], rtol=1e-9)
    assert found.scale[2] == 1.0  # constant
    standard = found.apply(kept)
    assert standard.dtype == np.float32
    np.testing.assert_allclose(standard.std(0), [1, 1, 0], atol=1e-5)


def test_frames_that_do_not_count_become_the_training_mean():
    values = np.array([[1.0], [3.0], [np.nan]])
    found = Standardiser.fit([values[:2]])
    assert found.apply(values).tolist() == [[-1.0], [1.0], [0.0]]


def test_bad_features_are_refused():
    with pytest.raises(DataError, match="no training frame"):
        Standardiser.fit([np.zeros((0, 2))])
    found = Standardiser.fit([np.zeros((3, 2))])
    with pytest.raises(DataError, match=r"\(4, 3\); expected \(n_frames, 2\)"):
        found.apply(np.zeros((4, 3)))
