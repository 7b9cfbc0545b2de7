"""Which processor torch computes on: a runtime matter, never a parameter."""

import os

import torch

from avlib.runtime.errors import ParamsError


def device() -> str:
    """Return ``AVLIB_DEVICE`` where it is set, else "cuda" where there is such a device, or "cpu".

    Raises
    ------
    ParamsError
        The device that ``AVLIB_DEVICE`` names is none of this machine's.
    """
    chosen = os.environ.get("AVLIB_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError):
        raise ParamsError(
            f"AVLIB_DEVICE={chosen} is no device of this machine; expected cpu, or cuda where there"
            " is a GPU"
        ) from None
    return chosen
