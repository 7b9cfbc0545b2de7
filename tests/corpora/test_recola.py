import builders
import numpy as np
import pytest

from avlib.corpora.common.avec import read_frames
from avlib.corpora.common.describe import describe
from avlib.corpora.recola import feature_files
from avlib.corpora.recola.gold_standard import gold_standard
from avlib.registry import reader
from avlib.runtime.errors import CorpusError

AROUSAL = [-0.0229, -0.0229, 0.01, 0.5]
VALENCE = [0.1, 0.2, 0.3, -0.4]


@pytest.fixture
def folder(tmp_path):
    """One recording of each part, labelled but for the test part."""
    for name in ("train_1", "dev_2", "test_3"):
        builders.recola_recording(tmp_path, name, seconds=0.1)
    builders.recola_ratings(tmp_path, "train_1", AROUSAL, VALENCE)
    builders.recola_ratings(tmp_path, "dev_2", VALENCE, AROUSAL, suffix=".csv")
    return tmp_path


def listing(folder):
    return reader("recola").recordings(folder)


def test_recordings_have_partitions_and_no_emotion(folder):
    found = {clip.clip_id: clip for clip in listing(folder).recordings}
    assert {name: clip.partition for name, clip in found.items()} == {
        "train_1": "train", "dev_2": "validation", "test_3": "test",
    }  # fmt: skip
    assert {clip.emotion for clip in found.values()} == {None}
    clip = found["train_1"]
    assert (clip.subject, clip.start, clip.end) == ("train_1", None, None)
    assert clip.video_path == "recordings_video/train_1.mp4"
    assert clip.audio_path == "recordings_audio/train_1.wav"


def test_the_gold_standard_becomes_traces_and_their_means(folder):
    found = listing(folder)
    traces = dict(iter(found.traces.groupby("clip_id")))
    assert set(traces) == {"train_1", "dev_2"}
    for name, arousal, valence in (("train_1", AROUSAL, VALENCE), ("dev_2", VALENCE, AROUSAL)):
        assert traces[name]["time"].to_numpy() == pytest.approx([0, 0.04, 0.08, 0.12])
        assert traces[name]["arousal"].tolist() == arousal
        assert traces[name]["valence"].tolist() == valence
    means = {clip.clip_id: (clip.arousal, clip.valence) for clip in found.recordings}
    assert means["train_1"] == pytest.approx((np.mean(AROUSAL), np.mean(VALENCE)))
    assert means["test_3"] == (None, None)
    assert "1 test recordings have no labels, which are not published" in found.notes


def test_a_video_gives_its_own_sound_where_there_is_no_audio_file(tmp_path):
    builders.recola_recording(tmp_path, "train_1", kinds=("video",), seconds=0.1)
    (clip,) = listing(tmp_path).recordings
    assert clip.audio_path == "recordings_video/train_1.mp4"
    assert describe(clip, tmp_path).status == "ok"


def test_a_training_recording_without_labels_is_noted(folder):
    builders.recola_recording(folder, "train_4", seconds=0.1)
    assert any(
        "train_4: no file in ratings_gold_standard" in note for note in listing(folder).notes
    )


def test_labels_without_their_recording_are_missing_clips(folder):
    builders.recola_ratings(folder, "dev_9", AROUSAL, VALENCE)
    found = listing(folder)
    assert found.missing == [("dev_9", "neither recording nor features here, only its labels")]


