"""Which source files and libraries a module's results depend on, read from its imports.

The imports are read from the syntax tree, wherever in a file they stand; nothing is executed. A
name that is put together at run time (``import_module(f"avlib.{name}")``) is not seen.

A file counts as code that makes results (`makes_results`) unless it is one of these:

- a file of ``avlib/runtime`` outside of its tables: it carries values about;
- the registry, and the packages' own ``__init__``, in which names are only looked up;
- a file of types of parameters (``params.py``, ``protocol_params.py``): their values are part of
  the key of whatever is computed with them;
- a file of words: docstrings and comments.
"""

import ast
import functools
import hashlib
import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from importlib.metadata import Distribution, distributions, version
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import avlib

_PACKAGES = ("avlib", "stages")  # ours, side by side under the root
_NAMES = ("avlib/__init__.py", "avlib/registry.py", "stages/__init__.py")
_BY_NAME = ("import_module", "find_spec")  # functions that take a module's name as text
_ROOT = Path(str(avlib.__file__)).resolve().parents[1]


_version = functools.cache(version)  # of the first on the path, where there are several


class _Source(NamedTuple):
    """What a source file says: the dotted names it imports, and its code without words."""

    imports: tuple[str, ...]
    digest: str  # empty when the file holds nothing but words


def imported_files(start: ModuleType | Path | str) -> list[Path]:
    """List our source files that a module imports, directly or through others, and its own.

    Parameters
    ----------
    start
        A module, its dotted name, or its file (which may lie outside of our packages).

    Returns
    -------
    list of Path
        Absolute and sorted; the ``__init__.py`` of every package on the way is among them.
    """
    return _closure(start, lambda file: True)


def result_files(start: ModuleType | Path | str) -> list[Path]:
    """List those of the `imported_files` that make results.

    What only a file that makes none imports is left out with it.
    """
    return [file for file in _closure(start, _followed) if makes_results(file)]


def makes_results(file: Path) -> bool:
    """Say whether a change of a source file's code can change what a stage computes."""
    return _followed(file) and bool(_read(file).digest)


def code_digests(files: Iterable[Path]) -> dict[str, str]:
    """Return digests of source files' syntax trees, without docstrings and comments.

    Parameters
    ----------
    files
        Python files, e.g. from `result_files`.

    Returns
    -------
    dict
        By the file's place under the project's root, or its name when it lies elsewhere.
    """
    return {_place(file) or file.name: _read(file).digest for file in files}


def _followed(file: Path) -> bool:
    place = _place(file)
    if place.startswith("avlib/runtime/"):
        return place.startswith("avlib/runtime/tables/")
    types = place.startswith("avlib/") and file.name.endswith("params.py")
    return place not in _NAMES and not types


def _place(file: Path) -> str:
    """Return where a file lies under the root; nothing when it lies elsewhere."""
    return file.relative_to(_ROOT).as_posix() if file.is_relative_to(_ROOT) else ""


def _closure(start: ModuleType | Path | str, followed: Callable[[Path], bool]) -> list[Path]:
    if isinstance(start, ModuleType):
        start = Path(str(start.__file__))
    waiting = [start.resolve()] if isinstance(start, Path) else module_files(start)
    if not waiting:
        raise ModuleNotFoundError(f"{start}: no such module under {', '.join(_PACKAGES)}")
    found: set[Path] = set()
    names: set[str] = set()
    while waiting:
        file = waiting.pop()
        if file in found or not followed(file):
            continue
        found.add(file)
        new = set(_read(file).imports) - names
        names |= new
        waiting += [f for name in new for f in module_files(name)]
    return sorted(found)


def third_party(files: Iterable[Path]) -> dict[str, str]:
    """Return the versions of the libraries that source files import.

    Parameters
    ----------
    files
        Python files, e.g. from `result_files`.

    Returns
    -------
    dict
        Distribution name to version, sorted. A module that is not installed stands under its own
        name as ``absent``, because its absence can change results too.
    """
    files = list(files)
    modules = {name.partition(".")[0] for file in files for name in _read(file).imports}
    modules -= {"", "__future__", *_PACKAGES, *sys.stdlib_module_names}
    modules -= {file.stem for file in files if not _place(file)}  # neighbours of a lone script
    versions: dict[str, str] = {}
    for module in modules:
        names = map(_name, _installed().get(module, []))
        versions |= {name: _version(name) for name in names} or {module: "absent"}
    return dict(sorted(versions.items()))


@functools.cache
def _installed() -> dict[str, list[Distribution]]:
    """Return which distributions bring each top-level module.

    As `importlib.metadata.packages_distributions`, which parses the description of every
    distribution too: half a second in each stage.
    """
    found = defaultdict(list)
    for distribution in distributions():
        modules = (distribution.read_text("top_level.txt") or "").split()
        if not modules:
            files = (distribution.read_text("RECORD") or "").splitlines()
            tops = {file.partition(",")[0].partition("/")[0] for file in files}
            modules = [inspect.getmodulename(top) or top for top in tops]
        for module in modules:
            found[module].append(distribution)
    return found


@functools.cache
def _name(distribution: Distribution) -> str:
    return distribution.metadata["Name"]


def module_files(name: str) -> list[Path]:
    """Return the files that importing a dotted name runs, in order; none when it is not ours."""
    parts = name.split(".")
    if parts[0] not in _PACKAGES:
        return []
    files = []
    for depth in range(1, len(parts) + 1):
        place = _ROOT.joinpath(*parts[:depth])
        if (place / "__init__.py").is_file():
            files.append(place / "__init__.py")
        elif place.with_suffix(".py").is_file():
            files.append(place.with_suffix(".py"))
    return files


def _read(file: Path) -> _Source:
    state = file.stat()
    return _parsed(file, state.st_mtime_ns, state.st_size)


@functools.cache
def _parsed(file: Path, _changed: int, _size: int) -> _Source:
    """Read a file once, however many functions depend on it."""
    tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    names = tuple(dict.fromkeys(_imported_names(file, tree)))
    tree = _WithoutWords().visit(tree)
    code = ast.dump(tree) if tree.body else ""
    return _Source(names, hashlib.sha256(code.encode()).hexdigest() if code else "")


class _WithoutWords(ast.NodeTransformer):
    """Drops docstrings: statements that are only text. Comments are in no tree anyway."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        words = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if words else node


def _imported_names(file: Path, tree: ast.Module) -> Iterable[str]:
    # What is imported under TYPE_CHECKING is never run.
    unused = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for statement in node.body
        for part in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in unused:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(file, node)
            # `from package import name`: the name may be a module or something defined there.
            yield from (origin, *(f"{origin}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            first = node.args[0]
            if called in _BY_NAME and isinstance(first, ast.Constant):
                yield str(first.value)


def _origin(file: Path, node: ast.ImportFrom) -> str:
    """Return the absolute dotted name after ``from``."""
    if not node.level:
        return node.module or ""
    if not file.is_relative_to(_ROOT):
        return ""  # a relative import outside of our packages leads to no file of ours
    package = file.relative_to(_ROOT).parts[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])
