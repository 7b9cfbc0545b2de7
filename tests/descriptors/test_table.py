"""One clip's rows of a table of the user's: which count, when they are, what is said of others."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from avlib import registry
from avlib.descriptors.table import TableInput, table_rows
from avlib.descriptors.table_audio import AudioTable
from avlib.descriptors.table_video import VideoTable
from avlib.descriptors.tables import VIDEO
from avlib.runtime.errors import DataError, ParamsError
from avlib.runtime.memo import digest_of
from avlib.runtime.tables.schema import conform_clip

KEYS = {
    "path": "tables", "clip_column": None, "clip_name": None, "columns": None, "rate": None,
}  # fmt: skip
AUS = VideoTable(names=("AU01", "AU12"))
FPS = 25.0


def frames(n=5, **columns):
    """Two action units in n frames: 0.0, 1.0, ... and 0.0, 0.5, ..."""
    return pd.DataFrame({"AU01": np.arange(n), "AU12": np.arange(n) / 2}).assign(**columns)


def rows_of(rows, table=AUS, duration=None, fps=FPS):
    seconds = len(rows) / FPS if duration is None else duration
    return table_rows(TableInput("x/a.csv", rows, seconds, fps), table)


def test_rows_are_the_tables_in_the_order_of_the_columns_that_were_found():
    result = rows_of(frames(), replace(AUS, names=("AU12", "AU01")))
    table = conform_clip(result.columns, "a", VIDEO)
    assert table["descriptor"].to_pylist() == [[i / 2, i] for i in range(5)]
    assert table["time"].to_pylist() == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert table["frame"].to_pylist() == [0, 1, 2, 3, 4]
    assert (result.status, result.reason) == ("ok", "")


@pytest.mark.parametrize("column", ["timestamp", "time", "frameTime"])
def test_a_column_of_times_tells_when_rows_are(column):
    times = [0.0, 0.1, 0.2, 0.7, 0.8]
    result = rows_of(frames(**{column: times}), replace(AUS, rate=9.0), duration=0.9)
    assert result.columns["time"].tolist() == times


def test_else_the_tables_own_rate_and_else_the_videos():
    assert rows_of(frames(), replace(AUS, rate=50.0)).columns["time"][-1] == pytest.approx(0.08)
    every_third = frames(frame=[0, 3, 6, 9, 12])
    assert rows_of(every_third, duration=0.5).columns["time"] == pytest.approx(
        [0.0, 0.12, 0.24, 0.36, 0.48]
    )
    with pytest.raises(DataError, match=r"x/a\.csv: .*timestamp.*set video\.table\.rate"):
        rows_of(frames(), fps=None)


def test_openface_rows_without_success_or_confidence_have_no_face():
    rows = frames(6, success=[1, 0, 1, 1, 1, 1], confidence=[0.98, 0.9, 0.3, 0.8, np.nan, 0.81])
    result = rows_of(rows, replace(AUS, min_confidence=0.8))
    assert result.columns["frame"].tolist() == [0, 3, 5]
    assert result.status == "ok"
    assert rows_of(rows).columns["frame"].tolist() == [0, 2, 3, 5]


def test_py_feat_writes_frames_without_a_face_as_nan_and_several_faces_as_rows():
    rows = pd.DataFrame(
        {
            "frame": [0, 1, 1, 2, 3],
            "FaceScore": [0.9, 0.7, 0.95, np.nan, 0.9],
            "AU01": [1, 2, 3, np.nan, 4],
            "AU12": [0, 0, 0, np.nan, 0],
        }
    )
    result = rows_of(rows)
    assert result.columns["descriptor"][:, 0].tolist() == [1, 3, 4]
    assert result.columns["time"] == pytest.approx([0.0, 0.04, 0.12])
    assert result.status == "ok"


def test_a_row_that_lacks_some_number_is_left_out_and_said():
    rows = frames()
    rows.loc[1, "AU12"] = np.nan
    rows.loc[3, "AU12"] = 1e300  # no float32
    result = rows_of(rows)
    assert result.columns["frame"].tolist() == [0, 2, 4]
    assert result.status == "degraded"
    assert result.reason == "x/a.csv: 2 of 5 rows left out: no number in column AU12"
    with pytest.raises(DataError, match="5 of 5 rows left out: no number in column AU12"):
        rows_of(frames(AU12=np.nan))


def test_a_column_without_any_number_is_named_with_what_to_do_about_it():
    rows = frames(AU01=[0, np.nan, 2, 3, 4], AU12=np.nan)
    clip = TableInput("x/a.csv", rows, 0.2, FPS, empty={"AU12": "24 of 40", "AU45": "3 of 40"})
    said = (
        r"no number in column AU12 \(empty in 24 of 40 clips\): leave it out with video\.table\.col"
    )
    with pytest.raises(DataError, match=said):
        table_rows(clip, AUS)
    with pytest.raises(
        DataError, match=r"no number in column AU12: leave it out with video\.table"
    ):
        rows_of(rows)
    by_turns = frames(AU01=[np.nan, 1, 2, 3, np.nan], AU12=[1, np.nan, np.nan, np.nan, 5])
    with pytest.raises(DataError, match=r"5 of 5 rows left out: no number in column AU12$"):
        rows_of(by_turns)


@pytest.mark.parametrize(
    "rows",
    [frames(0), frames(3, success=0), frames(3, AU01=np.nan, AU12=np.nan)],
    ids=["no rows", "no success", "no numbers"],
)
def test_a_clip_without_any_face_is_degraded(rows):
    result = rows_of(rows, duration=0.1)
    assert len(conform_clip(result.columns, "a", VIDEO)) == 0
    assert (result.status, result.reason) == ("degraded", f"x/a.csv: no face in {len(rows)} rows")


@pytest.mark.parametrize("seconds", [1.0, 4.0])
def test_another_length_than_the_clips_is_said_and_the_rows_are_kept(seconds):
    result = rows_of(frames(50), duration=seconds)
    assert len(result.columns["time"]) == 50
    assert result.status == "degraded"
    assert result.reason == f"x/a.csv: 50 rows end at 2.00 s, the clip at {seconds:.2f} s"
    assert rows_of(frames(50), duration=2.4).status == "ok"


@pytest.mark.parametrize(("step", "hint"), [(40, True), (36, True), (20, False), (1, False)])
def test_times_in_milliseconds_are_recognised_by_the_clips_length(step, hint):
    rows = frames(50, timestamp=np.arange(50) * step)
    result = rows_of(rows, duration=2.0)
    assert result.status == "degraded"
    assert ("the times look like milliseconds; expected seconds" in result.reason) == hint
    assert "milli" not in rows_of(frames(50), replace(AUS, rate=0.025), duration=2.0).reason


def test_fewer_rows_per_second_where_section_video_says_so():
    result = rows_of(frames(26), replace(AUS, fps=5.0))
    assert result.columns["frame"].tolist() == [0, 5, 10, 15, 20, 25]


def test_level_clip_is_one_row_in_the_middle_of_the_clip():
    clip = replace(AUS, level="clip")
    result = rows_of(frames(1, success=0.7), clip, duration=3.0)  # a mean of success
    assert result.columns["time"].tolist() == [1.5]
    assert result.columns["descriptor"].tolist() == [[0.0, 0.0]]
    with pytest.raises(DataError, match=r"5 rows for this clip.*set video\.level to frames"):
        rows_of(frames(), clip)
    sound = AudioTable(names=("AU01", "AU12"), level="clip")
    assert rows_of(frames(1), sound).columns["descriptor"].tolist() == [[0.0, 0.0]]


WRONG = {
    "lacks column AU12, which most": frames().drop(columns="AU12"),
    "has column AU45, which most tables do not": frames(AU45=0.0),
    "column AU01 holds 'much'; expected a number": frames(AU01=["1", "2", "much", "4", "5"]),
    r"column AU01 holds '\[0, 1\]'": frames(AU01=pd.Series([[0, 1]] * 5)),
    "column AU01 holds '2020-01-01": frames(AU01=pd.Timestamp("2020-01-01")),
    "holds the time 0.04 s after 0.08": frames(time=[0, 0.04, 0.08, 0.04, 0.08]),
    "holds the time nan s": frames(time=[np.nan, 1, 2, 3, 4]),
}


@pytest.mark.parametrize("said", WRONG)
def test_what_is_wrong_costs_the_clip_and_says_why(said):
    with pytest.raises(DataError, match=rf"^x/a\.csv: .*{said}"):
        rows_of(WRONG[said], duration=0.2)


def test_columns_that_nobody_asked_for_do_not_matter():
    assert rows_of(frames(AU45=0.0), replace(AUS, columns=("AU01", "AU12"))).status == "ok"


def test_two_tables_of_a_clip_are_one_too_many():
    clip = TableInput("a.csv", frames(), 0.2, FPS, ("b/a.csv",))
    with pytest.raises(DataError, match=r"a\.csv and b/a\.csv are both of this clip"):
        table_rows(clip, AUS)


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        (None, ["AU01_r", "AU01_c", "mfcc[1]"]),
        (("AU*_r",), ["AU01_r"]),
        (("mfcc[1]", "AU*"), ["AU01_r", "AU01_c", "mfcc[1]"]),
        (("AU01",), []),
        (("confidence",), ["confidence"]),
    ],
)
def test_columns_by_name_or_pattern_or_all_numbers_that_are_not_about_the_row(columns, chosen):
    about = ["frame", "face_id", "timestamp", "confidence", "success", "FaceScore"]
    found = [*about, "name", "AU01_r", "AU01_c", "mfcc[1]"]
    numeric = [column for column in found if column != "name"]
    assert list(VideoTable(columns=columns).select(found, numeric)) == chosen


@pytest.mark.parametrize("name", ["emotion", "Label", "ACTOR", "subject", "arousal", "Fold", "id"])
def test_what_is_known_of_the_clip_is_a_descriptor_only_where_it_is_asked_for(name):
    found = ["AU01_r", name, "sadness", "participants"]
    assert VideoTable().select(found, found) == ("AU01_r", "sadness", "participants")
    assert VideoTable(columns=("AU*", name)).select(found, found) == ("AU01_r", name)


def test_settings_are_those_of_the_section():
    video = {
        "descriptor": "table", "level": "clip", "fps": 5.0, "layer": "fc6",
        "table": KEYS | {"min_confidence": 0.5, "columns": ["AU*"]},
    }  # fmt: skip
    made = registry.descriptor("video", video)
    assert (made.modality, made.level, made.fps) == ("video", "clip", 5.0)
    assert (made.min_confidence, made.columns) == (0.5, ("AU*",))
    audio = {"descriptor": "table", "level": "windows", "window": 1.0, "hop": 0.5, "table": KEYS}
    made = registry.descriptor("audio", audio)
    assert (made.modality, made.level, made.columns) == ("audio", "windows", None)
    with pytest.raises(ParamsError, match=r"video\.level is clip, but geometry describes frames"):
        registry.descriptor("video", video | {"descriptor": "geometry"})


def test_where_a_table_stands_computes_nothing_anew():
    moved = replace(AUS, path="elsewhere", clip_name="(.*)", clip_column="name")
    assert digest_of(moved) == digest_of(AUS)
    for change in ({"min_confidence": 0.5}, {"names": ("AU01",)}, {"rate": 9.0}, {"fps": 5.0}):
        assert digest_of(replace(AUS, **change)) != digest_of(AUS)
