"""Roots and matrix products by other means than MKL."""

import numpy as np
import torch

from avlib.runtime.same_bits import product, root


def test_roots_are_numpys_to_two_units_of_the_last_place():
    for dtype in (np.float32, np.float64):
        tiniest, most = np.finfo(dtype).tiny, np.finfo(dtype).max
        x = np.geomspace(tiniest, most / 2, 10_001, dtype=dtype)
        found, right = root(torch.from_numpy(x)).numpy(), np.sqrt(x)
        assert (np.abs(found - right) <= 2 * np.spacing(right)).all()


def test_root_of_nothing_is_nothing():
    np.testing.assert_array_equal(root(torch.zeros(3)), 0)


def test_products_are_those_of_longer_floats():
    random = np.random.default_rng(0)
    a, b = random.standard_normal((3, 5, 7)), random.standard_normal((7, 4))
    found = product(torch.from_numpy(a.astype(np.float32)), torch.from_numpy(b.astype(np.float32)))
    np.testing.assert_allclose(found.numpy(), np.einsum("ink,km->inm", a, b), rtol=0, atol=1e-5)


def test_what_overflows_is_infinite_without_a_warning(recwarn):
    large = torch.full((1, 1), 1e30)
    assert product(large, large).item() == float("inf")
    assert not recwarn.list
