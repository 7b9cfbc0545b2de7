"""A new system, descriptor, corpus and table recompute and retrain nothing else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from newcomers import add_newcomers

# Prints the key of everything that is remembered, but for the bytes that it is computed from.
KEYS = """
from importlib import import_module

from avlib import registry
from avlib.descriptors.audio_clip import audio_rows
from avlib.descriptors.video_clip import video_rows
from avlib.faces.clip import face_rows
from avlib.fisher.fold import encode_fold
from avlib.params import Params, load
from avlib.report.one_model import evaluate_model
from avlib.runtime.memo import clip_key, code_fingerprint
from avlib.runtime.per_fold import content_key
from avlib.speech.clip import speech_rows

params, keys = load(tuple(Params.model_fields)), {}


def each_clip(name, function, settings, *code):
    keys[name] = clip_key(name, "clip", "bytes", settings, code_fingerprint(function, *code))


def named(entry):
    module, _, name = entry.partition(":")
    return getattr(import_module(module), name)


each_clip("faces", face_rows, params.faces.model_dump())
each_clip("speech", speech_rows, params.speech.model_dump())
for modality, function in (("audio", audio_rows), ("video", video_rows)):
    for name, entry in registry.DESCRIPTORS[modality].items():
        each_clip(name, function, getattr(params, modality).model_dump(), named(entry))
for corpus, entry in registry.CORPORA.items():
    keys[corpus] = code_fingerprint(named(entry))
keys["fisher"] = content_key("fisher", [encode_fold], params.fisher.model_dump(), [])
keys["evaluate"] = content_key("evaluate", [evaluate_model], {}, [])
for system in registry.systems():
    for model in system.models:
        recipe = system.recipe(model, params)
        code = [system.fold_function(), recipe.make, type(recipe.source)]
        facts = {"settings": recipe.settings, "source": repr(recipe.source)}
        keys[model] = content_key(model, code, facts, [])
print(json.dumps(keys))
"""
# Each copy with modules of its own, and one process for the libraries, which take longest to load.
EACH = """
import json
import os
import sys

*folders, code = sys.argv[1:]
for folder in folders:
    os.chdir(folder)
    for name in [name for name in sys.modules if name.partition(".")[0] == "avlib"]:
        del sys.modules[name]
    exec(code, {"json": json})
"""
NEW = {"prior", "loudness", "other"}


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Two copies of the project's code, one with newcomers; the folder of each."""
    folders = [tmp_path_factory.mktemp(name) for name in ("before", "after")]
    for folder in folders:
        for name in ("avlib", "stages"):
            shutil.copytree(name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("params.yaml", "dvc.yaml"):
            shutil.copy(name, folder)
    add_newcomers(folders[1])
    return folders


def keys(folders):
    command = [sys.executable, "-c", EACH, *map(str, folders), KEYS]
    done = subprocess.run(command, cwd=folders[0], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return map(json.loads, done.stdout.splitlines())


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder): path.read_bytes() for path in files}


def test_whatever_is_remembered_keeps_its_key(copies):
    before, after = keys(copies)
    assert set(after) - set(before) == NEW
    assert before.items() <= after.items()


def test_only_stages_that_name_a_room_of_newcomers_are_started(copies):
    before, after = (contents(folder) for folder in copies)
    changed = {path for path in after if before.get(path) != after[path]}
    stages, more = (
        yaml.safe_load((folder / "dvc.yaml").read_text())["stages"] for folder in copies
    )
    assert {name: more[name] for name in stages} == stages
    assert set(more) - set(stages) == {"train_prior"}
    started = {
        name
        for name, stage in stages.items()
        if any(path.is_relative_to(Path(dep)) for path in changed for dep in stage["deps"])
    }
    # The room of descriptors has a file more, the report shows every system, and final may keep any
    # of vectors. What these find in their memory is as good as before: the keys are the same. Stage
    # reader writes down such a key, so that clips is not started.
    users = {
        "reader",
        "face_model",
        "video_features",
        "audio_features",
        "train_traces",
        "robustness",
    }
    assert started == users | {"report", "final"}
