"""Which processors torch computes on, and how precisely: runtime matters, never parameters.

``AVLIB_DEVICE``
    A device, or several with commas between: ``cpu``, ``cuda:1``, ``cuda:0,cuda:2``. By default
    every CUDA device, or the processor where there is none.
``AVLIB_PRECISION``
    In what networks learn on a GPU: ``bf16`` or ``fp16`` beside float32, or ``fp32`` alone. By
    default bf16 where the device computes in it, else fp16.
``AVLIB_GPU_MEMORY``
    GB of a GPU's memory that networks may fill; by default all that it has.
"""

import fcntl
import logging
import math
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch

from avlib.runtime.errors import ParamsError

Precision = Literal["bf16-mixed", "16-mixed", "32-true"]  # Lightning's names
PRECISIONS: dict[str, Precision] = {"bf16": "bf16-mixed", "fp16": "16-mixed", "fp32": "32-true"}
_POLL = 0.2  # s between two looks for a free device


def device() -> str:
    """Return what this process computes on, the first of `devices`."""
    return devices()[0]


def devices() -> list[str]:
    """Return all that there is to compute on.

    Raises
    ------
    ParamsError
        ``AVLIB_DEVICE`` names what is no device of this machine, or one twice.
    """
    given = os.environ.get("AVLIB_DEVICE", "")
    if not given:
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())] or ["cpu"]
    names = [name.strip() for name in given.split(",")]
    for name in names:
        try:
            torch.empty(0, device=name)
        except (RuntimeError, AssertionError):
            raise ParamsError(
                f"AVLIB_DEVICE={given}: {name!r} is no device of this machine; expected cpu, or"
                f" where there are GPUs cuda:0 and so on; here are {torch.cuda.device_count()}"
            ) from None
    if len({torch.device(name) for name in names}) < len(names):
        raise ParamsError(f"AVLIB_DEVICE={given}: expected each device once")
    return names


def gpus() -> list[str]:
    """Return those of `devices` that a network takes whole; none where it takes a core of a CPU."""
    return [] if devices() == ["cpu"] else devices()


def kind(name: str) -> str:
    """Return the kind of a device, such as "cpu": results depend on it, not on which one it is."""
    return torch.device(name).type


def precision() -> Precision:
    """Return in what a network learns on `device`, as Lightning calls it.

    Raises
    ------
    ParamsError
        ``AVLIB_PRECISION`` is none that networks learn in.
    """
    given = os.environ.get("AVLIB_PRECISION", "auto")
    if given not in {"auto", *PRECISIONS}:
        raise ParamsError(f"AVLIB_PRECISION={given}: expected one of auto, {', '.join(PRECISIONS)}")
    if kind(device()) == "cpu":
        return PRECISIONS["fp32"]
    if given == "auto":
        given = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return PRECISIONS[given]


def memory(where: torch.device) -> float:
    """Return how many bytes networks may fill of a device's memory; infinite but on a GPU.

    Raises
    ------
    ParamsError
        ``AVLIB_GPU_MEMORY`` is no number above 0.
    """
    if where.type != "cuda":
        return math.inf
    given = os.environ.get("AVLIB_GPU_MEMORY", "")
    if not given:
        return float(torch.cuda.get_device_properties(where).total_memory)
    try:
        size = float(given)
    except ValueError:
        size = math.nan
    if not 0 < size < math.inf:
        raise ParamsError(f"AVLIB_GPU_MEMORY={given}: expected GB of a GPU's memory, e.g. 12")
    return size * 1e9


def spelled(name: Precision) -> str:
    """Return what ``AVLIB_PRECISION`` calls a precision."""
    return next(given for given, found in PRECISIONS.items() if found == name)


def numerics() -> str:
    """Return what results of training depend on of a machine."""
    where = kind(device())
    return where if where == "cpu" else f"{where}, {precision()}"


@contextmanager
def claimed(names: Sequence[str]) -> Iterator[str]:
    """Compute on one of some devices that no other process has claimed; wait until one is free.

    Inside, it is `device`. A claim ends with its process, however that ends.

    Raises
    ------
    ParamsError
        The folder of claims is another user's.
    """
    folder = Path(tempfile.gettempdir()) / f"avlib-devices-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # In a folder that all users share, somebody else may have made it, with links to files of ours.
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise ParamsError(
            f"{folder}: belongs to somebody else; expected a folder of yours, where processes say"
            " which GPU they use: remove it, or set TMPDIR to a folder of yours"
        )
    before = os.environ.get("AVLIB_DEVICE")
    waits = False
    while True:
        for name in names:
            with (folder / name.replace(":", "-")).open("w") as claim:
                try:
                    fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                os.environ["AVLIB_DEVICE"] = name
                try:
                    yield name
                finally:
                    os.environ.pop("AVLIB_DEVICE")
                    if before is not None:
                        os.environ["AVLIB_DEVICE"] = before
                return
        if not waits:
            waits = True
            logging.getLogger(__name__).info("%s: in use, waiting", ", ".join(names))
        time.sleep(_POLL)
