"""A system that is off costs its stage nothing and leaves tables that others can read."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from avlib.params import load
from avlib.runtime import tables
from avlib.runtime.errors import ParamsError
from avlib.systems.common import training
from avlib.systems.common.train_section import skip, train_switched
from avlib.systems.registry import (
    DEEP,
    OVER_TIME,
    of_section,
    wanted,
)


@pytest.mark.parametrize("name", DEEP)
def test_a_system_that_is_off_leaves_tables_without_rows(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    skip(name)
    assert len(tables.read_table(f"data/predictions/{name}.parquet")) == 0
    assert (tmp_path / "data/gates").is_dir() == (name in OVER_TIME)
    for folder in ("models", "embeddings"):
        assert list((tmp_path / "data" / folder / name).iterdir()) == []


def test_train_asks_for_all_systems_of_a_section_for_none_or_for_some():
    every = ["gating", "gating_lstm", "gating_global"]
    assert wanted("gating", train=True) == every
    assert wanted("gating", train=False) == wanted("gating", train=[]) == []
    assert wanted("gating", train=["gating_global", "gating"]) == ["gating", "gating_global"]


@pytest.mark.parametrize("section", sorted(set(DEEP.values())))
def test_every_system_can_be_named_and_no_other(section, tmp_path):
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["demo"][section].pop("train")
    values[section]["train"] = of_section(section)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    if len(of_section(section)) == 1:
        with pytest.raises(ParamsError, match=rf"{section}\.train is .* valid boolean"):
            load((section,), path)
        return
    assert getattr(load((section,), path), section).train == of_section(section)
    values[section]["train"] = [section, "svm_audio"]
    path.write_text(yaml.safe_dump(values))
    wrong = rf"{section}\.train is .*'svm_audio'.*: expected true, false or a list of some"
    with pytest.raises(ParamsError, match=wrong):
        load((section,), path)


def test_systems_that_are_not_named_get_the_outputs_of_systems_that_are_off(tmp_path, monkeypatch):
    trained = {}
    monkeypatch.setattr(
        training, "train", lambda stage, recipes, *_: trained.update({stage: recipes})
    )
    params = load(("avef", "modalities", "protocol"))
    params = params.model_copy(update={"avef": params.avef.model_copy(update={"train": ["avef"]})})
    monkeypatch.chdir(tmp_path)
    train_switched("avef", params, lambda name, settings: (name, sorted(settings)))
    ((name, settings),) = trained["train_avef"]
    assert name == "avef"
    assert "train" not in settings
    assert len(tables.read_table("data/predictions/avef_raw.parquet")) == 0
    assert not Path("data/predictions/avef.parquet").exists()


@pytest.mark.parametrize("section", [*sorted(set(DEEP.values())), "traces"])
def test_no_network_library_is_loaded_before_a_system_is_known_to_be_on(section):
    asked = f"import sys, stages.train_{section}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


@pytest.mark.parametrize("stage", ["train_svm", "train_metric"])
def test_systems_of_vectors_do_without_the_network_library(stage):
    asked = f"import sys, stages.{stage}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
