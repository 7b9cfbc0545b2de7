import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from avlib.corpora.common import tables as corpus_tables
from avlib.corpora.common.base import no_votes
from avlib.protocol_params import Protocol
from avlib.registry import reader
from avlib.report import report_data
from avlib.report.human_raters import human_raters_beside_systems, recognition
from avlib.report.published import Beside, Raters
from avlib.report.report_data import ReportData
from avlib.runtime.tables import read_table, write_table

PROTOCOL = Protocol(
    name="subject_kfold", k=3, folds=None, validation=0.25, validation_by="subjects", seed=0
)
COLUMNS = ["clip_id", "modality", "emotion", "ratings"]


def votes(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)


CLIPS = pd.DataFrame({"clip_id": ["x", "y", "z"], "emotion": ["anger", "anger", "fear"]})
VOTES = votes(
    ("x", "audio", "anger", 6),
    ("x", "audio", "fear", 4),
    ("y", "audio", "anger", 3),
    ("y", "audio", "fear", 0),
    ("z", "audio", "anger", 4),
    ("z", "audio", "fear", 1),
    ("x", "video", "joy", 8),
    ("x", "video", "anger", 2),
)


def test_rates_count_single_ratings_and_emotions_alike():
    found = recognition(VOTES, CLIPS)
    assert list(found) == ["audio", "video"]
    voice = found["audio"]
    assert (voice["clips"], voice["ratings"]) == (3, 18)
    assert voice["accuracy"] == pytest.approx(10 / 18)
    assert voice["recall"] == pytest.approx({"anger": 9 / 13, "fear": 1 / 5})
    assert voice["uar"] == pytest.approx((9 / 13 + 1 / 5) / 2)
    assert found["video"]["recall"] == pytest.approx({"anger": 0.2})


def test_only_the_given_clips_with_an_emotion_count():
    clips = CLIPS.assign(emotion=["anger", None, "fear"]).iloc[:2]
    found = recognition(VOTES, clips)["audio"]
    assert (found["clips"], found["ratings"], found["accuracy"]) == (1, 10, 0.6)


def test_clips_that_nobody_rated_have_no_rates():
    assert recognition(VOTES, CLIPS.assign(clip_id=["p", "q", "r"])) == {}
    assert recognition(votes(("x", "audio", "anger", 0)), CLIPS) == {}
    assert recognition(votes(), CLIPS) == {}


def rated(tiny, share=10):
    """Ten ratings of every clip for voice and for both; so many are right."""
    rows = []
    for clip, emotion in zip(tiny.clips["clip_id"], tiny.clips["emotion"], strict=True):
        other = "disgust" if emotion == "anger" else "anger"
        for modality, right in (("audio", 4), ("audio+video", 7)):
            rows += [(clip, modality, emotion, right), (clip, modality, other, share - right)]
    return votes(*rows)


def run_of(tiny, table, corpus="demo", folds=None):
    folds = tiny.folds if folds is None else folds
    predictions = {"merml": tiny.predict()}
    return ReportData(corpus, PROTOCOL, tiny.clips, folds, tiny.status, predictions, votes=table)


def test_human_raters_and_systems_stand_in_one_table(tiny):
    run = run_of(tiny, rated(tiny))
    section = human_raters_beside_systems(run)
    (table,) = section.tables
    who = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert list(who) == ["raters, voice", "raters, both", "merml"]
    assert who["raters, voice"]["accuracy (%)"] == "40.0"
    assert who["raters, both"]["anger"] == "70.0"
    pooled = run.scores["merml"]["pooled"]
    assert who["merml"]["accuracy (%)"] == f"{100 * pooled['accuracy']:.1f}"
    assert who["merml"]["disgust"] == f"{100 * pooled['recall']['disgust']:.1f}"
    assert "36 of the 36 test clips, 720 single ratings" in section.text[0]


