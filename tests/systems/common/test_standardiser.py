import numpy as np
import pytest

from avlib.runtime.errors import DataError
from avlib.systems.common.standardiser import Standardiser


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
