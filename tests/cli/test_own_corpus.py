"""``avlib corpora init`` and ``check``: from a folder of recordings to a corpus."""

import csv
import re
import shutil
from pathlib import Path

import pytest
import yaml
from builders import truncate, write_media
from typer.testing import CliRunner

from avlib.cli.main import app
from avlib.params import load
from avlib.runtime.errors import CorpusError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A corpus of three people, two emotions each."""
    shutil.copy("params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    folder = tmp_path / "data/raw/mine"
    for subject in "abc":
        for emotion in ("joy", "fear"):
            write_media(folder / "wav" / f"{subject}_{emotion}_1.wav", sample_rate=16000)
    return folder


def avlib(*arguments):
    return CliRunner().invoke(app, ["corpora", *map(str, arguments)])


def init(folder, *more):
    return avlib("init", folder, "--pattern", "{subject}_{emotion}_*.wav", *more)


def test_a_table_is_written_from_names_and_found_good(folder):
    said = init(folder)
    assert said.exit_code == 0
    assert "6 clips of 3 subjects" in said.output
    assert "fear 3, joy 3" in said.output
    with (folder / "clips.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"path": "wav/b_joy_1.wav", "subject": "b", "emotion": "joy"} in rows
    assert len(rows) == 6
    said = avlib("check", "mine")
    assert said.exit_code == 0
    assert "6 clips of 3 subjects can be used" in said.output
    assert "0 problems" in said.output


def set_params(**values):
    path = Path("params.yaml")
    there = yaml.safe_load(path.read_text())
    protocol = there["protocol"] | values.pop("protocol", {})
    path.write_text(yaml.safe_dump(there | values | {"protocol": protocol}))


def test_check_ends_with_the_values_that_fit_where_those_of_params_yaml_do_not(folder):
    init(folder)
    last = avlib("check", "mine").output.splitlines()[-1]
    assert last == (
        "Set `corpus: mine`, `modalities: [audio]` and `protocol.k: 3` in params.yaml and run"
        " `dvc repro`."
    )
    set_params(modalities=["audio"])
    assert "Set `corpus: mine` and `protocol.k: 3` in params.yaml" in avlib("check", "mine").output
    set_params(protocol={"name": "loso"})
    assert "Set `corpus: mine` in params.yaml and run" in avlib("check", "mine").output
    set_params(modalities=["audio", "video"], protocol={"name": "subject_kfold", "k": 3})
    for subject in "abc":
        write_media(folder / "wav" / f"{subject}_joy_2.mp4")
    avlib("init", folder, "--pattern", "{subject}_{emotion}_*.mp4", "--force")
    assert "Set `corpus: mine` in params.yaml and run" in avlib("check", "mine").output
    load(("protocol",))  # what the test wrote is a params.yaml


def test_a_table_that_is_there_is_kept(folder):
    init(folder)
    (folder / "clips.csv").write_text("mine")
    with pytest.raises(CorpusError, match="is there already"):
        raise init(folder).exception
    assert (folder / "clips.csv").read_text() == "mine"
    assert init(folder, "--force").exit_code == 0
    assert (folder / "clips.csv").read_text() != "mine"


def test_check_names_every_problem_and_what_protocols_will_stumble_over(folder):
    init(folder)
    with (folder / "clips.csv").open("a") as file:
        file.write("wav/gone.wav,a,joy\n,a,joy\nwav/extra.wav,b,awe\n")
    write_media(folder / "wav/extra.wav", sample_rate=16000)
    truncate(folder / "wav/a_joy_1.wav")
    write_media(folder / "wav/unnamed.wav", sample_rate=16000)
    said = avlib("check", "mine")
    assert said.exit_code == 1
    assert "clips.csv line 9: names no file" in said.output
    assert "clips.csv line 8, clip wav_gone: " in said.output
    assert "clips.csv line 3, clip wav_a_joy_1: wav/a_joy_1.wav: truncated" in said.output
    assert "'awe' is shown by b alone" in said.output
    assert "7 clips of 3 subjects can be used" in said.output
    assert "3 problems" in said.output


def test_problems_stand_in_the_order_of_the_rows(folder):
    init(folder)
    with (folder / "clips.csv").open("a") as file:
        file.write("gone.wav,a,joy\n,a,joy\n" * 4)
    found = re.findall(r"^clips.csv line (\d+)", avlib("check", "mine").output, re.MULTILINE)
    assert found == [str(line) for line in range(8, 16)]


def test_the_overview_lists_it_beside_the_known_ones(folder):
    init(folder)
    said = avlib()
    assert said.exit_code == 0
    assert "6 clips" in said.output
    assert "crema_d" in said.output
