"""Tables through the feature stages: which clip they are, and what becomes of every clip."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from avlib.corpora.common.tables import CLIPS
from avlib.descriptors.table_clips import own_tables
from avlib.descriptors.table_names import ClipNames, clip_of
from avlib.descriptors.table_video import VideoTable
from avlib.params import load
from avlib.runtime import tables
from avlib.runtime.errors import DataError, ParamsError
from avlib.runtime.per_clip import CLIP_STATUS
from avlib.runtime.tables import read_table, vectors
from stages import audio_features, video_features

PROJECT = Path(__file__).parents[2]
# As RAVDESS's: sound is 03-..., the tables of faces are called 01-...
CLIP_IDS = [
    f"0{emotion}-0{take}-{actor}" for actor in (11, 12) for emotion in (1, 2) for take in (1, 2)
]
FRAMES = 10


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of eight clips, which have sound and no video, and one more that failed before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    row = dict.fromkeys(CLIPS.columns)
    clips = [
        row | {"clip_id": clip_id, "corpus": "c", "subject": clip_id[-2:], "sha256": clip_id,
               "audio_path": f"Actor/03-{clip_id}.wav", "duration": FRAMES / 25}
        for clip_id in CLIP_IDS
    ]  # fmt: skip
    columns = {key: [clip[key] for clip in clips] for key in row}
    tables.write_table(Path("data/clips.parquet"), columns, CLIPS)
    for stage in ("faces", "speech"):
        Path("data", stage).mkdir()
        verdicts = {
            "clip_id": ["broken.wav", CLIP_IDS[0]],
            "stage": [stage] * 2,
            "status": ["failed"] * 2,
            "reason": ["failed in clips: no file", f"only in {stage}"],
        }
        tables.write_table(Path(f"data/status/{stage}.parquet"), verdicts, CLIP_STATUS)
    Path("data/raw/tables").mkdir(parents=True)
    (tmp_path / "dvc.yaml").write_text((PROJECT / "dvc.yaml").read_text())
    settings(video={"descriptor": "table"}, video_table={"rate": 25.0, "clip_name": r"\d\d-(.+)"})
    return tmp_path / "data/raw/tables"


def settings(max_failed_fraction=0.05, **changes):
    """Write params.yaml: keys of sections, or (``video_table``) of the table in a section."""
    path = Path("params.yaml")
    values = yaml.safe_load((path if path.exists() else PROJECT / path).read_text())
    values["corpus"] = "ravdess"  # no values of the demo laid over
    values["max_failed_fraction"] = max_failed_fraction
    for section, keys in changes.items():
        section, _, inner = section.partition("_")
        (values[section][inner] if inner else values[section]).update(keys)
    path.write_text(yaml.safe_dump(values))


def units(clip_id):
    """What the made table says of a clip: two numbers a frame that tell it from all others."""
    return np.arange(2 * FRAMES).reshape(FRAMES, 2) + 100.0 * CLIP_IDS.index(clip_id)


def frame_tables(folder, clip_ids=CLIP_IDS, **options):
    """Write a csv a clip, two columns, as OpenFace names them."""
    for clip_id in clip_ids:
        (folder / clip_id[-2:]).mkdir(exist_ok=True)
        table = pd.DataFrame(units(clip_id), columns=["AU01_r", "AU02_r"])
        table.to_csv(folder / clip_id[-2:] / f"01-{clip_id}.csv", index=False, **options)


def verdicts(modality="video"):
    status = read_table(f"data/status/{modality}_features.parquet").set_index("clip_id")
    assert set(status.index) == {*CLIP_IDS, "broken.wav"}, "no clip is lost"
    assert status.loc["broken.wav", "status"] == "failed"
    return status.loc[CLIP_IDS]


def described(modality="video"):
    rows = read_table(f"data/{modality}")
    values = vectors(rows["descriptor"])
    return {c: values[(rows["clip_id"] == c).to_numpy()].tolist() for c in CLIP_IDS}


def test_a_table_a_clip_for_clips_without_video(project):
    frame_tables(project, sep=";")
    video_features.main()
    assert (verdicts()["status"] == "ok").all()
    assert described() == {clip_id: units(clip_id).tolist() for clip_id in CLIP_IDS}
    assert read_table("data/video")["time"].max() == pytest.approx((FRAMES - 1) / 25)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_of_all_clips_a_row_each(project, ending):
    names = [f"01-{clip_id}.mp4" for clip_id in CLIP_IDS]
    table = pd.DataFrame([units(c)[0] for c in CLIP_IDS], columns=["AU01_r", "AU02_r"])
    table = table.assign(input=names, emotion="anger").sample(frac=1, random_state=0)
    if ending == "csv":
        table.to_csv(project / "all.csv")
    else:
        table.to_parquet(project / "all.parquet")
    settings(
        video={"level": "clip"},
        video_table={"path": f"tables/all.{ending}", "clip_column": "input"},
    )
    video_features.main()
    assert (verdicts()["status"] == "ok").all()
    assert described() == {clip_id: [units(clip_id)[0].tolist()] for clip_id in CLIP_IDS}


def test_a_table_of_all_clips_frame_by_frame(project):
    rows = [[clip_id, *row] for clip_id in CLIP_IDS for row in units(clip_id).tolist()]
    pd.DataFrame(rows, columns=["clip", "a", "b"]).to_csv(project / "all.csv", index=False)
    settings(video_table={"clip_column": "clip", "clip_name": None})
    video_features.main()
    assert described() == {clip_id: units(clip_id).tolist() for clip_id in CLIP_IDS}


def test_sound_as_arrays_named_like_its_recordings(project):
    for clip_id in CLIP_IDS:
        np.save(project / f"03-{clip_id}.npy", units(clip_id).astype("f4"))
    settings(audio={"descriptor": "table"}, audio_table={"rate": 25.0})
    audio_features.main()
    assert (verdicts("audio")["status"] == "ok").all()
    assert described("audio") == {clip_id: units(clip_id).tolist() for clip_id in CLIP_IDS}


def test_every_defect_costs_its_own_clip_and_no_other(project, caplog):
    frame_tables(project, CLIP_IDS[1:])
    lacking, surplus, text, copy, longer = (project / c[-2:] / f"01-{c}.csv" for c in CLIP_IDS[1:6])
    pd.DataFrame({"AU01_r": range(FRAMES)}).to_csv(lacking, index=False)
    pd.read_csv(surplus).assign(AU45_r=0.0).to_csv(surplus, index=False)
    text.write_text(text.read_text() + "much,0\n")
    np.save(copy.with_suffix(".npy"), np.zeros((FRAMES, 2)))
    longer.write_text(longer.read_text() + "1,2\n" * 25)
    (project / "notes.csv").write_text("a\n1\n")
    (project / "readme.txt").write_text("no table")
    settings(video_table={"columns": ["AU*_r"]}, max_failed_fraction=0.6)
    caplog.set_level(logging.INFO)
    video_features.main()
    status = verdicts()
    place = f"{CLIP_IDS[1][-2:]}/01-"
    assert status["status"].tolist() == ["degraded", *["failed"] * 4, "degraded", "ok", "ok"]
    expected = [
        "no rows in tables",
        f"{place}{CLIP_IDS[1]}.csv: lacks column AU02_r",
        f"{place}{CLIP_IDS[2]}.csv: has column AU45_r, which most tables do not have",
        f"{place}{CLIP_IDS[3]}.csv: column AU01_r holds 'much'; expected a number",
        f"01-{CLIP_IDS[4]}.npy are both of this clip",
        f"{CLIP_IDS[5]}.csv: 35 rows end at 1.40 s, the clip at 0.40 s",
    ]
    for reason, words in zip(status["reason"], expected, strict=False):
        assert words in reason
    assert [len(described()[clip_id]) for clip_id in CLIP_IDS] == [0, 0, 0, 0, 0, 35, 10, 10]
    left_out = "data/raw/tables: left out, being of no clip: 1 table, such as 'notes.csv'"
    assert left_out in caplog.text


def test_names_in_a_column_are_not_called_tables(project, caplog):
    rows = [[clip_id, 1.0, 2.0] for clip_id in [*CLIP_IDS, "x1", "x2"]]
    table = pd.DataFrame([*rows, *rows], columns=["clip", "a", "b"])
    table.to_csv(project / "all.csv", index=False)
    settings(video_table={"clip_column": "clip", "clip_name": None, "rate": 5.0})
    caplog.set_level(logging.INFO)
    video_features.main()
    said = "left out, being of no clip: 2 names in column clip, such as 'x1'"
    assert said in caplog.text


def test_a_changed_row_computes_its_clip_alone(project, caplog):
    rows = [[clip_id, *units(clip_id)[0]] for clip_id in CLIP_IDS]
    table = pd.DataFrame(rows, columns=["clip", "a", "b"])
    settings(video={"level": "clip"}, video_table={"clip_column": "clip", "clip_name": None})
    table.to_csv(project / "all.csv", index=False)
    video_features.main()
    table.loc[3, "b"] = 77.0
    table.to_csv(project / "all.csv", index=False)
    caplog.set_level(logging.INFO)
    video_features.main()
    assert "computed 1, from memory 7" in caplog.text
    assert described()[CLIP_IDS[3]] == [[units(CLIP_IDS[3])[0, 0], 77.0]]


def test_one_bad_cell_in_a_table_of_all_clips_costs_one_clip(project):
    rows = [[clip_id, *units(clip_id)[0]] for clip_id in CLIP_IDS]
    table = pd.DataFrame(rows, columns=["clip", "a", "b"]).astype({"b": object})
    table.loc[0, "b"], table.loc[1, "b"] = "much", None
    table.to_csv(project / "all.csv", index=False)
    keys = {"clip_column": "clip", "clip_name": None}
    settings(video={"level": "clip"}, video_table=keys, max_failed_fraction=0.3)
    video_features.main()
    status = verdicts()
    assert "column b holds 'much'" in status["reason"].iloc[0]
    assert "no number in column b" in status["reason"].iloc[1]
    assert status["status"].tolist() == ["failed", "failed", *["ok"] * 6]


def test_damaged_arrays_cost_their_own_clips(project):
    for clip_id in CLIP_IDS:
        np.save(project / f"03-{clip_id}.npy", units(clip_id))
    (project / f"03-{CLIP_IDS[0]}.npy").write_bytes(b"")
    np.savez(project / "archive.npz", a=units(CLIP_IDS[1]))
    (project / "archive.npz").rename(project / f"03-{CLIP_IDS[1]}.npy")
    huge = project / f"03-{CLIP_IDS[2]}.npy"
    huge.write_bytes(huge.read_bytes().replace(b"(10, 2), }        ", b"(1000000000, 2), }"))
    settings(audio={"descriptor": "table"}, audio_table={"rate": 25.0}, max_failed_fraction=0.5)
    audio_features.main()
    status = verdicts("audio")
    assert status["status"].tolist() == ["failed"] * 3 + ["ok"] * 5
    assert status["reason"][:3].str.contains("cannot be read as .npy", regex=False).all()


def clips_table(project, **columns):
    """Write a table of all clips, a row each, and settings that read it."""
    table = pd.DataFrame({"clip": CLIP_IDS, "a": [units(c)[0, 0] for c in CLIP_IDS]} | columns)
    table.to_csv(project / "all.csv", index=False)
    settings(video={"level": "clip"}, video_table={"clip_column": "clip", "clip_name": None})
    return table


def test_a_functional_that_most_clips_lack_fails_those_and_not_the_others(project):
    jitter = [np.nan] * 5 + [0.5, 0.25, 0.125]
    clips_table(project, jitter=jitter)
    settings(max_failed_fraction=0.7)
    video_features.main()
    status = verdicts()
    assert status["status"].tolist() == ["failed"] * 5 + ["ok"] * 3
    said = (
        "no number in column jitter (empty in 5 of 8 clips): leave it out with video.table.columns"
    )
    assert status["reason"][:5].str.contains(said, regex=False).all()
    assert [described()[c][0][1] for c in CLIP_IDS[5:]] == jitter[5:]
    settings(video_table={"columns": ["a"]})
    video_features.main()
    assert (verdicts()["status"] == "ok").all()


def test_the_same_where_each_clip_has_its_file(project):
    for i, clip_id in enumerate(CLIP_IDS):
        row = pd.DataFrame({"a": [i + 0.5], "jitter": [np.nan if i < 5 else 0.5]})
        row.to_csv(project / f"01-{clip_id}.csv", index=False)
    settings(video={"level": "clip"}, max_failed_fraction=0.7)
    video_features.main()
    status = verdicts()
    assert status["status"].tolist() == ["failed"] * 5 + ["ok"] * 3
    assert "no number in column jitter: leave it out" in status["reason"].iloc[0]


def test_what_is_text_in_the_table_is_no_number_in_one_clip(project):
    clips_table(project, note=[*(["good"] * 6), "1", "2"])
    video_features.main()
    assert (verdicts()["status"] == "ok").all()
    assert described()[CLIP_IDS[7]] == [[units(CLIP_IDS[7])[0, 0]]]


def test_labels_and_identities_are_passed_over_and_said(project, caplog):
    codes = np.arange(8) % 3
    clips_table(project, emotion=codes, Actor=codes, z=codes, note="x", frame=0)
    caplog.set_level(logging.INFO)
    video_features.main()
    assert described()[CLIP_IDS[1]] == [[100.0, 1.0]]
    said = "data/raw/tables: columns used: a, z; passed over: Actor, emotion, frame, note"
    assert said in caplog.text
    settings(video_table={"columns": ["a", "emotion"]})
    video_features.main()
    assert described()[CLIP_IDS[4]] == [[400.0, 1.0]]


def test_a_column_that_tells_the_emotion_stops_the_stage(project):
    ids = [f"c{i:02}" for i in range(12)]
    row = dict.fromkeys(CLIPS.columns)
    rows = [row | {"clip_id": c, "corpus": "c", "subject": "s", "sha256": c, "duration": 1.0,
                   "emotion": ("anger", "joy")[i % 2]} for i, c in enumerate(ids)]  # fmt: skip
    tables.write_table(
        Path("data/clips.parquet"), {key: [r[key] for r in rows] for key in row}, CLIPS
    )
    table = pd.DataFrame({"clip": ids, "a": np.arange(12) ** 0.5, "code": [1, 4] * 6})
    table.to_csv(project / "all.csv", index=False)
    settings(video={"level": "clip"}, video_table={"clip_column": "clip", "clip_name": None})
    with pytest.raises(DataError, match=r"^data/raw/tables: column code tells the emotion: .*list"):
        video_features.main()
    settings(video_table={"columns": ["a", "code"]})
    video_features.main()
    assert len(read_table("data/video")) == 12


def test_two_names_of_one_clip_in_one_file_are_two_tables_of_it(project):
    names = [f"0{m}-{clip_id}.mp4" for clip_id in CLIP_IDS for m in (1, 2)]
    rows = [[name, 1.0] for name in [*names[:3], *names[4::2]] for _ in range(FRAMES)]
    pd.DataFrame(rows, columns=["clip", "a"]).to_csv(project / "all.csv", index=False)
    settings(video_table={"clip_column": "clip"}, max_failed_fraction=0.2)
    video_features.main()
    status = verdicts()
    assert status["status"].tolist() == ["failed", *["ok"] * 7]
    assert (
        f"all.csv ({names[0]}) and all.csv ({names[1]}) are both of this clip"
        in status["reason"].iloc[0]
    )


def test_the_folder_of_a_table_of_many_clips_counts_where_its_cells_have_none(project):
    for actor in (11, 12):
        (project / f"Actor_{actor}").mkdir()
        rows = [[f"take{take}", float(f"{actor}{take}")] for take in range(4)]
        table = pd.DataFrame(rows, columns=["clip", "a"])
        table.to_csv(project / f"Actor_{actor}" / "all.csv", index=False)
    clips = read_table("data/clips.parquet")
    clips["audio_path"] = [
        f"Actor_{c[-2:]}/take{CLIP_IDS.index(c) % 4}.wav" for c in clips["clip_id"]
    ]
    tables.write_table(Path("data/clips.parquet"), clips, CLIPS)
    settings(video={"level": "clip"}, video_table={"clip_column": "clip", "clip_name": None})
    video_features.main()
    expected = [[[float(f"{actor}{take}")]] for actor in (11, 12) for take in range(4)]
    assert list(described().values()) == expected


def wrong(project, name):
    """Write tables that are wrong as a whole; return params and what is said."""
    frame_tables(project)
    if name == "nothing there":
        return {"path": "nowhere"}, r"data/raw/nowhere: no table there; expected files \.arff, "
    if name == "other names":
        return {"clip_name": None}, (
            r"none of its 8 tables belongs to a clip; found '11/01-01-01-11\.csv', expected such as"
            r" '01-01-11': set video\.table\.clip_name"
        )
    if name == "no rows":
        for file in project.rglob("*.csv"):
            file.write_text("clip,a\n")
        return {
            "clip_column": "clip"
        }, "none of its 0 names in column clip belongs to a clip; found no"
    if name == "no such column":
        return {"columns": ["AU*_c", "AU01_r"]}, r"no column AU\*_c; found AU01_r, AU02_r: correct"
    if name == "no column of clips":
        return {"clip_column": "name"}, r"11/01-01-01-11\.csv: no column name; found AU01_r, AU02_r"
    for file in project.rglob("*.csv"):
        file.write_text("a,b\nx,y\n")
    return {}, "no columns of numbers in its tables; all hold text"


@pytest.mark.parametrize(
    "name",
    ["nothing there", "other names", "no rows", "no such column", "no column of clips", "text"],
)
def test_what_is_wrong_as_a_whole_is_one_line(project, name):
    changes, said = wrong(project, name)
    settings(video_table=changes)
    with pytest.raises(DataError, match=said) as caught:
        video_features.main()
    assert "\n" not in str(caught.value)


def test_most_tables_tell_the_columns_also_where_the_first_is_the_odd_one(project):
    frame_tables(project)
    first = project / "11" / f"01-{CLIP_IDS[0]}.csv"
    pd.DataFrame({"AU99_r": range(FRAMES)}).to_csv(first, index=False)
    params = load(("video",)).video.table
    table = VideoTable(path="tables", clip_name=params.clip_name, rate=25.0)
    found, tasks, skipped = own_tables(table, Path("data/status/faces.parquet"))
    assert found.names == ("AU01_r", "AU02_r")
    assert found.dim == 2
    assert {task.clip_id for task in tasks} == set(CLIP_IDS)
    assert set(skipped) == {"broken.wav"}, "what failed in the stage before may have a table"


def test_links_are_followed(project, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    frame_tables(tmp_path / "elsewhere")
    (project / "openface").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    video_features.main()
    assert (verdicts()["status"] == "ok").all()


def of_recordings(*rows):
    return pd.DataFrame(rows, columns=["clip_id", "video_path", "audio_path"])


@pytest.mark.parametrize(
    ("called", "clip_id"),
    [
        ("s1_an1", "s1_an1"),
        ("deep/er/s1_an1.csv", "s1_an1"),
        ("s2/s1_an1.csv", "s1_an1"),  # a clip_id says all
        ("s1/an1.csv", "s1_an1"),
        ("s2\\an1.avi", "s2_an1"),
        ("/data/rml/s1/an1.avi", "s1_an1"),
        ("D:\\rml\\s2\\an1.avi", "s2_an1"),
        ("/home/s2/rml/s1/an1.avi", "s1_an1"),  # the whole path: what is above is not the corpus
        ("openface/s2/an1.csv", "s2_an1"),
        ("an1.csv", None),  # of either subject
        ("other/an1.csv", None),
        ("su3", "s1_su3"),
        ("'su3'", "s1_su3"),
        ("openface/su3.csv", "s1_su3"),
        ("s2/su3.csv", None),  # another subject's
        ("s2/openface/su3.csv", None),
        ("v1.2_u", "v1.2_u"),
        ("s1/v1.2_u.csv", "v1.2_u"),
        ("session1/s3/hot.csv", "h"),
        ("s3/hot.csv", "h"),
        ("session2/s3/hot.csv", None),
        ("session2/s3/cold.csv", "c"),
        ("other", None),
        ("s1/other.csv", None),
        ("", None),
        ("/", None),
    ],
)
def test_a_table_is_called_like_a_clip_or_its_recording(called, clip_id):
    clips = of_recordings(
        ("s1_an1", "s1/an1.avi", "s1/an1.avi"),
        ("s2_an1", "s2/an1.avi", None),
        ("s1_su3", None, "s1/su3.wav"),
        ("v1.2_u", None, None),
        ("h", "session1/s3/warm.avi", "session1/s3/hot.wav"),
        ("c", "session2/s3/cold.avi", None),
        ("v1", None, "s1/v1.wav"),
    )
    assert clip_of(called, ClipNames.of(clips)) == clip_id


@pytest.mark.parametrize(
    ("clip_name", "called", "clip_id"),
    [
        (r"\d\d-(.+)", "Actor/01-01-11.csv", "01-11"),
        (r"(.+)_of", "s1/an1_of.csv", "s1_an1"),
        (r"(.+)_of", "/data/of/s2/an1_of.csv", "s2_an1"),
        (r"(.+)_of", "an1_of.csv", None),
        (r"(.+)_of", "s2/su3_of.csv", None),
        (r"(.+)\.mp4", "s1/an1.mp4.csv", "s1_an1"),
        (r"(.+)/features", "s2/an1/features.csv", "s2_an1"),
        (r"(?:.*/)?(s\d/an\d)/.*", "of/s2/an1/features.csv", "s2_an1"),
        (r"(.+)_of", "s1/an1.csv", None),
    ],
)
def test_clip_name_matches_the_name_or_more_of_the_paths_end(clip_name, called, clip_id):
    clips = of_recordings(
        ("s1_an1", "s1/an1.avi", None),
        ("s2_an1", "s2/an1.avi", None),
        ("s1_su3", "s1/su3.avi", None),
        ("01-11", None, "Actor/03-01-11.wav"),
    )
    assert clip_of(called, ClipNames.of(clips), clip_name) == clip_id


def test_a_recording_above_others_of_its_name_is_called_by_its_path():
    clips = of_recordings(("a", "s1/an1.avi", None), ("b", "more/s1/an1.avi", None))
    names = ClipNames.of(clips)
    assert [clip_of(f"{path}.csv", names) for path in ("s1/an1", "more/s1/an1")] == ["a", "b"]


def test_a_recording_of_many_clips_names_none_of_them():
    clips = of_recordings(("v_1", "v.mp4", "v.mp4"), ("v_2", "v.mp4", "v.mp4"))
    assert clip_of("v.csv", ClipNames.of(clips)) is None
    assert clip_of("v_2.csv", ClipNames.of(clips)) == "v_2"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("path", "/etc", "expected the path of a file or folder below data/raw"),
        ("path", "../weights", "below data/raw"),
        ("path", "a/../../b", "below data/raw"),
        ("path", ".", "below data/raw"),
        ("clip_name", "(", "is no regular expression"),
        ("clip_name", ".*", "has 0 groups"),
        ("columns", [], "at least 1"),
        ("columns", ["a", "a"], "twice"),
        ("rate", 0, "greater than 0"),
        ("min_confidence", 2.0, "less than or equal to 1"),
        ("colums", ["a"], "did you mean columns"),
    ],
)
def test_impossible_settings_are_one_line(project, key, value, said):
    settings(video_table={key: value})
    with pytest.raises(ParamsError, match=rf"video\.table.*{key}.*{said}"):
        load(("video",))
