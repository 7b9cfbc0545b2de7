"""The house: imports go down, and dvc.yaml, params.yaml, the code and the documents agree."""

import ast
import importlib
import itertools
import re
import shutil
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from avlib.params import Params
from avlib.runtime import memo
from avlib.runtime.provenance import imported_files
from avlib.runtime.tables.schema import SCHEMAS
from avlib.systems.registry import MODELS

# What carries values about and makes none: a change of it makes no result out of date.
CARRIERS = {
    *(f"{name.replace('.', '/')}.py" for name in memo.CARRIERS),
    "avlib/__init__.py",
    "stages/__init__.py",
}
# Packages' files that hold a docstring and no code.
WORDS = {
    str(path)
    for path in Path("avlib").rglob("__init__.py")
    if all(isinstance(statement, ast.Expr) for statement in ast.parse(path.read_text()).body)
}
DATA_FILES = {".yaml", ".jinja"}  # of the report, which imports cannot tell
# From the ground up; a module imports only from its own floor or from those before it.
FLOORS = [
    {"errors"},
    {"params"},
    {"stage", "device"},
    {"tables"},
    {"sources", "progress"},
    {"parallel"},
    {"memo"},
    {"clipwise", "foldwise"},
    {"tasks"},
    {"media"},
    {"protocols"},
    {"corpora"},
    {"faces"},
    {"speech"},
    {"networks"},
    {"features"},
    {"fisher"},
    {"metric_learning"},
    {"models"},
    {"evaluation"},
    {"weights_cli", "corpora_cli"},
    {"cli", "__main__"},
]
STAGES = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
SCRIPTS = {name: stage["cmd"].split()[2] for name, stage in STAGES.items()}


def floor_of(path):
    """Return the floor that a file of avlib stands on."""
    room = Path(path).parts[1].removesuffix(".py")
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def avlib_files():
    return [p for p in sorted(Path("avlib").rglob("*.py")) if p != Path("avlib/__init__.py")]


@pytest.mark.parametrize("path", avlib_files(), ids=str)
def test_imports_go_down(path):
    direct = re.findall(
        r"^\s*(?:from|import) (avlib[.\w]*)(?: import (.+))?", path.read_text(), re.M
    )
    for module, names in direct:
        targets = (
            [f"{module}.{name.strip()}" for name in names.split(",")]
            if module == "avlib"
            else [module]
        )
        for target in targets:
            room = target.partition(".")[2].partition(".")[0]
            if not room:
                continue  # the package itself, to know where its files lie
            above = floor_of(f"avlib/{room}")
            assert above <= floor_of(path), f"{path} imports {target}, which stands above it"


def files_of(dependency):
    """Return the files that a dependency stands for: itself, or the modules of a package."""
    path = Path(dependency)
    return {str(p) for p in path.rglob("*.py")} if path.is_dir() else {dependency}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_files_it_imports(stage):
    needed = {str(p) for p in relative(imported_files(SCRIPTS[stage]))}
    needed -= CARRIERS | WORDS
    if any(path.startswith("avlib/evaluation/report") for path in needed):
        needed |= {str(p) for p in Path("avlib/evaluation").iterdir() if p.suffix in DATA_FILES}
    named = [d for d in STAGES[stage]["deps"] if d.startswith(("avlib/", "stages/"))]
    declared = {file for name in named for file in files_of(name)} - WORDS
    assert declared == needed, (
        f"{stage}: add {sorted(needed - declared)}, remove {sorted(declared - needed)}"
    )


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_exactly_the_parameters_it_reads(stage):
    names = set(importlib.import_module(SCRIPTS[stage]).PARAMS)
    demo = yaml.safe_load(Path("params.yaml").read_text())["demo"]
    overlaid = {f"demo.{section}" for section in demo.keys() & names}
    expected = names | overlaid | ({"corpus"} if overlaid else set())
    assert set(STAGES[stage]["params"]) == expected
    assert names <= set(Params.model_fields)


