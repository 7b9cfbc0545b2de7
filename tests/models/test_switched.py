"""A system that is off costs its stage nothing and leaves tables that others can read."""

import subprocess
import sys

import pytest

from avlib import tables
from avlib.models import DEEP, OVER_TIME
from avlib.models.switched import skip


@pytest.mark.parametrize("name", DEEP)
def test_a_system_that_is_off_leaves_tables_without_rows(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    skip(name)
    assert len(tables.read_table(f"data/predictions/{name}.parquet")) == 0
    assert (tmp_path / "data/gates").is_dir() == (name in OVER_TIME)
    for folder in ("models", "embeddings"):
        assert list((tmp_path / "data" / folder / name).iterdir()) == []


@pytest.mark.parametrize("section", [*sorted(set(DEEP.values())), "traces"])
def test_no_network_library_is_loaded_before_a_system_is_known_to_be_on(section):
    asked = f"import sys, stages.train_{section}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


@pytest.mark.parametrize("stage", ["train_svm", "train_metric"])
def test_systems_of_vectors_do_without_the_network_library(stage):
    asked = f"import sys, stages.{stage}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
