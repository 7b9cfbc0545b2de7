"""Print the tests that what changed since a commit can affect, the closest first.

A test file is affected when it, a helper or fixture that it uses, a module that these import
(directly or through others) or a data file beside such a module has changed. What `avlib.registry`
imports by name is not followed, but for the contract test of all systems, which runs for the models
of a changed system; tests/pipeline, which runs DVC for minutes, is left out: only `make test` runs
everything. Of many affected files, as after a change in the tables, the closest are printed: the
one named for the changed module, then by how many imports lead to the change, those of the same
room first.
"""

import argparse
import ast
import functools
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from avlib.registry import systems
from avlib.runtime.provenance import module_files

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
HELPERS = {path.stem: path for path in TESTS.rglob("*.py") if path.name != "conftest.py"}
SHOWN_NAMES = 20  # of test files that are left out
NOT_IMPORTED = {"benchmarks": "test_benchmarks", "stages": "test_architecture"}  # by folder
# A new import in any module can break this one.
ROOMS = "tests/test_architecture.py::test_a_stage_depends_on_exactly_the_rooms_it_imports"
CONTRACT = "tests/systems/test_contract.py"  # imports systems by the registry's names


def main() -> None:
    """Print arguments of pytest, a line each; on stderr, which tests are left out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--since", default="HEAD", help="revision to compare with (default: HEAD)")
    parser.add_argument("--most", type=int, default=8, help="at most so many files (default: 8)")
    options = parser.parse_args()
    changed = changed_files(options.since)
    if not changed:
        print(f"nothing has changed since {options.since}", file=sys.stderr)
    found = [str(test.relative_to(ROOT)) for test in affected(changed)]
    shown = found[: options.most]
    if CONTRACT not in shown and (models := models_of(changed)):
        found = [CONTRACT, *(test for test in found if test != CONTRACT)]
        shown = [*found[: options.most], f'"-k not test_contract or {" or ".join(models)}"']
    if any(file.is_relative_to(ROOT / "avlib") for file in changed):
        shown += [ROOMS] * (ROOMS.partition(":")[0] not in shown)
    print(*shown, sep="\n")
    if left_out := [Path(name).name for name in found if name not in shown]:
        names = ", ".join(left_out[:SHOWN_NAMES]) + ", ..." * (len(left_out) > SHOWN_NAMES)
        said = f"left out {len(left_out)} of {len(found)} affected test files"
        print(f"{said}: {names}", file=sys.stderr)


def changed_files(since: str) -> set[Path]:
    """Return the files that differ from a commit, and those that Git does not know yet."""
    names: list[str] = []
    for command in (
        ["diff", "--name-only", "--no-renames", since],
        ["ls-files", "--others", "--exclude-standard"],
    ):
        names += subprocess.check_output(["git", *command], cwd=ROOT, text=True).splitlines()
    return {ROOT / name for name in names}


def models_of(changed: set[Path]) -> list[str]:
    """Return the models of the systems in whose folders files have changed."""
    rooms = {file.relative_to(ROOT).parts[:3] for file in changed}
    return [
        model
        for system in systems()
        if tuple(type(system).__module__.split(".")[:3]) in rooms
        for model in system.models
    ]


def affected(changed: set[Path]) -> list[Path]:
    """Return the test files that changed files can affect, the closest first."""
    distance = _distances(changed)
    stages = {f"test_{file.stem}_stage" for file in changed if file.parent.name == "stages"}
    namesakes = stages | {f"test_{file.stem}" for file in changed}
    rooms = {file.relative_to(ROOT).parent.parts[1:] for file in changed}
    ranks = {}
    for test in TESTS.rglob("test_*.py"):
        own, imported = _reads(test)
        steps = [distance[file] for file in own | imported if file in distance]
        if any(_looks_into(own, file) for file in changed):
            steps.append(0)
        if steps and test.parent.name != "pipeline":
            elsewhere = test.relative_to(TESTS).parent.parts not in rooms
            namesake = test in changed or test.stem in namesakes
            ranks[test] = (not namesake, min(steps), elsewhere, test)
    return sorted(ranks, key=ranks.__getitem__)


def _distances(changed: set[Path]) -> dict[Path, int]:
    """Return by file how many imports lead from it to a changed file, where any do."""
    modules = [file for folder in ("avlib", "stages") for file in (ROOT / folder).rglob("*.py")]
    modules.remove(ROOT / "avlib/__init__.py")  # in every closure; looks names up when asked
    imports = {file: _files(_imports(_parsed(file))) for file in modules}
    distance = dict.fromkeys(changed, 0)
    data = {file.parent for file in changed if file.suffix != ".py"}
    distance |= {file: 1 for file in modules if file.parent in data}
    while new := {f: 1 for f in modules if f not in distance and imports[f] & distance.keys()}:
        distance |= {file: 1 + max(distance.values()) for file in new}
    return distance


def _looks_into(own: set[Path], changed: Path) -> bool:
    """Say whether a test reads a changed file that is no module, such as a document."""
    folder = changed.relative_to(ROOT).parts[0]
    if changed.suffix == ".py" or folder == "avlib":
        return TESTS / f"{NOT_IMPORTED.get(folder)}.py" in own
    return any(changed.name in file.read_text() for file in own)


def _reads(test: Path) -> tuple[set[Path], set[Path]]:
    """Return a test file with its helpers and conftests, and the modules that these import."""
    own, waiting = {test}, [test]
    while waiting:
        new = {HELPERS[n] for n in _imports(_parsed(waiting.pop())) if n in HELPERS} - own
        own |= new
        waiting += new
    nodes: list[ast.AST] = [_parsed(file) for file in own]
    for folder in test.relative_to(TESTS).parents:  # from the test's own folder upwards
        conftest = TESTS / folder / "conftest.py"
        if conftest.is_file() and (used := _used_of(_parsed(conftest), nodes)):
            own.add(conftest)
            nodes += used
    return own, set().union(*(_files(_imports(node)) for node in nodes))


def _used_of(conftest: ast.Module, users: list[ast.AST]) -> list[ast.AST]:
    """Return the statements of a conftest whose names are used, and those that these use."""
    words = {"autouse"}.union(*map(_words, users))
    used: list[ast.AST] = []
    while new := [s for s in conftest.body if s not in used and _names(s) & words]:
        used += new
        words = words.union(*map(_words, new))
    return used


def _names(statement: ast.stmt) -> set[str]:
    """Return the names that a statement at the top of a conftest gives to others."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in statement.names}
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name, *(w for d in statement.decorator_list for w in _words(d))}
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


@functools.cache
def _words(node: ast.AST) -> set[str]:
    """Return the names in a piece of code; a test names its fixtures by parameters, or as text."""
    inside = list(ast.walk(node))
    texts = {n.value for n in inside if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return texts | {getattr(n, "id", getattr(n, "arg", getattr(n, "attr", ""))) for n in inside}


@functools.cache
def _imports(node: ast.AST) -> set[str]:
    """Return the dotted names that a piece of code imports."""
    found: set[str] = set()
    for inside in ast.walk(node):
        if isinstance(inside, ast.Import):
            found |= {alias.name for alias in inside.names}
        elif isinstance(inside, ast.ImportFrom):
            # `from package import name`: the name may be a module or something defined there.
            found |= {str(inside.module), *(f"{inside.module}.{a.name}" for a in inside.names)}
    return found


def _files(names: set[str]) -> set[Path]:
    return set().union(*map(_files_of, names))


@functools.cache
def _files_of(name: str) -> set[Path]:
    """Return the files of a module and of the packages that it lies in, where it is ours."""
    return set(module_files(name))


@functools.cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


if __name__ == "__main__":
    main()
