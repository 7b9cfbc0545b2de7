import re
from pathlib import Path

import builders
import pytest
import yaml
from typer.testing import CliRunner

from avlib.cli.corpora_overview import overview
from avlib.cli.main import app
from avlib.protocols import SUBJECT_INDEPENDENT
from avlib.registry import CORPORA, reader
from avlib.report import published


def rows(raw):
    return {row.corpus: row for row in overview(raw)}


def test_what_is_here_is_counted_against_the_whole(tmp_path, ravdess_folder):
    row = rows(tmp_path)["ravdess"]
    assert row.here == "4 clips, 2 subjects"
    assert (row.whole, row.missing) == ("1,440 clips, 24 subjects", "1,436 clips, 22 subjects")


def test_a_whole_corpus_misses_nothing(tmp_path):
    for path in builders.enterface05_paths():
        file = tmp_path / "enterface05" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert rows(tmp_path)["enterface05"].missing == ""


def test_a_corpus_that_is_not_here_is_missing_whole(tmp_path):
    found = rows(tmp_path)
    assert set(found) == {*CORPORA, "fer2013"}
    assert found["rml"].here == ""
    assert found["rml"].missing == found["rml"].whole == "720 clips, 8 subjects"
    assert found["fer2013"].missing == "35,887 faces"


def test_a_wrong_tree_is_a_remark_and_costs_no_other_corpus_its_row(tmp_path, ravdess_folder):
    (tmp_path / "rml").mkdir()
    (tmp_path / "rml" / "notes.txt").write_text("hello")
    (tmp_path / "baum1s").symlink_to(tmp_path / "gone")
    found = rows(tmp_path)
    assert "none of its 1 files belongs to RML" in found["rml"].remarks[0]
    assert "which does not exist" in found["baum1s"].remarks[0]
    assert found["rml"].here == found["baum1s"].here == "not readable"
    assert found["ravdess"].here


def test_files_that_a_reader_does_not_know_are_remarked_on(tmp_path, ravdess_folder):
    (ravdess_folder / "my take.mp4").write_bytes(b"")
    assert any(
        "1 files are not known, e.g. my take.mp4" in r for r in rows(tmp_path)["ravdess"].remarks
    )


def test_faces_are_counted_without_their_titles(tmp_path):
    (tmp_path / "fer2013").mkdir()
    (tmp_path / "fer2013" / "fer2013.csv").write_text("emotion,pixels,Usage\n0,1,x\n0,2,x\n")
    row = rows(tmp_path)["fer2013"]
    assert (row.here, row.missing) == ("2 faces", "35,885 faces")


@pytest.mark.parametrize("name", CORPORA)
def test_every_corpus_says_where_to_get_it_on_which_terms_and_its_protocol(name):
    corpus = reader(name)
    assert corpus.source
    assert corpus.licence
    assert corpus.protocol.partition(",")[0].partition(" ")[0] in SUBJECT_INDEPENDENT


@pytest.mark.parametrize("name", sorted({*CORPORA, "fer2013"} - {"demo"}))
def test_every_corpus_has_its_card(name):
    cards = (Path(__file__).parents[2] / "docs/corpora.md").read_text()
    assert re.search(rf"^## .*\(`{name}`\)$", cards, re.M)


def test_protocols_are_those_of_the_published_results():
    facts = yaml.safe_load(published._FILE.read_text(encoding="utf-8"))["corpora"]
    for name in facts.keys() & CORPORA.keys():
        protocols = [facts[name]["protocol"]["name"]]
        assert all(protocol in reader(name).protocol for protocol in protocols)


def run(*arguments):
    return CliRunner().invoke(app, ["corpora", *map(str, arguments)], env={"COLUMNS": "200"})


def test_the_command_prints_every_corpus_and_its_remarks(tmp_path, ravdess_folder):
    done = run("--raw", tmp_path)
    assert done.exit_code == 0
    for words in (*CORPORA, "4 clips, 2 subjects", "logso", "4 of the 1,440 clips of RAVDESS"):
        assert words in done.output


def test_the_command_names_damaged_files_and_ends_with_an_error(tmp_path, crema_d_folder):
    (crema_d_folder / "AudioWAV" / "1001_DFA_ANG_XX.wav").write_bytes(builders.LFS_POINTER)
    done = run("--raw", tmp_path, "--verify")
    assert done.exit_code == 1
    assert "1001_DFA_ANG_XX.wav: pointer" in done.output
    assert "git lfs pull" in done.output
