"""What the report says of a joined corpus."""

import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from avlib.protocol_params import Protocol
from avlib.protocols import make_folds, set_apart, with_auxiliary
from avlib.report.corpora_page import corpora_joined, scores_by_corpus
from avlib.report.sections import data_and_protocol

SETTINGS = {"k": 2, "validation": 0.3, "seed": 0}


@pytest.fixture
def crossed(tiny):
    """Subjects a to c are one corpus, d to f another, which calls anger "W" and lacks a word."""
    clips = tiny.clips.assign(corpus=["one" if s < "d" else "two" for s in tiny.clips["subject"]])
    own = clips["emotion"].where(clips["corpus"] == "one", clips["emotion"].str[0].str.upper())
    clips = clips.assign(original_emotion=own)
    left_out = clips.iloc[[-1]].assign(clip_id="f_x", emotion=None, original_emotion="L")
    return pd.concat([clips, left_out], ignore_index=True)


def data(tiny, clips, name="leave_one_corpus_out", used=("merml",), **changes):
    folds = make_folds(clips, protocol=name, **SETTINGS, **changes)
    tested = folds[folds["part"] == "test"].merge(clips, on="clip_id")[["clip_id", "fold"]]
    predictions = {
        model: tiny.predict(model, seed=n).drop(columns="fold").merge(tested, on="clip_id")
        for n, model in enumerate(used)
    }
    protocol = Protocol(name=name, folds=None, validation_by="subjects", **SETTINGS, **changes)
    return tiny.data(predictions, clips=clips, folds=folds, protocol=protocol, corpus="joined")


def test_the_map_of_labels_is_shown_with_how_many_clips_each_word_has(tiny, crossed):
    labels, _ = corpora_joined(data(tiny, crossed)).tables
    rows = [tuple(row) for row in labels.rows]
    emotions = sorted(tiny.clips["emotion"].unique())
    assert rows == [
        *(("one", emotion, emotion, "6") for emotion in emotions),
        *(("two", emotion[0].upper(), emotion, "6") for emotion in emotions),
        ("two", "L", "(left out)", "1"),
    ]


def test_every_fold_says_of_which_corpora_it_learned_and_which_it_tested(tiny, crossed):
    _, sides = corpora_joined(data(tiny, crossed)).tables
    assert [list(row) for row in sides.rows] == [
        ["0", "two 12 (2)", "two 6 (1)", "one 18 (3)"],
        ["1", "one 12 (2)", "one 6 (1)", "two 18 (3)"],
    ]
    _, sides = corpora_joined(
        data(tiny, crossed, "cross_corpus", train=["two"], test=["one"])
    ).tables
    assert [list(row) for row in sides.rows] == [["0", "two 12 (2)", "two 6 (1)", "one 18 (3)"]]


def test_each_tested_corpus_is_scored_by_itself(tiny, crossed):
    run = data(tiny, crossed, used=("merml", "svm_concat"))
    (table,) = scores_by_corpus(run).tables
    assert list(table.columns)[1::3] == ["one: accuracy (%)", "two: accuracy (%)"]
    for row in table.rows:
        predicted = run.predictions[row[0]].merge(crossed[["clip_id", "corpus"]], on="clip_id")
        for corpus, at in (("one", 1), ("two", 4)):
            of = predicted[predicted["corpus"] == corpus]
            uar = balanced_accuracy_score(of["emotion"], of["predicted"])
            right = (of["emotion"] == of["predicted"]).mean()
            assert [float(cell) for cell in row[at : at + 2]] == [
                pytest.approx(100 * right, abs=0.051),
                pytest.approx(100 * uar, abs=0.051),
            ]
            assert row[at + 2] == "18"


def test_a_corpus_that_is_not_tested_has_no_column(tiny, crossed):
    run = data(tiny, crossed, "cross_corpus", train=["two"], test=["one"])
    (table,) = scores_by_corpus(run).tables
    assert list(table.columns) == ["model", "one: accuracy (%)", "UAR (%)", "clips"]


def test_one_corpus_has_neither_section(tiny):
    clips = tiny.clips.assign(corpus="demo", original_emotion=tiny.clips["emotion"])
    run = tiny.data({"merml": tiny.predict()}, clips=clips)
    assert corpora_joined(run) is None
    assert scores_by_corpus(run) is None


def test_nothing_published_stands_beside_a_joined_corpus(tiny, crossed):
    known = data(tiny, crossed).published
    assert not known.same_protocol
    assert not known.other_protocol
    assert not known.human_raters


def test_a_corpus_that_only_helps_is_named_and_counts_among_nobody_who_is_recognised(tiny, crossed):
    divided, helping = set_apart(crossed, ["two"], "emobed.auxiliary")
    folds = make_folds(divided, protocol="subject_kfold", **SETTINGS | {"k": 3})
    folds = with_auxiliary(folds, crossed, helping)
    run = tiny.data({"merml": tiny.predict()}, clips=crossed, folds=folds, corpus="joined")
    _, sides = corpora_joined(run).tables
    assert sides.columns[-1] == "is helped by"
    assert all(row[1:] == ["one 6 (1)"] * 3 + ["two 18 (3)"] for row in sides.rows)
    assert scores_by_corpus(run) is None
    facts = {row[0]: row[1] for row in data_and_protocol(run, {}).tables[0].rows}
    assert facts["Corpus"].startswith("joined: 18 labelled clips of 3 subjects")
    assert "1 further clips are in no fold" in facts["Corpus"]
    assert facts["Only helps to train"] == "two: 18 clips of 3 subjects, in every fold"
