import numpy as np
import pytest
from scipy.spatial.distance import cdist

from avlib.systems.common import distances
from avlib.systems.common.distances import Distances

WEIGHTS = ({"audio": 0.3, "video": 0.7}, {"audio": 1.0, "video": 0.0}, {"audio": 2.0, "video": 0.5})


def vectors(n, seed):
    rng = np.random.default_rng(seed)
    audio, video = rng.normal(1, 2, (n, 5)), rng.normal(-1, 1, (n, 3))
    return {"audio": audio.astype(np.float32), "video": video.astype(np.float32)}


def plain(some, others, weights):
    return sum(w * cdist(some[m], others[m], "sqeuclidean") for m, w in weights.items())


@pytest.fixture(params=[(512, 32_768, 2000), (4, 30, 7), (5, 1, 100)])
def blocks(request, monkeypatch):
    """Blocks larger than the tables, of some rows, and that do not divide them."""
    for name, value in zip(("ROWS", "CACHED", "SOME"), request.param, strict=True):
        monkeypatch.setattr(distances, name, value)


@pytest.mark.parametrize("n", [1, 4, 23])
@pytest.mark.usefixtures("blocks")
def test_kernels_of_several_weights_are_those_of_all_distances(n):
    some, others = vectors(n, 1), vectors(9, 2)
    for table, second in ((Distances(some), some), (Distances(some, others), others)):
        kernel = np.full(table.shape, np.nan, np.float32)
        for weights in WEIGHTS:
            expected = np.exp(-plain(some, second, weights) / (2 * 1.7**2))
            assert table.kernel(weights, 1.7, out=kernel) is kernel
            np.testing.assert_allclose(kernel, expected, rtol=2e-5)
            once = Distances(some, None if second is some else others, weights)
            np.testing.assert_array_equal(once.kernel(weights, 1.7), kernel)
            assert once.median(weights) == table.median(weights)
            if second is others:
                rows = list(table.kernel_by_rows(weights, 1.7, 3))
                assert max(map(len, rows)) <= 3
                np.testing.assert_allclose(np.concatenate(rows), expected, rtol=2e-5)


@pytest.mark.usefixtures("blocks")
def test_median_is_that_of_an_even_selection():
    some = vectors(23, 1)
    step = -(-23 // distances.SOME)
    for weights in WEIGHTS:
        among = plain(some, some, weights)[::step, ::step]
        expected = np.sqrt(np.median(among[np.triu_indices(len(among), 1)]))
        assert Distances(some).median(weights) == pytest.approx(expected)


@pytest.mark.parametrize("n", [1, 3])
def test_samples_that_coincide_have_a_width_even_so(n):
    assert Distances({"audio": np.ones((n, 2))}).median({"audio": 1.0}) == 1.0
