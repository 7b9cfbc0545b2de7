import re
from dataclasses import replace

import numpy as np
import pytest

from avlib.protocol_params import Protocol
from avlib.report import modalities, report_data
from avlib.report.embeddings_page import embeddings_section
from avlib.report.published import beside
from avlib.report.report_data import ReportData
from avlib.report.scores import fold_scores, model_scores
from avlib.report.training_choices import training_choices

ALL_THREE = ("default", "audio", "video")


def run(tiny, predictions):
    protocol = Protocol(
        name="subject_kfold", k=3, folds=None, validation=0.25, validation_by="subjects", seed=0
    )
    return ReportData("demo", protocol, tiny.clips, tiny.folds, tiny.status, predictions)


@pytest.fixture
def both(tiny):
    return {
        "svm_audio": tiny.predict("svm_audio", used="audio", seed=3),
        "svm_video": tiny.predict("svm_video", used="video", seed=4),
        "svm_concat": tiny.predict("svm_concat", ALL_THREE, seed=1),
        "merml": tiny.predict("merml", ALL_THREE, seed=2),
    }


def test_one_table_shows_inference_from_one_modality_before_and_after(tiny, both):
    accuracy, uar = modalities.one_modality(run(tiny, both)).tables
    rows = {row[0]: list(row[1:]) for row in accuracy.rows}
    assert list(rows) == [*both, "merml minus svm_concat"]
    assert rows["svm_audio"][0::2] == ["audio only", rows["svm_audio"][2]]
    assert [cell == "–" for cell in rows["svm_audio"][1:]] == [True, False, True]
    assert [cell == "–" for cell in rows["svm_video"][1:]] == [True, True, False]
    for i, condition in enumerate(ALL_THREE):
        means = [
            100 * model_scores(fold_scores(both[m], tiny.folds, condition=condition))["accuracy"]
            for m in ("svm_concat", "merml")
        ]
        shown = [float(rows[m][1 + i].split()[0]) for m in ("svm_concat", "merml")]
        np.testing.assert_allclose(shown, means, atol=0.051)
        gain, spread = (float(v) for v in rows["merml minus svm_concat"][1 + i].split(" ± "))
        folds = [fold_scores(both[m], tiny.folds, condition=condition) for m in list(both)[2:]]
        of_folds = [100 * (folds[1][f]["accuracy"] - folds[0][f]["accuracy"]) for f in range(3)]
        assert gain == pytest.approx(np.mean(of_folds), abs=0.051)
        assert spread == pytest.approx(np.std(of_folds, ddof=1), abs=0.051)
    assert [row[0] for row in uar.rows] == list(rows)


def test_fewer_clips_with_a_modality_are_said_beside_the_score(tiny, both):
    table = both["merml"]
    gone = (table["condition"] == "video") & (table["clip_id"] == table["clip_id"].iloc[0])
    section = modalities.one_modality(run(tiny, {"merml": table[~gone]}))
    assert section.tables[0].rows[0][-1].endswith("(35 clips)")
    assert [row[0] for row in section.tables[0].rows] == ["merml"]


def test_agreement_is_told_by_emotion_and_sums_to_all_clips(tiny, both):
    section = modalities.agreements(run(tiny, both))
    assert [table.model for table in section.tables] == ["", "svm_concat", "merml"]
    for table in section.tables[1:]:
        assert [row[0] for row in table.rows] == ["all", "anger", "disgust", "happiness"]
        assert [row[1] for row in table.rows] == ["36", "12", "12", "12"]
        for row in table.rows:
            shares = [int(re.match(r"\d+", cell)[0]) for cell in row[2:]]
            assert abs(sum(shares) - 100) <= 2


def test_every_emotion_has_one_leading_modality_and_the_papers_stand_beside_the_whole_corpus(
    tiny, both, monkeypatch
):
    table, *_ = modalities.agreements(run(tiny, both)).tables
    assert [row[0] for row in table.rows] == ["svm_concat", "merml"]
    for row in table.rows:
        named = [emotion for cell in row[1:] for emotion in cell.split(", ") if cell != "–"]
        assert sorted(named) == ["anger", "disgust", "happiness"]

    known = beside("crema_d", "subject_kfold", 10)
    monkeypatch.setattr(report_data, "beside", lambda *_, **_named: known)
    table, *_ = modalities.agreements(run(tiny, both)).tables
    paper = ["merml, in its paper", "anger, sadness", "disgust, happiness", "fear, neutral"]
    assert table.rows[-1] == paper
    part = replace(run(tiny, both), corpus="crema_d")  # 6 subjects of 91
    assert len(modalities.agreements(part).tables[0].rows) == 2


