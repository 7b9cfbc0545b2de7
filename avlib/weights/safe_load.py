"""Read arrays out of old Python pickles without running anything that is in them.

A pickle is a program; a plain ``pickle.load`` runs whatever its author wrote. This unpickler knows
a dozen names, all needed to rebuild numpy arrays and torch tensors, and refuses every other. numpy
objects are rebuilt by small stand-ins of ours, because numpy's own ``__setstate__`` trusts its
input.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from avlib.runtime.errors import WeightsError


@contextmanager
def damage_refused(path: Path) -> Iterator[None]:
    """Turn whatever a library raises on a damaged or unsafe file into a WeightsError."""
    try:
        yield
    except WeightsError:
        raise
    except Exception as error:  # garbage makes them raise nearly anything
        reason = next(iter(str(error).strip().splitlines()), "")[:150]
        raise WeightsError(
            f"{path} is truncated, damaged or not plain weights ({type(error).__name__}: {reason});"
            " get the file again, or save its state dict alone"
        ) from None


def load_pickle(stream: BinaryIO, path: Path) -> Any:
    """Unpickle dicts, lists, numbers, strings, numpy arrays and torch tensors; nothing else.

    Parameters
    ----------
    stream : binary file, at the pickle's first byte
    path : Path
        Named in errors.

    Raises
    ------
    WeightsError
        The pickle asks for anything else, is truncated, or is no pickle.
    """
    with damage_refused(path):
        return _plain(_ArrayUnpickler(stream, path).load())


class _Dtype:
    """Stands in for ``numpy.dtype``: a number type, or "object" for the array round a dict."""

    def __init__(self, code: str, align: bool = False, copy: bool = False):
        self.code = code if isinstance(code, str) else code.decode("latin1")
        self.swapped = False

    def __setstate__(self, state: tuple) -> None:
        self.swapped = state[1] in (">", b">")

    def number(self) -> np.dtype:
        dtype = np.dtype(self.code).newbyteorder(">" if self.swapped else "<")
        if dtype.kind not in "fiub":
            raise ValueError(f"an array of {dtype}; expected numbers")
        return dtype


class _Array:
    """Stands in for ``numpy.ndarray`` while its pickle is read."""

    def __init__(self, *reconstructed: Any) -> None:
        self.value: Any = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, fortran, raw = state
        if isinstance(raw, list):
            self.value = raw[0] if shape == () else raw
        else:
            order = "F" if fortran else "C"
            self.value = _array_from_bytes(_as_bytes(raw), dtype, shape, order).value


def _array_from_bytes(raw: Any, dtype: _Dtype, shape: tuple, order: str) -> _Array:
    array = _Array()
    values = np.frombuffer(raw, dtype.number())
    array.value = values.reshape(shape, order="F" if order == "F" else "C").copy()
    return array


def _scalar(dtype: _Dtype, raw: Any) -> Any:
    return np.frombuffer(_as_bytes(raw), dtype.number(), count=1)[0]


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"bytes encoded as {encoding!r}; expected latin1")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""  # how empty arrays are pickled for Python 2


def _storage(raw: bytes) -> Any:
    return torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)


def _parameter(tensor: torch.Tensor, requires_grad: bool, hooks: Any) -> torch.Tensor:
    return tensor


def _as_bytes(raw: Any) -> bytes:
    return raw.encode("latin1") if isinstance(raw, str) else raw


_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch.storage", "_load_from_bytes"): _storage,
}
for _core in ("numpy.core", "numpy._core"):
    _ADMITTED[f"{_core}.multiarray", "_reconstruct"] = _Array
    _ADMITTED[f"{_core}.multiarray", "scalar"] = _scalar
    _ADMITTED[f"{_core}.numeric", "_frombuffer"] = _array_from_bytes


class _ArrayUnpickler(pickle.Unpickler):
    def __init__(self, stream: BinaryIO, path: Path):
        super().__init__(stream, encoding="latin1")  # text of Python 2 pickles
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise WeightsError(
                f"{self._path} asks to run {module}.{name}, which reading weights never needs; "
                "nothing of it was run. Get the file from its publisher, or one in safetensors"
            ) from None


def _plain(value: Any) -> Any:
    """Replace the stand-ins by what they hold."""
    if isinstance(value, _Array):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
