"""Several corpora joined by a corpus.yaml."""

import json
from pathlib import Path

import pytest
import yaml
from builders import ravdess_file, write_media
from typer.testing import CliRunner

from avlib.cli.main import app
from avlib.corpora.common.describe import describe_all
from avlib.corpora.common.watched import folder_fingerprint, require_watched
from avlib.registry import reader
from avlib.runtime.clip_tasks import recording_tasks
from avlib.runtime.errors import CorpusError, ParamsError
from avlib.runtime.tables import read_table
from stages import clips, corpus, folds, members
from stages import reader as reader_stage

RAW = Path("data/raw")
PROJECT = Path(__file__).parents[2]
MAPS = {
    "ravdess": {"labels": {"calm": "neutral", "surprise": None}},
    "mine": {"labels": {"W": "anger", "N": "neutral", "L": None}},
}


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """RAVDESS's voices of three actors, and a user's own corpus of three people."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    for actor in ("01", "02", "03"):
        for emotion in ("01", "02", "05", "08"):
            name = f"03-01-{emotion}-01-01-01-{actor}"
            ravdess_file(RAW / "ravdess", name, seconds=0.3, sample_rate=16000)
    rows = ["path,subject,emotion"]
    for subject in ("Actor_01", "b", "c"):
        for emotion in "WNL":
            write_media(RAW / f"mine/wav/{subject}{emotion}.wav", seconds=0.3, sample_rate=16000)
            rows.append(f"wav/{subject}{emotion}.wav,{subject},{emotion}")
    (RAW / "mine/clips.csv").write_text("\n".join(rows))
    define(MAPS)
    return RAW


def define(members, name="voices"):
    (RAW / name).mkdir(parents=True, exist_ok=True)
    (RAW / name / "corpus.yaml").write_text(yaml.safe_dump({"members": members}))


def listing(name="voices"):
    return reader(name).recordings(RAW / name)


def test_clips_are_those_of_the_members_with_mapped_emotions_and_names_of_their_own(raw):
    found = {r.clip_id: r for r in listing().recordings}
    assert len(found) == 12 + 9
    whole = {r.clip_id: r for name in MAPS for r in reader(name).recordings(raw / name).recordings}
    assert set(found) == {f"{r.corpus}-{clip_id}" for clip_id, r in whole.items()}
    for r in found.values():
        member, _, name = r.clip_id.partition("-")
        before, labels = whole[name], MAPS[member]["labels"]
        assert r.corpus == member == before.corpus
        assert r.subject == f"{member}-{before.subject}"
        assert r.emotion == labels.get(before.emotion, before.emotion)
        assert r.original_emotion == before.original_emotion
        assert (r.audio_path, r.missing) == (before.audio_path, "")
    # Actor_01 of either is two people.
    assert {r.subject for r in found.values()} >= {"ravdess-Actor_01", "mine-Actor_01"}


def test_what_is_wrong_in_a_member_is_named_with_it(raw):
    (raw / "mine/clips.csv").write_text(
        "path,subject,emotion\nwav/bW.wav,b,W\nx.wav,,N\nwav/bN.wav,b,N\nwav/bL.wav,b,L\n"
    )
    (raw / "ravdess/odd.wav").touch()
    found = dict(listing().unrecognised)
    assert set(found) == {"mine/clips.csv line 3", "ravdess/odd.wav"}
    assert any(note.startswith("ravdess: 12 of the 1,440 clips") for note in listing().notes)


def test_a_member_may_be_a_part_of_its_corpus(raw):
    define({**MAPS, "ravdess": {"subset": "half"}})
    with pytest.raises(CorpusError, match=r"members\.ravdess: subset: 'half' is unknown"):
        listing()


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"ravdess": {"labels": {"joy": "happiness"}}}, "members.ravdess: labels.joy: no clip has"),
        ({"mine": {"labels": {"W": None, "N": None, "L": None}}}, "to none of its 9 clips"),
        (
            {"nothing": None},
            "members.nothing: corpus: 'nothing' is unknown; expected one of baum1s",
        ),
        ({"rml": {}}, "members.rml: data/raw/rml: there is no such folder; expected"),
        ({"voices": {}}, "members.voices: is itself joined"),
        ({"mine": {"label": {}}}, "members.mine: unknown key label; did you mean labels?"),
        (
            {"mine": {"labels": {"W": 3}}},
            "members.mine: labels.W is 3: expected a text, such as 'abc'",
        ),
        ({"mine": "W: anger"}, "members.mine: "),
        ({"../mine": {}}, "members.../mine is no name of a folder below data/raw"),
    ],
)
def test_a_definition_without_a_use_is_an_error_in_one_line(raw, members, said):
    define({**MAPS, **members})
    with pytest.raises(CorpusError) as error:
        listing()
    message = str(error.value)
    assert message.startswith("data/raw/voices/corpus.yaml: ")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("members:\n", "members"),
        ("members: {mine: {}}\n", "members has mine; expected two corpora at least"),
        ("member: {mine: {}}\n", "unknown key member; did you mean members?"),
        ("members: [mine, ravdess]\n", "members is"),
        ("- mine\n", "holds list"),
        ("members: {\n", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_definition_is_an_error_in_one_line(raw, text, said):
    (raw / "voices/corpus.yaml").write_text(text)
    with pytest.raises(CorpusError) as error:
        reader("voices")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_that_lists_clips_and_joins_corpora_is_an_error(raw):
    (raw / "voices/clips.csv").touch()
    with pytest.raises(CorpusError, match=r"voices: has corpus\.yaml and clips\.csv; expected one"):
        reader("voices")


def test_recordings_are_read_where_the_members_are_and_a_link_will_do(raw, tmp_path):
    (raw / "mine").rename(tmp_path / "elsewhere")
    (raw / "mine").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    found = list(describe_all(listing().recordings, raw))
    assert len(found) == 21
    assert {result.status for _, result in found} == {"ok"}


def set_params(**changes):
    params = yaml.safe_load((PROJECT / "params.yaml").read_text())
    params |= {"corpus": "voices", "members": ["mine", "ravdess"], "modalities": ["audio"]}
    params["protocol"] |= changes.pop("protocol", {})
    Path("params.yaml").write_text(yaml.safe_dump({**params, **changes}))


def test_stages_read_it_like_any_corpus_and_test_each_member_in_turn(raw):
    set_params(protocol={"name": "leave_one_corpus_out"})
    for stage in (corpus, reader_stage, clips, folds):
        stage.main()
    table = read_table("data/clips.parquet")
    emotions = table.groupby("corpus")["emotion"].agg(lambda e: sorted(e.dropna()))
    assert emotions["mine"] == ["anger"] * 3 + ["neutral"] * 3
    assert emotions["ravdess"] == ["anger"] * 3 + ["neutral"] * 6
    tasks = recording_tasks("audio", ["audio"])
    assert len(tasks) == 21
    assert all(Path(task.payload.path).is_file() for task in tasks)
    rows = read_table("data/folds.parquet").merge(table, on="clip_id")
    tested = rows[rows["part"] == "test"].groupby("fold")["corpus"].agg(set)
    assert tested.tolist() == [{"mine"}, {"ravdess"}]


def test_the_readers_of_the_members_are_in_what_stage_reader_writes(raw):
    set_params()
    reader_stage.main()
    code = json.loads(Path("data/reader.json").read_text())["code"]
    (raw / "mine").rename(raw / "crema_d")  # read by other code
    define({"ravdess": {}, "crema_d": {}})
    set_params(members=["ravdess", "crema_d"])
    reader_stage.main()
    assert json.loads(Path("data/reader.json").read_text())["code"] != code


def test_members_that_dvc_does_not_watch_are_an_error_that_says_what_to_set(raw):
    require_watched(reader("voices"), ["ravdess", "mine"])
    require_watched(reader("mine"), [])
    with pytest.raises(ParamsError, match=r"members is \[mine\].*set members: \[mine, ravdess\]"):
        require_watched(reader("voices"), ["mine"])
    with pytest.raises(ParamsError, match=r"corpus mine joins no others;.*set members: \[\]"):
        require_watched(reader("mine"), ["mine", "ravdess"])


def test_what_stage_members_writes_changes_with_the_files_and_not_without(raw, monkeypatch):
    monkeypatch.setattr("sys.argv", ["members", "mine"])
    seen = []
    for change in (
        lambda: None,
        lambda: write_media(raw / "mine/more.wav", sample_rate=16000),
        lambda: (raw / "mine/clips.csv").write_text("path,subject,emotion\n"),
        lambda: (raw / "mine/more.wav").rename(raw / "mine/less.wav"),
        lambda: (raw / "mine/less.wav").unlink(),
    ):
        change()
        members.main()
        seen.append(Path("data/members/mine.json").read_text())
    assert len(set(seen)) == 5
    assert folder_fingerprint(raw / "mine") in seen[-1]
    members.main()
    assert Path("data/members/mine.json").read_text() == seen[-1]


def run(*arguments):
    return CliRunner().invoke(app, ["corpora", *arguments], env={"COLUMNS": "200"})


def test_check_reads_all_members_and_warns_of_emotions_that_one_alone_has(raw):
    said = run("check", "voices")
    assert said.exit_code == 0
    assert "21 clips of 6 subjects can be used" in said.output
    assert "corpus: voices` and `members: [mine, ravdess]`" in said.output
    assert "alone" not in said.output
    define({**MAPS, "mine": {"labels": {"W": "anger"}}})
    said = run("check", "voices")
    assert "emotion 'L' is in mine alone, so that no other corpus teaches it" in said.output
    assert "(members.mine.labels in corpus.yaml)" in said.output


def test_the_overview_shows_it_and_what_is_wrong_with_it(raw):
    assert "21 clips, 6 subjects" in run().output
    define({"mine": {}, "nothing": {}})
    said = run().output
    assert "not readable" in said
    assert "members.nothing: corpus: 'nothing' is unknown" in said
