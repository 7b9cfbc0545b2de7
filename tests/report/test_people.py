import numpy as np
import pytest
import yaml
from scipy.stats import binomtest

from avlib.report.comparisons import compare, scored
from avlib.report.formats import p_text, percent
from avlib.report.page import Page, markdown
from avlib.report.people import (
    about,
    descriptors_section,
    expression_section,
    limits,
    study_section,
    variations_section,
)

MODELS = ("svm_audio", "svm_concat", "merml", "gmml")
PARAMS = {"corpus": "demo", "video": {"table": {"clip_name": r"\d\d-(.+)"}}}


@pytest.fixture
def run(tiny):
    return tiny.data({model: tiny.predict(model, seed=i) for i, model in enumerate(MODELS)})


def section_of(run):
    return study_section("Voices", ["What it is."], run, PARAMS, "dvc repro train_svm")


def test_scores_are_of_all_test_clips_the_best_model_first(run):
    table = section_of(run).tables[0]
    shown = {row[0]: row[1:] for row in table.rows}
    expected = {}
    for model, rows in run.predictions.items():
        right = rows["predicted"] == rows["emotion"]
        uar = right.groupby(rows["emotion"]).mean().mean()
        expected[model] = right.mean()
        assert shown[model][0] == percent(right.mean())
        assert shown[model][2] == percent(uar)
        for value, interval in ((right.mean(), shown[model][1]), (uar, shown[model][3])):
            low, high = map(float, interval.split(" to "))
            assert low <= round(100 * value, 1) <= high
        assert shown[model][5] == "36 / 36"
    assert [expected[row[0]] for row in table.rows] == sorted(expected.values(), reverse=True)


def test_merml_is_compared_with_the_others_on_both_modalities(run, tiny):
    table = section_of(run).tables[1]
    assert [row[:2] for row in table.rows] == [["merml", "svm_concat"], ["merml", "gmml"]]
    found = [
        compare(
            *(scored(run.predictions[m], tiny.folds) for m in ("merml", other)),
            tiny.folds,
            tiny.clips,
        ).mcnemar.p
        for other in ("svm_concat", "gmml")
    ]
    corrected = [row[7] for row in table.rows]  # over these two comparisons alone
    smaller, larger = np.argsort(found)
    assert corrected[smaller] == p_text(min(1.0, 2 * found[smaller]))
    assert corrected[larger] == p_text(min(1.0, max(2 * found[smaller], found[larger])))


def test_with_one_modality_merml_is_compared_with_its_svm(tiny):
    run = tiny.data({m: tiny.predict(m, used="audio") for m in ("svm_audio", "merml")})
    assert [row[:2] for row in section_of(run).tables[1].rows] == [["merml", "svm_audio"]]


def test_the_block_of_a_run_can_be_read_back_and_says_what_ran(run):
    section = section_of(run)
    assert yaml.safe_load(section.code) == PARAMS
    assert "dvc repro train_svm" in section.code.splitlines()[0]
    assert "36 clips of 6 people, 3 emotions (chance 33.3 %)" in section.text[-1]


def test_variations_of_merml_are_each_compared_with_the_first(tiny):
    runs = {
        name: tiny.data({"merml": tiny.predict("merml", seed=i)})
        for i, name in enumerate(("as it is", "other", "third"))
    }
    changes = {"as it is": {}, "other": {"merml": {"dim": 3}}, "third": {"merml": {"seed": 1}}}
    section = variations_section("Settings", ["Why."], runs, PARAMS, changes, "dvc repro x")
    scores, compared = section.tables
    for row, run in zip(scores.rows, runs.values(), strict=True):  # in their order
        assert row[1] == percent(run.scores["merml"]["pooled"]["accuracy"])
    assert [row[:2] for row in compared.rows] == [["other", "as it is"], ["third", "as it is"]]
    assert yaml.safe_load(section.code) == PARAMS | changes


def test_published_results_stand_below_a_run_on_their_folds_alone(run, tiny):
    assert len(section_of(run).tables) == 2
    protocol = run.protocol.model_copy(update={"name": "published", "folds": "hicmae", "k": 3})
    data = tiny.data(run.predictions, corpus="ravdess", protocol=protocol)
    text = markdown(Page("", [section_of(data)]))
    assert "HiCMAE-B" in text
    assert "cannot be compared" in text  # 36 clips are not the whole corpus


def test_published_results_stand_apart_from_normalised_speakers(run, tiny):
    protocol = run.protocol.model_copy(update={"name": "published", "folds": "hicmae", "k": 3})
    known = {"corpus": "ravdess", "protocol": protocol}
    for normalise, said in (("transductive", True), ("none", False)):
        normalised = dict.fromkeys(run.predictions, normalise)
        text = section_of(tiny.data(run.predictions, **known, normalise=normalised)).text
        assert any("none of ours stands beside them" in line for line in text) == said


def test_expression_network_is_scored_by_its_training():
    scores = {"accuracy": 0.7, "accuracy_mirrored": 0.75, "confusions": [[6, 2], [1, 1]]}
    (table,) = expression_section({"scores": {"test": scores}}).tables
    assert table.rows == [["PrivateTest", "10", "70.0", "75.0", "62.5"]]
    without = expression_section(None)
    assert without.text
    assert without.tables == ()


def test_descriptors_are_scored_and_compared_on_the_same_faces():
    emotions = np.array([0] * 8 + [4] * 2)
    persons = np.array([0] * 4 + [4] * 4 + [4, 0])
    expressions = np.where(np.arange(10) < 9, emotions, 0)
    section = descriptors_section(emotions, {"persons": persons, "expressions": expressions})
    scores, tests = section.tables
    assert scores.rows == [["persons", "50.0", "50.0"], ["expressions", "90.0", "75.0"]]
    p = binomtest(0, 4).pvalue  # four faces tell them apart, all for one of them
    assert tests.rows == [["expressions", "persons", "+40.0", "4 / 0", f"{p:.3f}"]]
    assert "the 10 of PrivateTest" in section.text[0]


def test_the_page_says_where_it_comes_from_and_what_it_does_not_show():
    text = markdown(Page("Results", [about("python x.py", "abc", "2020-01-02"), limits()]))
    for said in ("python x.py", "abc", "2020-01-02", "acted", "OpenFace", "unlabelled"):
        assert said in text


def test_pairs_that_a_study_names_are_compared_as_well(run):
    section = study_section("Voices", [], run, PARAMS, "dvc repro", [("gmml", "svm_audio")])
    named = [["merml", "svm_concat"], ["merml", "gmml"], ["gmml", "svm_audio"]]
    assert [row[:2] for row in section.tables[1].rows] == named
