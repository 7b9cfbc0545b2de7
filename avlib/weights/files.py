"""Named tensors out of the file formats in which published weights are found."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import scipy.io
import torch
from safetensors.torch import load_file
from torch import Tensor

from avlib.runtime.errors import WeightsError
from avlib.weights.safe_load import damage_refused, load_pickle

_TORCH_LEGACY = 0x1950A86A20F9469CFC6C  # the first object of a torch file older than version 1.6
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_SYNONYMS = {"weights": "weight", "biases": "bias", "filters": "weight"}
FORMATS = "torch state dict, safetensors, .npz, .npy or pickle of a dict of arrays, MatConvNet .mat"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a weights file under the name that a torch state dict would give it.

    The format is told by the file's first bytes, not by its name: ``c3d.pickle`` is a torch file.
    Nothing in the file is executed. Nested dicts become dotted names; ``weights`` and ``biases``
    become ``weight`` and ``bias``; a ``module.`` prefix and a wrapper such as ``state_dict`` fall.

    Returns
    -------
    dict of Tensor
        As stored; memory-mapped where the format allows.

    Raises
    ------
    WeightsError
        The file is missing, empty, truncated, unsafe, or of no known format.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror}; expected a file of weights") from None
    with stream, damage_refused(path):
        tensors = _flatten(_read(stream, path))
    if not tensors:
        raise WeightsError(f"{path} holds no named arrays; expected {FORMATS}")
    return tensors


def _read(stream: BinaryIO, path: Path) -> Any:
    head = stream.read(16)
    stream.seek(0)
    if not head:
        raise WeightsError(f"{path} is empty (0 bytes); get the file again")
    if head.startswith(b"\x93NUMPY"):
        return _read_npy(stream, path)
    if head.startswith(b"PK\x03\x04"):
        return _read_zip(path)
    if head.startswith(b"MATLAB 5.0"):
        return _read_mat(path)
    if head.startswith((b"\x89HDF\r\n\x1a\n", b"MATLAB 7.3")):
        raise WeightsError(f"{path} is HDF5; save it again from MATLAB with the option -v7")
    if head[8:9] == b"{":
        return load_file(path)
    if head.startswith((b"\x80", b"(")):
        first = load_pickle(stream, path)
        if first != _TORCH_LEGACY:
            return first
        return torch.load(path, map_location="cpu", weights_only=True)
    raise WeightsError(f"{path} is of no known format; expected {FORMATS}")


def _read_npy(stream: BinaryIO, path: Path) -> Any:
    np.lib.format.read_magic(stream)
    _, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if not dtype.hasobject:
        raise WeightsError(f"{path} holds one array without a name; expected a dict of arrays")
    return load_pickle(stream, path)


def _read_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        is_npz = all(name.endswith(".npy") for name in archive.namelist())
    if not is_npz:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _read_mat(path: Path) -> Any:
    tree = scipy.io.loadmat(path, simplify_cells=True)
    layers = tree.get("layers", tree.get("net", {}).get("layers"))
    if layers is None:
        return {name: value for name, value in tree.items() if not name.startswith("__")}
    named = {}
    for layer in layers:
        arrays = layer.get("weights", [layer.get("filters"), layer.get("biases")])
        if len(arrays) == 2 and arrays[0] is not None:
            kernel, bias = arrays
            # MatConvNet keeps (height, width, in, out), torch (out, in, height, width).
            kernel = np.transpose(kernel, (3, 2, 0, 1) if np.ndim(kernel) == 4 else None)
            named[layer["name"]] = {"weight": kernel, "bias": np.ravel(bias)}
    return named


def _flatten(tree: Any, prefix: str = "") -> dict[str, Tensor]:
    if not isinstance(tree, Mapping):
        return {}
    for wrapper in _WRAPPERS:
        if not prefix and isinstance(tree.get(wrapper), Mapping):
            return _flatten(tree[wrapper])
    tensors: dict[str, Tensor] = {}
    for key, value in tree.items():
        name = prefix + _SYNONYMS.get(str(key), str(key)).removeprefix("module.")
        if isinstance(value, Mapping):
            tensors |= _flatten(value, f"{name}.")
        elif isinstance(value, Tensor):
            tensors[name] = value.detach()
        elif isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            # numpy's other byte order is none of torch's.
            tensors[name] = torch.from_numpy(value.astype(value.dtype.newbyteorder("=")))
    return tensors
