import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, recall_score
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix
from torchmetrics.classification import MulticlassF1Score as MulticlassF1

from avlib.report.scores import (
    confusion_matrix,
    confusion_scores,
    fold_scores,
    model_scores,
    summary,
    to_json,
    write_json,
)
from avlib.runtime.errors import DataError, LeakError

CLASSES = ["anger", "calm", "fear", "sadness"]
labels = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1)


@given(labels)
@settings(max_examples=25, deadline=None)
@pytest.mark.filterwarnings("ignore:y_pred contains classes", "ignore:A single label was found")
def test_scores_are_those_of_scikit_learn_even_if_emotions_are_absent(pairs):
    truth, predicted = (np.array(column) for column in zip(*pairs, strict=True))
    scores = confusion_scores(confusion_matrix(truth, predicted, CLASSES), CLASSES)
    assert scores["accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    assert scores["uar"] == pytest.approx(balanced_accuracy_score(truth, predicted))
    assert scores["f1_macro"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    tested = sorted(set(truth))
    recalls = recall_score(truth, predicted, labels=tested, average=None)
    assert [scores["recall"][e] for e in tested] == pytest.approx(recalls)
    assert all(math.isnan(scores["recall"][e]) for e in CLASSES if e not in tested)


def test_scores_are_those_of_torchmetrics_when_every_emotion_is_tested():
    rng = np.random.default_rng(0)
    truth = np.concatenate([np.arange(4), rng.integers(0, 4, 60)])
    predicted = np.where(rng.random(64) < 0.6, truth, rng.integers(0, 4, 64))
    names = np.array(CLASSES)
    counts = confusion_matrix(names[truth], names[predicted], CLASSES)
    scores = confusion_scores(counts, CLASSES)
    ours = (scores["uar"], scores["f1_macro"])
    pair = torch.tensor(predicted), torch.tensor(truth)
    theirs = [m(4, average="macro")(*pair).item() for m in (MulticlassAccuracy, MulticlassF1)]
    assert ours == pytest.approx(theirs, abs=1e-6)
    np.testing.assert_array_equal(counts, MulticlassConfusionMatrix(4)(*pair).numpy())


def test_folds_are_scored_one_by_one_and_averaged(tiny):
    predictions = tiny.predict()
    by_fold = fold_scores(predictions, tiny.folds)
    expected = [
        accuracy_score(rows["emotion"], rows["predicted"])
        for _, rows in predictions.groupby("fold")
    ]
    assert [scores["accuracy"] for scores in by_fold.values()] == pytest.approx(expected)
    scores = model_scores(fold_scores(predictions, tiny.folds))
    assert scores["accuracy"] == pytest.approx(np.mean(expected))
    assert scores["accuracy_std"] == pytest.approx(pd.Series(expected).std())
    assert scores["folds"] == 3
    pooled = accuracy_score(predictions["emotion"], predictions["predicted"])
    assert scores["pooled"]["accuracy"] == pytest.approx(pooled)
    assert np.sum(scores["pooled"]["confusion"]["counts"]) == scores["clips"] == 36


def test_single_fold_has_no_standard_deviation(tiny):
    one = tiny.folds[tiny.folds["fold"] == 1]
    predictions = tiny.predict().query("fold == 1")
    scores = model_scores(fold_scores(predictions, one))
    assert math.isnan(scores["accuracy_std"])
    assert json.loads(to_json(scores))["accuracy_std"] is None


def test_unscored_clips_are_counted_and_not_forgotten(tiny):
    predictions = tiny.predict()
    scores = model_scores(fold_scores(predictions.iloc[3:], tiny.folds))
    assert (scores["clips"], scores["clips_total"]) == (33, 36)
    assert scores["coverage"] == pytest.approx(33 / 36)


def test_fold_without_any_scored_clip_is_listed_and_left_out_of_the_mean(tiny):
    predictions = tiny.predict().query("fold != 2")
    by_fold = fold_scores(predictions, tiny.folds)
    assert by_fold[2]["clips"] == 0
    assert by_fold[2]["clips_total"] > 0
    assert math.isnan(by_fold[2]["accuracy"])
    scores = model_scores(fold_scores(predictions, tiny.folds))
    assert scores["accuracy"] == pytest.approx(
        (by_fold[0]["accuracy"] + by_fold[1]["accuracy"]) / 2
    )


def test_conditions_are_scored_apart(tiny):
    predictions = tiny.predict(conditions=("default", "audio"))
    audio = predictions[predictions["condition"] == "audio"]
    scores = model_scores(fold_scores(predictions, tiny.folds, condition="audio"))
    assert scores["pooled"]["accuracy"] == pytest.approx(
        accuracy_score(audio["emotion"], audio["predicted"])
    )
    with pytest.raises(DataError, match="under condition 'video'; found default, audio"):
        model_scores(fold_scores(predictions, tiny.folds, condition="video"))


def test_probability_that_is_no_number_names_clip_and_model(tiny):
    predictions = tiny.predict()
    predictions.loc[4, "prob_anger"] = np.nan
    clip = predictions.loc[4, "clip_id"]
    with pytest.raises(DataError, match=f"model merml, clip {clip}.*not a number"):
        model_scores(fold_scores(predictions, tiny.folds))


def test_unusable_predictions_are_refused(tiny):
    predictions = tiny.predict()
    with pytest.raises(DataError, match="two predictions under condition 'default'"):
        fold_scores(pd.concat([predictions, predictions.iloc[:1]]), tiny.folds)
    with pytest.raises(DataError, match="predicted is 'joy', expected one of anger"):
        fold_scores(predictions.replace({"predicted": {"anger": "joy"}}), tiny.folds)
    with pytest.raises(DataError, match="holds merml, avef; expected"):
        fold_scores(pd.concat([predictions, tiny.predict("avef")]), tiny.folds)
    with pytest.raises(DataError, match="holds no rows"):
        fold_scores(predictions.iloc[:0], tiny.folds)


def test_score_on_a_clip_that_the_fold_trains_is_a_leak(tiny):
    predictions = tiny.predict()
    predictions.loc[0, "fold"] = (predictions.loc[0, "fold"] + 1) % 3
    with pytest.raises(LeakError, match=f"clip {predictions.loc[0, 'clip_id']} in fold"):
        fold_scores(predictions, tiny.folds)


def test_summary_has_one_short_line_a_model(tiny):
    scores = {"merml": model_scores(fold_scores(tiny.predict(), tiny.folds))}
    line = summary("demo", scores)["demo"]["merml"]
    assert sorted(line) == ["accuracy", "accuracy_std", "clips", "f1_macro", "uar"]


def test_summary_counts_every_clip_once_however_large_its_fold(tiny):
    rows = tiny.predict()
    rows = rows[(rows["fold"] == 0) | (rows.index % 3 == 0)]  # folds of unequal size
    scores = {"merml": model_scores(fold_scores(rows, tiny.folds))}
    line = summary("demo", scores)["demo"]["merml"]
    truth, said = rows["emotion"], rows["predicted"]
    assert line["accuracy"] == pytest.approx((truth == said).mean(), abs=1e-6)
    assert line["uar"] == pytest.approx(balanced_accuracy_score(truth, said), abs=1e-6)
    assert line["f1_macro"] == pytest.approx(f1_score(truth, said, average="macro"), abs=1e-6)
    assert line["accuracy"] != pytest.approx(scores["merml"]["accuracy"], abs=1e-3)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.00012345, 0.000123), (1.234567e-7, 1.23457e-7), (5e-17, 0.0), (-2e-7, -2e-7)],
)
def test_small_settings_are_not_rounded_away_and_rounding_errors_are(value, shown):
    assert json.loads(to_json(value)) == shown


def test_json_is_sorted_rounded_and_the_same_every_time(tmp_path, tiny):
    scores = fold_scores(tiny.predict(), tiny.folds)[0]
    write_json(tmp_path / "metrics" / "fold-0.json", scores)
    text = (tmp_path / "metrics" / "fold-0.json").read_text()
    assert text == to_json(dict(reversed(scores.items())))
    assert text.endswith("}\n")
    assert json.loads(text)["confusion"]["counts"] == scores["confusion"]["counts"]
    assert '"emotions": ["anger", "disgust", "happiness"]' in text
    assert to_json({"b": 1 / 3, "a": [math.nan, np.float32(0.5)], 2: {"c": np.int64(7)}}) == (
        '{\n  "2": {\n    "c": 7\n  },\n  "a": [null, 0.5],\n  "b": 0.333333\n}\n'
    )


texts = st.text('[]\n\\, "{}x', max_size=6)
values = st.recursive(
    texts | st.integers(),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=3),
    max_leaves=6,
)


@given(values)
@settings(max_examples=30, deadline=None)
def test_json_layout_never_changes_what_is_read(value):
    assert json.loads(to_json(value)) == value
