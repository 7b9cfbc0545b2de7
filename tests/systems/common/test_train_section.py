"""A system that is off costs its stage nothing and leaves tables that others can read."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from avlib.params import load
from avlib.registry import SYSTEMS, models, system, systems
from avlib.runtime import tables
from avlib.runtime.errors import ParamsError
from avlib.runtime.files import NOTHING
from avlib.systems.common import train_section as module
from avlib.systems.common.system import table_file
from avlib.systems.common.train_section import leave_out, train_section

PARAMS = Path("params.yaml").absolute()
SWITCHED = [name for name in SYSTEMS if system(name).deep]


@pytest.mark.parametrize("name", SYSTEMS)
def test_models_that_are_left_out_have_tables_without_rows_and_folders_that_say_so(
    name, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for model in system(name).models:
        leave_out(system(name), model)
        for schema in system(name).tables:
            assert len(tables.read_table(table_file(schema, model))) == 0
        for folder in system(name).folders.values():
            assert [path.name for path in (folder / model).iterdir()] == [NOTHING]


def test_train_asks_for_all_models_of_a_system_for_none_or_for_some():
    def wanted(train):
        params = load(("gating",))
        changed = params.gating.model_copy(update={"train": train})
        return system("gating").wanted(params.model_copy(update={"gating": changed}))

    assert wanted(train=True) == ["gating", "gating_lstm", "gating_global"]
    assert wanted(train=False) == wanted(train=[]) == []
    assert wanted(train=["gating_global", "gating"]) == ["gating", "gating_global"]


def test_no_two_systems_share_a_model_or_a_section():
    every = [model for found in systems() for model in found.models]
    assert len(set(every)) == len(every)
    assert set(models()) < set(every)  # those that follow arousal and valence predict no emotion
    sections = [section for found in systems() for section in found.sections]
    assert len(set(sections)) == len(sections)
    assert all(found.name == name for name, found in zip(SYSTEMS, systems(), strict=True))


@pytest.mark.parametrize("name", [name for name in SWITCHED if name != "traces"])
def test_every_model_can_be_named_and_no_other(name, tmp_path):
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["demo"][name].pop("train")
    every = list(system(name).models)
    values[name]["train"] = every
    values["avef"]["transfer"] = ["others"]  # without which avef_transfer may not be named
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    if len(every) == 1:
        with pytest.raises(ParamsError, match=rf"{name}\.train is "):
            load((name,), path)
        return
    assert getattr(load((name,), path), name).train == every
    values[name]["train"] = [every[0], "svm_audio"]
    path.write_text(yaml.safe_dump(values))
    wrong = rf"{name}\.train is .*'svm_audio'.*: expected true, false or a list of some"
    with pytest.raises(ParamsError, match=wrong):
        load((name,), path)


def changed(name, **values):
    """Parameters of a stage with other values of its section."""
    params = load((name, "modalities", "modern", "protocol"), PARAMS)
    section = getattr(params, name).model_copy(update=values)
    return params.model_copy(update={name: section})


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Which models each stage would train, by stage."""
    clips = {"clip_id": ["a", "b"], "emotion": ["x", "y"], "corpus": ["c", "c"]}
    clips |= {"audio_path": ["a.wav", None], "video_path": [None, None], "duration": [1.0, 2.0]}
    folds = {"clip_id": ["a", "b"], "fold": [0, 0], "part": ["train", "test"]}
    read = {"clips.parquet": clips, "folds.parquet": folds}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        module.tables, "read_table", lambda path: module.pd.DataFrame(read[path.name])
    )
    monkeypatch.setattr(module.tables, "merge", lambda *_: None)
    folds = module.pd.DataFrame(read["folds.parquet"])
    monkeypatch.setattr(module, "checked_folds", lambda *_: folds)
    found = {}
    monkeypatch.setattr(
        module, "run_per_fold", lambda stage, function, jobs, **_: found.update({stage: jobs})
    )
    monkeypatch.setattr(module, "_jobs", lambda system, recipe, *_: recipe)
    monkeypatch.setattr(module, "expect_work", lambda modules, devices=(): None)
    return found


def test_models_that_are_not_named_get_the_outputs_of_models_that_are_off(trained, capsys):
    train_section(system("avef"), changed("avef", train=["avef"]))
    assert list(trained["train_avef"]) == ["avef"]
    assert "train" not in trained["train_avef"]["avef"].settings
    assert Path("data/predictions/avef_raw.parquet").is_file()
    assert not Path("data/predictions/avef.parquet").exists()
    said = "avef: no recording has video, so there are no faces to learn from"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("patience", [None, 3])
@pytest.mark.parametrize("curve", [False, True])
def test_curves_on_validation_are_of_networks_that_would_learn_from_it(
    curve, patience, trained, monkeypatch
):
    drawn, judged = [], []
    monkeypatch.setattr(module, "_draw_curves", lambda system, jobs, devices: drawn.extend(jobs))
    monkeypatch.setattr(module, "_judge", lambda system, jobs, devices: judged.extend(jobs))
    name = "temporal_aggregation"
    plain = changed(name, train=[name], patience=patience)
    params = changed(name, train=[name], patience=patience, validation_curve=curve)
    train_section(system(name), params)
    assert drawn == ([name] if curve and patience is None else [])
    assert judged == ([] if patience is None else [name])
    # Nothing that a trained fold is remembered by has changed.
    assert trained["train_temporal_aggregation"][name] == system(name).recipe(name, plain)


def test_no_network_library_is_loaded_before_a_system_is_known_to_be_on():
    """In one process for all stages: whichever loads it first is named."""
    asked = (
        "import importlib, sys\n"
        f"for name in {list(SYSTEMS)}:\n"
        "    importlib.import_module(f'stages.train_{name}')\n"
        "    assert 'torch' not in sys.modules, name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_a_fold_needs_is_imported_for_all_workers_at_once():
    """By name, as the process that starts them imports neither Lightning nor what trains."""
    asked = (
        "import importlib, sys\n"
        "from avlib.registry import systems\n"
        "for system in systems():\n"
        "    system.model_class()\n"
        "    assert 'lightning' not in sys.modules, system.name\n"
        "for system in systems():\n"
        "    modules = [importlib.import_module(name) for name in system.modules()]\n"
        "    assert sys.modules[system.fold_function().__module__] in modules, system.name\n"
        "    assert sys.modules[system.model_class().__module__] in modules, system.name\n"
        "    assert system.deep == ('avlib.networks.train_network' in system.modules())\n"
        "assert 'lightning' in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_weight_that_a_system_does_not_use_is_none_of_its_settings():
    params = load(("emobed", "modern", "traces", "modalities", "corpus"))
    for name, beta in (("emobed", "beta_audio"), ("traces", "beta")):
        found = system(name)
        section = getattr(params, name)
        changed = section.model_copy(update={beta: 0.123})
        other = params.model_copy(update={name: changed})
        for model in found.models:
            same = found.recipe(model, params).settings == found.recipe(model, other).settings
            assert same == (model.split("-")[0] in ("svr", "emobed_classic", "emobed_joint"))