def test_features_and_labels_without_recordings_are_whole_clips(tmp_path):
    values = np.random.default_rng(0).normal(size=(5, 3))
    for name in ("train_1", "test_2"):
        builders.avec_features(tmp_path, "audio", name, values)
    builders.recola_ratings(tmp_path, "train_1", AROUSAL, VALENCE)
    found = listing(tmp_path)
    assert not found.missing
    assert "2 recordings are here as AVEC's features alone: traces.avec: true" in found.notes
    described = [describe(clip, tmp_path) for clip in found.recordings]
    assert [(d.status, d.row["clip_id"]) for d in described] == [
        ("ok", "test_2"), ("ok", "train_1"),
    ]  # fmt: skip
    for one in described:
        assert {one.row[k] for k in ("video_path", "audio_path", "duration", "fps")} == {None}
    builders.avec_features(tmp_path, "audio", "test_2", values + 1)
    again = describe(listing(tmp_path).recordings[0], tmp_path)
    assert again.row["sha256"] != described[0].row["sha256"]


def raters(seed, n=50):
    """Six raters who say much the same at levels of their own."""
    rng = np.random.default_rng(seed)
    felt = np.sin(np.linspace(0, 6, n)) / 2
    return felt[:, None] * rng.uniform(0.5, 1.5, 6) + rng.normal(size=6) / 3


def lins_ccc(x, y):
    """CCC as Lin wrote it."""
    return 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)


def as_avec_does(ratings):
    """The steps of AVEC's description, one after the other."""
    each = range(ratings.shape[1])
    agreed = [np.mean([lins_ccc(ratings[:, a], ratings[:, b]) for b in each if b != a])
              for a in each]  # fmt: skip
    level = np.average(ratings.mean(axis=0), weights=agreed)
    return np.mean([ratings[:, r] - ratings[:, r].mean() + level for r in each], axis=0)


def test_the_authors_own_form_is_read_and_the_gold_standard_made_of_its_six_raters(tmp_path):
    builders.write_media(tmp_path / "RECOLA-Video-recordings" / "P16.mp4", seconds=0.2)
    sound = tmp_path / "RECOLA-Audio-recordings" / "P16.wav"
    builders.write_media(sound, seconds=0.2, sample_rate=44100)
    arousal, valence = raters(0), raters(1)
    builders.recola_raters(tmp_path, "P16", arousal, valence)
    found = listing(tmp_path)
    (clip,) = found.recordings
    assert (clip.clip_id, clip.subject, clip.partition) == ("P16", "P16", None)
    assert clip.audio_path == "RECOLA-Audio-recordings/P16.wav"
    assert not found.unrecognised
    for dimension, ratings in (("arousal", arousal), ("valence", valence)):
        np.testing.assert_allclose(found.traces[dimension], as_avec_does(ratings), atol=1e-4)
    (tmp_path / "partitions.csv").write_text("recording,partition\nP16,dev\n")
    assert listing(tmp_path).recordings[0].partition == "validation"
    (tmp_path / "partitions.csv").write_text("recording,partition\nP16,held\n")
    with pytest.raises(CorpusError, match=r"partitions\.csv: the partition of P16 is 'held'; exp"):
        listing(tmp_path)


def test_a_rater_who_agrees_with_nobody_moves_the_level_little():
    ratings = raters(0)
    odd = np.column_stack([ratings, 1 + np.random.default_rng(1).normal(size=len(ratings)) / 9])
    shift = gold_standard(odd).mean() - gold_standard(ratings).mean()
    assert abs(shift) < abs(odd.mean() - ratings.mean()) / 2


def test_raters_who_are_silent_for_a_while_leave_the_others_standing():
    ratings = raters(0)
    gappy = ratings.copy()
    gappy[10:20, 0] = np.nan
    gappy[30] = np.nan
    found = gold_standard(gappy)
    assert np.flatnonzero(np.isnan(found)).tolist() == [30]
    assert np.isfinite(gold_standard(np.full((4, 6), 0.5))).all()


def test_ratings_of_single_raters_are_not_the_gold_standard(folder):
    path = folder / "ratings_individual" / "arousal" / "train_1.csv"
    path.parent.mkdir(parents=True)
    path.write_text("time; FM1 ;FM2\n0;1;1\n")
    assert listing(folder).traces["arousal"].max() == 0.5


