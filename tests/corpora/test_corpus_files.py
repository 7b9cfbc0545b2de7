"""Names, links and kinds of files in the folder of any corpus: one place looks at them for all."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import builders
import pathspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from avlib.corpora.common.files import look
from avlib.registry import reader
from avlib.runtime.errors import CorpusError
from avlib.runtime.raw_folder import require_folder, require_hashable
from avlib.runtime.tables import read_table
from stages import clips, corpus, members, speech

PROJECT = Path(__file__).parents[2]
SHORT = {"seconds": 0.1, "size": (32, 48)}


def demo(folder):
    rows = [("a.mp4", "s1", "anger", "1", "female", 0.1, 0.1)]
    builders.demo_corpus(folder, rows, seconds=0.1)


def mine(folder):
    builders.write_media(folder / "a.wav", seconds=0.1)
    (folder / "clips.csv").write_text("path,subject,emotion\n./a.wav,s1,joy\n")


def omg_emotion(folder):
    row = (builders.youtube("CROcsl0lIec"), 0.0, 0.1, "5b44393ed", "utterance_1.mp4", 0.1, 0.1, 1)
    builders.omg_table(folder, "omg_TrainVideos.csv", [row])
    builders.write_media(folder / "5b44393ed.mp4", **SHORT)


def baum1s(folder):
    builders.baum1s_workbook(folder, [("S001_001", "Anger")])
    builders.baum1s_clip(folder, "S001_001", **SHORT)


BUILD = {
    "baum1s": baum1s,
    "crema_d": lambda folder: builders.crema_d_clip(folder, "1001_DFA_ANG_XX", **SHORT),
    "demo": demo,
    "enterface05": lambda folder: builders.enterface05_clip(folder, 1, "anger", 1, **SHORT),
    "mine": mine,
    "omg_emotion": omg_emotion,
    "ravdess": lambda folder: builders.ravdess_file(folder, "03-01-05-01-01-01-01", **SHORT),
    "recola": lambda folder: builders.recola_recording(folder, "train_1", seconds=0.1),
    "rml": lambda folder: builders.rml_clip(folder, "s1", "an1", **SHORT),
}


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """Run in an empty project, and return its folder of corpora."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    folder = Path("data/raw")
    folder.mkdir(parents=True)
    return folder


def choose(name, **changes):
    values = yaml.safe_load((PROJECT / "params.yaml").read_text())
    Path("params.yaml").write_text(yaml.safe_dump({**values, "corpus": name, **changes}))


def joined(raw, *names):
    (raw / "both").mkdir()
    (raw / "both/corpus.yaml").write_text(yaml.safe_dump({"members": dict.fromkeys(names)}))


@pytest.mark.parametrize("name", BUILD)
def test_no_reader_passes_over_a_recording_of_another_kind_in_silence(raw, name):
    BUILD[name](raw / name)
    for other in ("x.ts", "y.aac", "z", "w.xyz"):
        (raw / name / other).write_bytes(b"something")
    found = reader(name).recordings(raw / name)
    assert len(found.recordings) == 1
    named = {path for path, _ in found.unrecognised}
    counted = {path for paths in found.left_out.values() for path in paths}
    assert named | counted == {"x.ts", "y.aac", "z", "w.xyz"}
    assert not named & counted
    assert "files without a suffix left out: 1, e.g. z" in found.notes
    assert ".xyz files left out: 1, e.g. w.xyz" in found.notes


def test_what_is_left_out_is_counted_by_kind_also_of_a_joined_corpus(raw):
    for name in ("ravdess", "rml"):
        BUILD[name](raw / name)
        (raw / name / "w.xyz").touch()
    builders.ravdess_file(raw / "ravdess", "03-02-05-01-01-01-01", seconds=0.1)
    joined(raw, "ravdess", "rml")
    choose("both", members=["ravdess", "rml"])
    clips.main()
    found = json.loads(Path("data/corpus.json").read_text())
    assert found["left_out"] == {
        "ravdess: .xyz files": 1,
        "ravdess: song files": 1,
        "rml: .xyz files": 1,
    }
    said = [note for note in found["notes"] if "left out" in note]
    assert len(said) == 3
    assert "rml: .xyz files left out: 1, e.g. w.xyz" in said


