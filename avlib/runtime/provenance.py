"""Which source files and libraries a module's results depend on, read from its imports.

The imports are read from the syntax tree, wherever in a file they stand; nothing is executed. A
name that is put together at run time (``import_module(f"avlib.{name}")``) is not seen.
"""

import ast
import functools
import importlib.metadata
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from types import ModuleType

import avlib

_PACKAGES = ("avlib", "stages")  # ours, side by side under the root
_BY_NAME = ("import_module", "find_spec")  # functions that take a module's name as text


def imported_files(start: ModuleType | Path | str, *, without: Collection[str] = ()) -> list[Path]:
    """List our source files that a module imports, directly or through others, and its own.

    Parameters
    ----------
    start
        A module, its dotted name, or its file (which may lie outside of our packages).
    without
        Dotted names of modules to leave out, with what only they import.

    Returns
    -------
    list of Path
        Absolute and sorted; the ``__init__.py`` of every package on the way is among them.
    """
    avoided = {files[-1] for name in without if len(files := _module_files(name)) > name.count(".")}
    if isinstance(start, ModuleType):
        start = Path(str(start.__file__))
    waiting = [start.resolve()] if isinstance(start, Path) else _module_files(start)
    if not waiting:
        raise ModuleNotFoundError(f"{start}: no such module under {', '.join(_PACKAGES)}")
    found: set[Path] = set()
    while waiting:
        file = waiting.pop()
        if file in found or file in avoided:
            continue
        found.add(file)
        waiting += [f for name in _imports(file) for f in _module_files(name)]
    return sorted(found)


def third_party(files: Iterable[Path]) -> dict[str, str]:
    """Return the versions of the libraries that source files import.

    Parameters
    ----------
    files
        Python files, e.g. from `imported_files`.

    Returns
    -------
    dict
        Distribution name to version, sorted. A module that is not installed stands under its own
        name as ``absent``, because its absence can change results too.
    """
    modules = {name.partition(".")[0] for file in files for name in _imports(file)}
    modules -= {"", "__future__", *_PACKAGES, *sys.stdlib_module_names}
    modules -= {file.stem for file in files}
    versions = {}
    for module in modules:
        for distribution in _distributions().get(module, [""]):
            versions[distribution or module] = (
                importlib.metadata.version(distribution) if distribution else "absent"
            )
    return dict(sorted(versions.items()))


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def _root() -> Path:
    return Path(str(avlib.__file__)).resolve().parents[1]


def _module_files(name: str) -> list[Path]:
    """Return the files that importing a dotted name runs, in order; none when it is not ours."""
    parts = name.split(".")
    if parts[0] not in _PACKAGES:
        return []
    files = []
    for depth in range(1, len(parts) + 1):
        place = _root().joinpath(*parts[:depth])
        if (place / "__init__.py").is_file():
            files.append(place / "__init__.py")
        elif place.with_suffix(".py").is_file():
            files.append(place.with_suffix(".py"))
    return files


@functools.cache
def _imports_of(file: Path, text: str) -> tuple[str, ...]:
    names: list[str] = []
    for node in ast.walk(ast.parse(text, filename=str(file))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(file, node)
            # `from package import name`: the name may be a module or something defined there.
            names += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            first = node.args[0]
            if called in _BY_NAME and isinstance(first, ast.Constant):
                names.append(str(first.value))
    return tuple(dict.fromkeys(names))


def _imports(file: Path) -> tuple[str, ...]:
    """Return the dotted names that a file imports."""
    return _imports_of(file, file.read_text(encoding="utf-8"))


def _origin(file: Path, node: ast.ImportFrom) -> str:
    """Return the absolute dotted name after ``from``."""
    if not node.level:
        return node.module or ""
    if not file.is_relative_to(_root()):
        return ""  # a relative import outside of our packages leads to no file of ours
    package = file.relative_to(_root()).parts[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])
