"""What one run asks of a cluster's workers, and how a worker makes sure that it can give that.

A result stands under a key that names code, library versions and the kind of device. A worker
computes only if it has the same.
"""

import functools
import hashlib
import importlib
import importlib.metadata
import io
import json
import pickle
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from avlib.runtime import provenance
from avlib.runtime.limits import Limits

Origin = dict[str, dict[str, str]]  # what results come from: "code" and "libraries", by name
_SHOWN = 3  # names that a line shows
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Work:
    """What all tasks of a run have in common.

    Parameters
    ----------
    function
        Pickled. Its module, and those of `modules`, are what results come from.
    modules
        Dotted names.
    code
        Digest of the code that the client's keys stand for.
    libraries
        And the versions of libraries, by name.
    numerics
        What results depend on of the device (`device.numerics`); "" where nothing is to be looked
        at.
    on_device
        Each task takes a device whole.
    limits
        What one task may take.
    token
        A file in the client's folder and what it holds: who reads it shares the folder.
    """

    function: bytes
    modules: tuple[str, ...]
    code: str
    libraries: tuple[tuple[str, str], ...]
    numerics: str
    on_device: bool
    limits: Limits | None
    token: tuple[str, str] | None


def origin_of(modules: Iterable[str]) -> Origin:
    """Return what results of modules come from, at the client."""
    files = _files(modules)
    libraries = {"Python": _PYTHON, **provenance.third_party(files)}
    found = {name: _version(name, version) for name, version in libraries.items()}
    return {"code": provenance.code_digests(files), "libraries": found}


def origin_here(work: Work) -> Origin:
    """Return what results of a work would come from, at a worker."""
    code = provenance.code_digests(_files(work.modules))
    return {
        "code": code,
        "libraries": {name: _version(name, version) for name, version in work.libraries},
    }


def _files(modules: Iterable[str]) -> set[Path]:
    """List the files that make results of modules; nothing is imported.

    They are opened, which makes a network file system look whether they have changed.
    """
    files = set(provenance.result_files("avlib.runtime.tables"))
    for name in modules:
        if provenance.module_files(name):
            files |= set(provenance.result_files(name))
        elif (spec := find_spec(name)) and str(spec.origin).endswith(".py"):
            files |= set(provenance.result_files(Path(str(spec.origin))))
    return files


def _version(name: str, expected: str) -> str:
    """Return the version of a library here; of a lone module, which has none, whether it is there.

    What the client expects says which of them it is.
    """
    if name == "Python":
        return _PYTHON
    if expected in ("absent", "present"):
        # On the path, whatever this process has imported from elsewhere before.
        return "present" if PathFinder.find_spec(name) else "absent"
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def modules_named_in(pickled: bytes) -> set[str]:
    """Return our modules that something which this process pickled needs."""
    named: set[str] = set()

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            named.add(module)
            return super().find_class(module, name)

    Reader(io.BytesIO(pickled)).load()
    return {name for name in named if provenance.module_files(name)}


def digest(code: Mapping[str, str]) -> str:
    """Return what tells the code of one origin from that of another."""
    return hashlib.sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()


def differences(here: Origin, there: Origin) -> str:
    """Say in a line in what a worker's origin differs from the client's."""
    said = [
        f"{name} {there['libraries'].get(name, 'absent')} there,"
        f" {here['libraries'].get(name, 'absent')} here"
        for name in sorted({*here["libraries"], *there["libraries"]})
        if here["libraries"].get(name) != there["libraries"].get(name)
    ]
    ours, theirs = here["code"], there["code"]
    files = sorted(n for n in {*ours, *theirs} if ours.get(n) != theirs.get(n))
    if files:
        more = f" and {len(files) - _SHOWN} more files" if len(files) > _SHOWN else ""
        said.append(f"other code in {', '.join(files[:_SHOWN])}{more}")
    return "; ".join(said)


# ---------------------------------------------------------------- in the process that computes


@functools.cache
def imported(modules: tuple[str, ...], function: bytes) -> Callable[[Any], Any]:
    """Import what the work needs, and return its function."""
    for name in modules:
        importlib.import_module(name)
    return pickle.loads(function)


@functools.cache
def wrong_device(expected: str) -> str:
    """Say why results of this process's device would not be those that are asked for."""
    if not expected:
        return ""
    from avlib.runtime.device import numerics  # loads torch, as the work does

    there = numerics()
    return (
        ""
        if there == expected
        else (f"computes on {there}; expected {expected}, as the client does (AVLIB_DEVICE)")
    )
