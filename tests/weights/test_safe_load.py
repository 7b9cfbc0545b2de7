import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from avlib.runtime.errors import WeightsError
from avlib.weights.safe_load import load_pickle

NOWHERE = Path("weights.pickle")


def loaded(data: bytes):
    return load_pickle(io.BytesIO(data), NOWHERE)


class Command:
    """What an attacker puts into a file: a call that runs while it is read."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(4, dtype=">f8"),
        np.array(3, np.int64),
        np.zeros((0, 3), np.uint8),
    ],
    ids=["float32", "fortran", "big-endian", "zero-dimensional", "empty"],
)
def test_arrays_come_back_as_numpy_would_read_them(array, protocol):
    found = loaded(pickle.dumps({"conv1": {"weights": array}}, protocol))["conv1"]["weights"]
    np.testing.assert_array_equal(found, array)
    assert found.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    assert found.shape == array.shape


def test_dict_wrapped_in_an_object_array_is_unwrapped():
    wrapped = np.array({"conv1": {"biases": np.ones(3, np.float32)}}, dtype=object)
    found = loaded(pickle.dumps(wrapped, 2))
    np.testing.assert_array_equal(found["conv1"]["biases"], np.ones(3))


def test_torch_tensors_in_a_plain_pickle_come_back():
    state = OrderedDict(a=torch.arange(6.0).reshape(2, 3).T, b=torch.nn.Parameter(torch.ones(2)))
    found = loaded(pickle.dumps(state))
    assert torch.equal(found["a"], state["a"])
    assert torch.equal(found["b"], state["b"])


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    "function", [os.system, eval, np.load, torch.load], ids=["system", "eval", "numpy", "torch"]
)
def test_a_pickle_that_runs_something_is_refused_and_not_run(function, protocol, tmp_path):
    mark = tmp_path / "was-run"
    bomb = pickle.dumps({"conv1": Command(function, f"touch {mark}")}, protocol)
    with pytest.raises(WeightsError, match=r"weights.pickle asks to run .*nothing of it was run"):
        loaded(bomb)
    assert not mark.exists()


def test_a_bomb_inside_a_torch_storage_is_refused(tmp_path):
    mark = tmp_path / "was-run"
    inner = io.BytesIO()
    torch.save(Command(os.system, f"touch {mark}"), inner)
    bomb = pickle.dumps(Command(torch.storage._load_from_bytes, inner.getvalue()))
    with pytest.raises(WeightsError):
        loaded(bomb)
    assert not mark.exists()


def test_dotted_names_do_not_reach_into_admitted_modules():
    bomb = b"\x80\x04\x8c\x05numpy\x8c\x0dndarray.dumps\x93."
    with pytest.raises(WeightsError, match=r"asks to run numpy\.ndarray\.dumps"):
        loaded(bomb)


def test_array_that_claims_more_numbers_than_it_has_is_refused():
    data = pickle.dumps(np.arange(4, dtype=np.uint8), 2).replace(b"K\x04\x85", b"K\x40\x85")
    with pytest.raises(WeightsError, match="cannot reshape array of size 4"):
        loaded(data)


@pytest.mark.parametrize("length", [1, 20, 60, -1])
def test_truncated_pickle_is_one_clear_line(length):
    data = pickle.dumps({"a": np.arange(100.0)}, 2)[:length]
    with pytest.raises(WeightsError, match="is truncated, damaged or not plain weights"):
        loaded(data)
