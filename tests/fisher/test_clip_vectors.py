"""Clips of one vector each: normal deviates of the training clips' values."""

import numpy as np
import pytest
from scipy.stats import norm

from avlib.fisher.clip_vectors import MAX_CLIPS, ClipVectors

RNG = np.random.default_rng(0)


def rows(values):
    return [value[None] for value in np.asarray(values, float)]


def test_heavy_tails_become_normal():
    values = RNG.standard_t(1.5, size=(2000, 3))
    vectors = ClipVectors().fit(rows(values)).encode(rows(values)) * np.sqrt(3)
    expected = norm.ppf([0.05, 0.25, 0.5, 0.75, 0.95])
    found = np.quantile(vectors, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
    np.testing.assert_allclose(found, np.repeat(expected[:, None], 3, axis=1), atol=0.02)


def test_the_unit_of_a_value_changes_nothing():
    values = RNG.normal(size=(50, 2))
    vectors = ClipVectors().fit(rows(values)).encode(rows(values))
    other = rows(values * [1000, 0.001] + [5, -7])
    np.testing.assert_allclose(ClipVectors().fit(other).encode(other), vectors, atol=1e-5)


def test_a_clip_far_out_stands_where_the_outermost_training_clip_does():
    values = RNG.normal(size=(20, 2))
    encoder = ClipVectors().fit(rows(values))
    far = encoder.encode(rows([values.max(axis=0), [1e9, 1e9], values.min(axis=0), [-1e9, -1e9]]))
    np.testing.assert_array_equal(far[0], far[1])
    np.testing.assert_array_equal(far[2], far[3])


def test_a_value_in_which_all_training_clips_agree_is_zero():
    values = np.c_[RNG.normal(size=9), np.full(9, 3.0)]
    vectors = ClipVectors().fit(rows(values)).encode(rows([[0.1, 3.0], [0.1, 4.0]]))
    np.testing.assert_array_equal(vectors[:, 1], 0)


@pytest.mark.parametrize("n", [1, 2, 7, 300])
def test_a_restored_encoder_encodes_alike(n):
    values = RNG.normal(size=(n, 4)).round(1)  # with ties
    encoder = ClipVectors().fit(rows(values))
    restored = ClipVectors().restore(encoder.state())
    others = rows(RNG.normal(size=(30, 4)))
    np.testing.assert_array_equal(restored.encode(others), encoder.encode(others))


def test_an_even_selection_of_very_many_clips_is_learned_from():
    values = np.arange(3 * MAX_CLIPS, dtype=float)[:, None]
    encoder = ClipVectors().fit(rows(values), len(values))
    same = ClipVectors().fit(rows(values[::3]))
    np.testing.assert_array_equal(encoder.encode(rows(values)), same.encode(rows(values)))