def test_every_model_is_trained_and_what_training_writes_is_evaluated_and_reported():
    trained = set()
    for name, stage in STAGES.items():
        if name.startswith("train_") and name != "train_traces":  # that one names no emotions
            made = {
                kind: {Path(out).stem for out in stage["outs"] if out.startswith(f"data/{kind}/")}
                for kind in ("predictions", "models", "embeddings")
            }
            assert made["predictions"] == made["models"] == made["embeddings"]
            assert not trained & made["models"]
            trained |= made["models"]
    assert trained == set(MODELS)
    # Folders, so that a new model needs no line here and dvc.lock stays short.
    assert {"data/predictions", "data/models", "data/embeddings"} <= set(STAGES["evaluate"]["deps"])
    read = {"data/predictions", "data/models", "data/gates", "metrics/folds", "metrics/plots"}
    assert read <= set(STAGES["report"]["deps"])


def everything_on(folder):
    """Return the stages of dvc.yaml with every list of params.yaml that is a matrix filled."""
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["robustness"]["models"] = list(MODELS)
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    shutil.copy("dvc.yaml", folder)
    return Repo.init(str(folder), no_scm=True).index


def test_robustness_is_off_unless_a_model_is_named_and_then_is_one_stage_a_model(tmp_path):
    by_default = {stage.name for stage in Repo(".").index.stages}
    assert {name.partition("@")[0] for name in by_default} == set(STAGES) - {"robustness"}
    on = {stage.name for stage in everything_on(tmp_path).stages}
    assert on - by_default == {f"robustness@{model}" for model in MODELS}


def test_the_lock_file_holds_no_stage_that_is_gone(tmp_path):
    locked = set(yaml.safe_load(Path("dvc.lock").read_text())["stages"])
    assert locked <= {stage.name for stage in everything_on(tmp_path).stages}


def test_every_stage_says_what_it_does_and_there_are_not_too_many():
    assert all(stage.get("desc") for stage in STAGES.values())
    assert len(Repo(".").index.stages) <= 60


def test_the_catalogue_of_artifacts_is_complete():
    text = Path("docs/architecture.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| [^|]+ \| ([^|]*) \|$", text, re.M)
    documented = {path: (stage.strip(), key.strip()) for path, stage, key in rows}
    outputs = set()
    for name, stage in STAGES.items():
        for out in [*stage["outs"], *stage.get("metrics", [])]:
            path = out if isinstance(out, str) else next(iter(out))
            path = path.replace("${item.model}", "<model>")
            path = re.sub(rf"/({'|'.join(MODELS)})(?=\.|$)", "/<model>", path)
            if path.startswith("data/status/"):
                path = "data/status/<stage>.parquet"
            outputs.add(path)
            assert path in documented, f"{path}, an output of {name}, is not in the catalogue"
    assert set(documented) == outputs
    for path, (_, key) in documented.items():
        table = (*Path(path).parts, "")[1].removesuffix(".parquet")
        if table in SCHEMAS and key:
            assert key == ", ".join(SCHEMAS[table].key), path


def relative(paths):
    """Paths below the project's root."""
    return [Path(p).resolve().relative_to(Path().resolve()) for p in paths]


def test_the_readmes_picture_is_the_stage_graph(tmp_path):
    drawn = re.search(r"```mermaid\nflowchart LR\n(.*?)```", Path("README.md").read_text(), re.S)
    edges, dotted = set(), set()
    for line in drawn.group(1).splitlines():
        chain = [name.strip() for name in re.split("-->|-\\.->", line)]
        edges |= set(itertools.pairwise(chain))
        dotted |= set(itertools.pairwise(chain)) if "-.->" in line else set()
    graph = everything_on(tmp_path).graph  # from a stage to those it depends on
    real = {
        (before.name.partition("@")[0], after.name.partition("@")[0])
        for after, before in graph.edges
    }
    assert {name for edge in edges for name in edge} == set(STAGES)
    assert edges <= real, f"not in dvc.yaml: {sorted(edges - real)}"
    assert dotted == {edge for edge in edges if "robustness" in edge}  # off by default