def touch(folder, name):
    """Make an empty file whose name is bytes."""
    os.close(os.open(os.fsencode(folder) + b"/" + name, os.O_CREAT | os.O_WRONLY))


@pytest.mark.parametrize("name", BUILD)
def test_a_name_that_cannot_be_written_is_one_row_and_costs_no_other_clip(raw, name):
    BUILD[name](raw / name)
    touch(raw / name, b"b\xf6se.wav")
    touch(raw / name, b"two\nlines.mp4")
    (raw / name / "gr\u00fcn\u3000.wav").touch()
    (raw / "other").mkdir()
    found = reader(name).recordings(raw / name)
    assert len(found.recordings) == 1
    reasons = dict(found.unrecognised)
    assert reasons.pop("b\\xf6se.wav").startswith("its name is not in UTF-8; rename it")
    assert reasons.pop("two\\x0alines.mp4").startswith("its name holds a line break")
    assert set(reasons) <= {"gr\u00fcn\u3000.wav"}


def test_a_folder_with_such_a_name_costs_what_lies_in_it(tmp_path):
    (tmp_path / os.fsdecode(b"M\xe4rz")).mkdir()
    touch(tmp_path, b"M\xe4rz/a.wav")
    touch(tmp_path, b"M\xe4rz/notes.txt")
    found = look(tmp_path)
    assert not found.paths
    assert [path for path, _ in found.unusable] == ["M\\xe4rz/a.wav"]


def test_stages_run_for_the_other_clips(raw):
    for name in ("mine", "rml"):
        BUILD[name](raw / name)
        touch(raw / name, b"b\xf6se.wav")
        (raw / name / "gone.avi").symlink_to("nowhere")
    joined(raw, "mine", "rml")
    choose("both", members=["mine", "rml"], max_failed_fraction=1.0)
    sys.argv[1:] = ["rml"]
    members.main()
    clips.main()
    assert len(read_table("data/clips.parquet")) == 2
    failed = read_table("data/status/clips.parquet").query("status == 'failed'")
    assert set(failed["clip_id"]) == {"mine/b\\xf6se.wav", "rml/b\\xf6se.wav", "rml/gone.avi"}


def test_a_link_to_a_file_that_is_not_here_fails_its_clip_and_stops_before_dvc_does(raw):
    builders.crema_d_of_two(raw / "crema_d")
    lost = raw / "crema_d/VideoFlash/1001_DFA_ANG_XX.flv"
    lost.unlink()
    lost.symlink_to("../.git/annex/objects/x")
    choose("crema_d")
    clips.main()
    status = read_table("data/status/clips.parquet").set_index("clip_id")["reason"]
    assert "is a link to a file that is not here" in status["1001_DFA_ANG_XX"]
    with pytest.raises(CorpusError, match=r"1 of its files .*VideoFlash/1001_DFA_ANG_XX\.flv"):
        corpus.main()


