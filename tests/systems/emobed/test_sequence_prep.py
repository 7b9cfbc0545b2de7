import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avlib.runtime.errors import DataError
from avlib.systems.emobed.sequence_prep import (
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