HEAD = "@relation x\n@attribute n string\n@attribute frameTime numeric\n@attribute g numeric\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no arff file"),
        ("<html>", "is no arff file"),
        (HEAD + "@data\n", "holds no rows"),
        (HEAD + "@data\na,0,1\na,0.04\n", "row 2 of its data has 2 cells, the first has 3"),
        (HEAD + "@data\na,0,1\na,0.04,high\n", "row 2 of its data holds 'high'"),
        (HEAD + "@data\na,0.04,1\na,0,1\n", r"row 2 of its data .* \(frameTime\) 0 after 0\.04;"),
        (HEAD + "@data\na,0,1\na,?,1\n", r"row 2 of its data .* \(frameTime\) nan after 0;"),
        (
            HEAD + "@data\na,0,1\na,0.04,1\na,0.04,1\n",
            r"row 3 .* 0\.04 after 0\.04; expected seconds",
        ),
        (HEAD + "@data\na,-1,1\na,0.04,1\n", r"row 1 .* \(frameTime\) -1; .* begin at 0"),
        (HEAD + "@data\na,0,1\na,0.04,-inf\n", "row 2 of its data holds '-inf', expected a number"),
        (HEAD + "@data\na,0,1e308\na,0.04,1\n", "row 1 of its data holds '1e308'"),
        (HEAD + "@data\na,0,1\na,0.04," + "1" * 200_000, "is no table of numbers .field larger"),
        (HEAD + "@data\na,0,?\na,0.04,?\n", "holds no value at all"),
        (HEAD + "@data\n0,1\n0.04,1\n", "declares 3 columns, but its rows have 2"),
        (HEAD + "@data\na,0,1\na,0.04,1\n", "its 2 times are not the 4"),
        (HEAD + "@attribute h numeric\n@data\na,0,1,2\n", "2 columns of values, expected one"),
        ("@attribute a string\n@data\nx\n", "0 columns of numbers"),
    ],
)
def test_a_broken_gold_standard_is_one_clear_line(folder, text, words):
    path = folder / "ratings_gold_standard" / "valence" / "train_1.arff"
    path.write_text(text)
    with pytest.raises(CorpusError, match=words) as caught:
        listing(folder)
    assert str(path) in str(caught.value)


def test_one_dimension_alone_is_refused(folder):
    (folder / "ratings_gold_standard" / "valence" / "train_1.arff").unlink()
    with pytest.raises(CorpusError, match=r"train_1\.arff: has no counterpart for valence"):
        listing(folder)


def test_a_missing_moment_stays_missing(folder):
    path = folder / "ratings_gold_standard" / "arousal" / "train_1.arff"
    path.write_text(path.read_text().replace(",0.01", ",?"))
    trace = listing(folder).traces.query("clip_id == 'train_1'")
    assert trace["arousal"].isna().tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "frameTime;GoldStandard\n0;1\n0.04;2\n",
        "frameTime,GoldStandard\r\n0,1\r\n0.04,2\r\n",
        "train_1,0,1\ntrain_1,0.04,2\n",
        "0,1\n0.04,2\n",
        "\ufeffName;GoldStandard;frameTime\ntrain_1;1;0\ntrain_1;2;0.04\n",
    ],
)
def test_csv_variants_say_the_same(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    assert read_frames(tmp_path / "a.csv").to_numpy().tolist() == [[0, 1], [0.04, 2]]


def test_features_are_found_and_read_as_written(folder):
    values = np.random.default_rng(0).normal(size=(5, 88))
    builders.avec_features(folder, "audio", "train_1", values)
    files = feature_files(folder)
    assert set(files) == {("train_1", "audio", "arousal"), ("train_1", "audio", "valence")}
    table = read_frames(files["train_1", "audio", "valence"])
    assert list(table)[:2] == ["time", "feature 0"]
    np.testing.assert_array_equal(table.iloc[:, 1:], values)
    assert any("features are here (audio)" in note for note in listing(folder).notes)
