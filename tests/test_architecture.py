"""dvc.yaml, params.yaml, the code and the documents agree.

That imports go down is held by the contracts in pyproject.toml, which ``make lint`` checks.
"""

import importlib
import itertools
import re
import shutil
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from avlib.params import Params, load
from avlib.registry import DESCRIPTORS, models, system, vector_models
from avlib.runtime.provenance import result_files

MODELS = list(models())
READABLE = vector_models()
MEMBERS = ["crema_d", "ravdess"]  # of some joined corpus
STAGES = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
SCRIPTS = {name: stage["cmd"].split()[2] for name, stage in STAGES.items()}


def rooms_of(module):
    """Return what dvc.yaml names for the code behind a module: folders of avlib, and files."""
    for file in result_files(module):
        parts = file.relative_to(Path().resolve()).parts
        depth = 3 if parts[1] in ("corpora", "runtime", "systems") else 2
        yield "/".join(parts[:depth])


def rooms_behind(stage):
    """Return the rooms of a stage's script, and of what it finds in the registry by its name."""
    rooms = set(rooms_of(SCRIPTS[stage]))
    text = Path(f"{SCRIPTS[stage].replace('.', '/')}.py").read_text()
    for modality, named in DESCRIPTORS.items():
        if f'registry.descriptor("{modality}"' in text:
            for entry in named.values():
                rooms |= set(rooms_of(entry.partition(":")[0]))
    if stage == "reader":  # of any corpus; what else a reader imports is in what it writes
        rooms.add("avlib/corpora")
    if stage.startswith("train_"):
        found, params = system(stage.removeprefix("train_")), load(tuple(Params.model_fields))
        for recipe in (found.recipe(model, params) for model in found.models):
            rooms |= {*rooms_of(recipe.make.__module__), *rooms_of(type(recipe.source).__module__)}
        rooms |= set(rooms_of(found.fold_function().__module__))
    if stage == "final":  # of any system of vectors
        params = load(tuple(Params.model_fields))
        for recipe in (models()[model].recipe(model, params) for model in READABLE):
            rooms |= set(rooms_of(recipe.make.__module__))
    if stage in ("final", "report"):  # each system has a part of it
        rooms = {room for room in rooms if not room.startswith("avlib/systems/")}
        rooms.add("avlib/systems")
    return rooms


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_rooms_it_imports(stage):
    needed = rooms_behind(stage)
    declared = {d for d in STAGES[stage]["deps"] if d.startswith(("avlib/", "stages/"))}
    assert declared == needed, (
        f"{stage}: add {sorted(needed - declared)}, remove {sorted(declared - needed)}"
    )


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_exactly_the_parameters_it_reads(stage):
    names = set(importlib.import_module(SCRIPTS[stage]).PARAMS)
    if names == set(Params.model_fields):
        assert "params.yaml" in STAGES[stage]["deps"]  # a lock of all of them is long
        assert "params" not in STAGES[stage]
        return
    demo = yaml.safe_load(Path("params.yaml").read_text())["demo"]
    overlaid = {f"demo.{section}" for section in demo.keys() & names}
    expected = names | overlaid | ({"corpus"} if overlaid else set())
    assert set(STAGES[stage]["params"]) == expected
    for section, _, key in (name.partition(".") for name in names):
        assert section in Params.model_fields
        assert not key or key in Params.model_fields[section].annotation.model_fields


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
    values["robustness"]["models"] = values["final"]["systems"] = READABLE
    values["members"] = MEMBERS
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    shutil.copy("dvc.yaml", folder)
    return Repo.init(str(folder), no_scm=True).index


OFF = ("final", "robustness")  # unless models are named


def test_stages_of_a_list_are_off_unless_it_names_something_and_then_are_one_each(tmp_path):
    by_default = {stage.name for stage in Repo(".").index.stages}
    assert {name.partition("@")[0] for name in by_default} == set(STAGES) - {*OFF, "members"}
    on = {stage.name for stage in everything_on(tmp_path).stages}
    of_models = {f"{name}@{model}" for name in OFF for model in READABLE}
    assert on - by_default == of_models | {f"members@{corpus}" for corpus in MEMBERS}


def test_the_lock_file_holds_no_stage_that_is_gone(tmp_path):
    locked = set(yaml.safe_load(Path("dvc.lock").read_text())["stages"])
    assert locked <= {stage.name for stage in everything_on(tmp_path).stages}


def test_every_stage_says_what_it_does_and_there_are_not_too_many():
    assert all(stage.get("desc") for stage in STAGES.values())
    assert len(Repo(".").index.stages) <= 60


def test_the_catalogue_of_artifacts_is_complete(schemas):
    text = Path("docs/architecture.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| [^|]+ \| ([^|]*) \|$", text, re.M)
    documented = {path: (stage.strip(), key.strip()) for path, stage, key in rows}
    outputs = set()
    for name, stage in STAGES.items():
        for out in [*stage["outs"], *stage.get("metrics", [])]:
            path = out if isinstance(out, str) else next(iter(out))
            path = re.sub(r"\$\{item\.(\w+)\}", r"<\1>", path)
            path = re.sub(rf"/({'|'.join(MODELS)})(?=\.|$)", "/<model>", path)
            path = re.sub("^data/status/.*", "data/status/<stage>.parquet", path)
            path = re.sub("^data/keys/.*", "data/keys/<stage>", path)
            outputs.add(path)
            assert path in documented, f"{path}, an output of {name}, is not in the catalogue"
    assert set(documented) == outputs
    for path, (_, key) in documented.items():
        table = (*Path(path).parts, "")[1].removesuffix(".parquet")
        if table in schemas and key:
            assert key == ", ".join(schemas[table].key), path


def test_the_picture_of_the_stages_is_the_graph(tmp_path):
    """In it, ``train_*`` stands for the stages of all systems."""

    def node(stage):
        name = stage.partition("@")[0]
        return "train_*" if name.startswith("train_") else name

    page = Path("docs/architecture.md").read_text()
    drawn = re.search(r"```mermaid\nflowchart LR\n(.*?)```", page, re.S)
    edges, dotted = set(), set()
    for line in drawn.group(1).splitlines():
        chain = [name.strip() for name in re.split("-->|-\\.->", line)]
        edges |= set(itertools.pairwise(chain))
        dotted |= set(itertools.pairwise(chain)) if "-.->" in line else set()
    graph = everything_on(tmp_path).graph  # from a stage to those it depends on
    real = {(node(before.name), node(after.name)) for after, before in graph.edges}
    assert {name for edge in edges for name in edge} == set(map(node, STAGES))
    assert edges <= real, f"not in dvc.yaml: {sorted(edges - real)}"
    assert dotted == {edge for edge in edges if {*OFF, "members"} & {*edge}}  # off by default