@pytest.mark.parametrize("place", ["a.wav", "notes.txt", ".hidden/a"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_dvc_cannot_hash_is_named_wherever_it_lies(tmp_path, place, make):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/lost").symlink_to("nowhere")
    (tmp_path / "whole").symlink_to(__file__)
    require_hashable(tmp_path)
    (tmp_path / place).parent.mkdir(exist_ok=True)
    make(tmp_path / place)
    with pytest.raises(CorpusError, match=rf"1 of its files .*e\.g\. {place}; DVC") as error:
        require_hashable(tmp_path)
    assert "\n" not in str(error.value)


def test_links_out_of_the_corpus_are_read_and_named(raw, tmp_path):
    builders.ravdess_of_two(raw / "ravdess")
    (raw / "ravdess/Actor_02").rename(tmp_path / "disk")
    (raw / "ravdess/Actor_02").symlink_to(tmp_path / "disk")
    file = raw / "ravdess/Actor_01/01-01-05-01-02-01-01.mp4"
    file.rename(tmp_path / "moved.mp4")
    file.symlink_to(tmp_path / "moved.mp4")
    found = reader("ravdess").recordings(raw / "ravdess")
    assert len(found.recordings) == 4
    notes = "\n".join(found.notes)
    assert "folders that are links: 1, e.g. Actor_02; they are read, but DVC sees no" in notes
    assert "links out of the corpus's folder: 1, e.g. Actor_01/01-01-05-01-02-01-01.mp4" in notes
    assert str(tmp_path) not in notes


def test_a_link_to_a_folder_above_the_corpus_does_not_bring_in_other_corpora(raw):
    BUILD["ravdess"](raw / "ravdess")
    BUILD["rml"](raw / "rml")
    (raw / "rml/up").symlink_to("..")
    (raw / "rml/round").symlink_to(".")
    found = reader("rml").recordings(raw / "rml")
    assert [path for path, _ in found.unrecognised] == ["up"]
    assert len(found.recordings) == 1


def test_a_folder_of_corpora_that_is_a_link_stops_before_anything_is_lost(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / "disk/demo/mine.txt"
    kept.parent.mkdir(parents=True)
    kept.touch()
    Path("data").mkdir()
    Path("data/raw").symlink_to(tmp_path / "disk")
    choose("demo")
    with pytest.raises(CorpusError, match=r"data/raw: is a link to .*link each corpus in data/raw"):
        corpus.main()
    assert kept.exists()
    Path("data/raw").unlink()
    require_folder(Path("data/raw"))


IGNORED = pathspec.PathSpec.from_lines(
    "gitignore", (PROJECT / ".dvcignore").read_text(encoding="utf-8").splitlines()
)


@given(st.text(st.characters(exclude_characters="/\x00", exclude_categories=["Cs", "Cc"])))
def test_dvc_is_hidden_no_name_that_can_be_written(name):
    assert not IGNORED.match_file(f"data/raw/mine/x{name}/a.wav")


@given(st.text(max_size=3), st.integers(0x80, 0xFF), st.text(max_size=3))
def test_dvc_is_hidden_every_name_that_cannot_be(before, byte, after):
    name = before + os.fsdecode(bytes([byte])) + after
    assert IGNORED.match_file(f"data/raw/mine/{name.replace('/', '')}.wav")


def test_dvc_hashes_a_folder_with_such_a_name(tmp_path):
    shutil.copy(PROJECT / ".dvcignore", tmp_path)
    (tmp_path / "raw").mkdir()
    touch(tmp_path / "raw", b"b\xf6se.wav")
    touch(tmp_path / "raw", "gr\u00fcn.wav".encode())
    stage = {"cmd": "echo ran", "deps": ["raw"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"look": stage}}))
    dvc = (
        "from dvc.repo import Repo; Repo.init('.', no_scm=True).close(); r = Repo('.');"
        "r.reproduce(); r.close()"
    )
    subprocess.run([sys.executable, "-c", dvc], cwd=tmp_path, check=True, capture_output=True)
    (dep,) = yaml.safe_load((tmp_path / "dvc.lock").read_text())["stages"]["look"]["deps"]
    assert dep["nfiles"] == 1


def damaged(folder):
    """Clips of a corpus whose files go bad between the stages, each in another way."""
    names = ("whole", "empty", "text", "gone", "cut", "pointer")
    rows = [f"{name}.wav,s{number},joy\n" for number, name in enumerate(names)]
    for name in names:
        builders.write_media(folder / f"{name}.wav", seconds=0.4, sample_rate=16000)
    (folder / "bad.wav").write_bytes(b"no recording")
    rows += ["bad.wav,s9,joy\n", "lost.wav,s9,joy\n", ",s9,joy\n"]
    (folder / "clips.csv").write_text("path,subject,emotion\n" + "".join(rows))
    clips.main()
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("no recording")
    (folder / "gone.wav").unlink()
    builders.truncate(folder / "cut.wav", 0.002)
    (folder / "pointer.wav").write_bytes(builders.LFS_POINTER)
    speech.main()


def test_tables_do_not_depend_on_where_the_project_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    found = []
    for place in ("here", "quite/elsewhere"):
        (tmp_path / place / "data/raw/mine").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / place)
        choose("mine", modalities=["audio"], max_failed_fraction=1.0)
        damaged(tmp_path / place / "data/raw/mine")
        tables = sorted(Path("data").rglob("*.parquet"))
        found.append({str(path): path.read_bytes() for path in tables})
        status = [read_table(path) for path in tables if "status" in path.parts]
        reasons = [reason for table in status for reason in table["reason"] if reason]
        assert len(reasons) == 3 + 8
        assert not any(str(tmp_path) in reason for reason in reasons)
    assert found[0] == found[1]