def test_human_raters_are_counted_over_the_clips_that_are_tested(tiny):
    kept = tiny.folds[tiny.folds["fold"] == 0]
    tested = kept.loc[kept["part"] == "test", "clip_id"]
    table = rated(tiny)
    hit = table["clip_id"].isin(tested)
    table.loc[~hit, "ratings"] = 1000  # must not be seen
    predictions = {"merml": tiny.predict().query("fold == 0").reset_index(drop=True)}
    run = ReportData("demo", PROTOCOL, tiny.clips, kept, tiny.status, predictions, votes=table)
    section = human_raters_beside_systems(run)
    assert f"{len(tested)} of the {len(tested)} test clips" in section.text[0]
    assert section.tables[0].rows[0][3] == "40.0"


def test_rated_clips_are_counted_where_some_have_no_ratings(tiny):
    table = rated(tiny)
    section = human_raters_beside_systems(run_of(tiny, table[table["clip_id"] != "a_anger_0"]))
    assert "35 of the 36 test clips, 700 single ratings" in section.text[0]
    assert [row[2] for row in section.tables[0].rows] == ["35", "35", "36"]


def test_a_corpus_without_ratings_has_no_such_section(tiny):
    assert human_raters_beside_systems(run_of(tiny, None)) is None
    assert human_raters_beside_systems(run_of(tiny, votes())) is None


def test_published_rates_stand_beside_a_whole_corpus_alone(tiny, monkeypatch):
    facts = [("audio", 41.5), ("video", 50.0), ("audio+video", 68.0)]
    rates = tuple(Raters(modalities=m, accuracy=a, source="s") for m, a in facts)
    monkeypatch.setattr(report_data, "beside", lambda *_, **_named: Beside((), (), rates))
    section = human_raters_beside_systems(run_of(tiny, rated(tiny)))
    assert section.tables[0].columns[-1] == "published (%)"
    assert [row[-1] for row in section.tables[0].rows] == ["41.5", "68.0", "–"]
    assert "within 2.0 points of these accuracies" in section.text[1]

    normalised = replace(run_of(tiny, rated(tiny)), normalise={"merml": "transductive"})
    assert normalised.normalised == "transductive"
    assert "published (%)" not in human_raters_beside_systems(normalised).tables[0].columns

    section = human_raters_beside_systems(run_of(tiny, rated(tiny), corpus="crema_d"))
    assert "published (%)" not in section.tables[0].columns
    assert "36 clips of 6 subjects, the published figures are of 7,442 clips" in section.text[1]


def test_a_corpus_without_votes_has_an_empty_table(tmp_path):
    write_table(tmp_path / "empty.parquet", no_votes(), corpus_tables.VOTES)
    assert list(read_table(tmp_path / "empty.parquet").columns) == COLUMNS


@pytest.mark.skipif("AVLIB_REAL" not in os.environ, reason="AVLIB_REAL names no real recordings")
def test_published_rates_of_crema_d_come_out_of_its_votes(tmp_path):
    """All 7,442 names, as files without content: nothing is opened to list them."""
    real = Path(os.environ["AVLIB_REAL"], "crema_d", "processedResults")
    if not (real / "tabulatedVotes.csv").exists():
        pytest.skip("no CREMA-D votes there")
    (tmp_path / "processedResults").symlink_to(real.resolve())
    (tmp_path / "AudioWAV").mkdir()
    for name in pd.read_csv(real / "summaryTable.csv")["FileName"]:
        (tmp_path / "AudioWAV" / f"{name}.wav").touch()
    listing = reader("crema_d").recordings(tmp_path)
    clips = pd.DataFrame([(r.clip_id, r.emotion) for r in listing.recordings])
    found = recognition(listing.votes, clips.set_axis(["clip_id", "emotion"], axis=1))
    published = {"audio": 40.9, "video": 58.2, "audio+video": 63.6}
    for modality, figure in published.items():
        rates = found[modality]
        shown = f"{100 * rates['accuracy']:.2f} {100 * rates['uar']:.2f}"
        print(f"{modality}: {shown}, published {figure}")
        assert rates["clips"] == 7442
        assert 100 * rates["accuracy"] == pytest.approx(figure, abs=1)
        assert 100 * rates["uar"] == pytest.approx(figure, abs=1)
