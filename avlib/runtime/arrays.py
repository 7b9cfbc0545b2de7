"""Named arrays in one file."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

_EPOCH = (1980, 1, 1, 0, 0, 0)
_HEADER = 4096  # bytes that come before an array's values, or fewer


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as ``np.savez`` does; equal ones give equal bytes, by any version of Python.

    `np.savez` asks for room for sizes above 4 GB, which Python 3.11.2 notes otherwise than 3.11.7.

    Parameters
    ----------
    path
        Of the file, as ``np.load`` is to be given it.
    arrays
        Without objects.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            entry.file_size = array.nbytes + _HEADER  # more than 4 GB are noted where they are
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