def test_paper_stands_beside_no_models_that_normalise_speakers(tiny, both, monkeypatch):
    asked = []

    def noted(*_, part, normalise):
        asked.append(normalise)
        return beside("crema_d", "subject_kfold", 10, normalise=normalise)

    monkeypatch.setattr(report_data, "beside", noted)
    kinds = dict.fromkeys(both, "enrolled")
    table, *_ = modalities.agreements(replace(run(tiny, both), normalise=kinds)).tables
    assert [row[0] for row in table.rows] == ["svm_concat", "merml"]
    assert asked == ["enrolled"]


def test_figure_of_each_modality_needs_all_three_models(tiny, both):
    assert modalities.contribution(run(tiny, both)).pictures
    del both["svm_video"]
    assert modalities.contribution(run(tiny, both)) is None


def test_run_of_one_modality_has_no_sections_on_two(tiny):
    one = run(tiny, {"merml": tiny.predict("merml", used="audio")})
    assert modalities.one_modality(one) is None
    assert modalities.agreements(one) is None
    assert modalities.contribution(one) is None


def test_what_was_chosen_stands_in_the_order_of_the_folds():
    facts = {
        "svm": {1: {"chosen": {"c": 3.0}}, 0: {"chosen": {"c": 0.3}}, 10: {"chosen": {"c": 1e-6}}},
        "merml": {k: {"chosen": {"c": 1.0, "omega": 0.4 + k / 100}} for k in range(3)},
    }
    section = training_choices(facts)
    assert list(section.tables[0].rows) == [
        ["svm", "c", "0.3, 3, 1e-06"],
        ["merml", "c", "1 in all"],
        ["merml", "omega", "0.4, 0.41, 0.42"],
    ]
    assert [picture.name for picture in section.pictures] == ["omega_merml"]
    assert training_choices({"svm": {0: {"accuracy": 0.5}}}) is None


def test_what_views_were_pooled_by_stands_once_for_all_models():
    video = "video.dlib_resnet_frames"
    poolings = {
        10: {"audio.is10_frames": "moments", video: "fisher K=16 D=32"},
        2: {"audio.is10_frames": "fisher K=32 D=all", video: "fisher K=16 D=32"},
    }
    section = training_choices({"svm": {2: {"chosen": {"c": 3.0}}}}, poolings)
    assert list(section.tables[1].rows) == [
        ["audio.is10_frames", "fisher K=32 D=all, moments"],
        [video, "fisher K=16 D=32 in all"],
    ]
    assert "pooled" in section.text[-1]
    assert len(training_choices({}, poolings).tables) == 1
    without = training_choices({"svm": {2: {"chosen": {"c": 3.0}}}}, {2: {}})
    assert (len(without.tables), len(without.text)) == (1, 1)


def test_many_folds_are_told_by_their_range_or_their_counts():
    many = {k: {"chosen": {"omega": k / 100, "init": "pca" if k else "random"}} for k in range(21)}
    rows = training_choices({"merml": many}).tables[0].rows
    assert [row[2] for row in rows] == ["pca (20), random (1)", "0 to 0.2, median 0.1"]


def test_neighbourhoods_are_means_over_the_folds_that_have_one():
    facts = {
        "merml": {
            0: {"neighbours": {"raw": 0.2, "audio": 0.4}, "embedded": 10},
            1: {"neighbours": {"raw": 0.4, "audio": None}, "embedded": 12},
        },
        "svm": {0: {"accuracy": 0.5}},
    }
    section = embeddings_section(facts, {})
    assert section.tables[0].rows == [["merml", "30.0 ± 14.1", "40.0", "–", "–", "22"]]
    assert embeddings_section({"svm": facts["svm"]}, {}) is None
