import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from avlib.report.scores import fold_scores, model_scores
from avlib.runtime.errors import DataError, LeakError
from avlib.runtime.tables import conform
from avlib.systems.gating.gates import (
    gate_scores,
    group_scores,
    plateau,
    table_two,
)
from avlib.systems.gating.tables import GATES

CONDITIONS = ("default", "audio", "video")


def decided(table, condition, gate):
    """By fold: pairs of true and last predicted emotion of each clip up to a gate, by loops."""
    latest = {}
    for row in table.to_dict("records"):
        if row["condition"] == condition and row["gate"] <= gate:
            held = latest.get(row["clip_id"])
            if held is None or held["gate"] < row["gate"]:
                latest[row["clip_id"]] = row
    by_fold = {}
    for row in latest.values():
        by_fold.setdefault(row["fold"], []).append((row["emotion"], row["predicted"]))
    return {fold: list(zip(*pairs, strict=True)) for fold, pairs in by_fold.items()}


def test_scores_are_those_of_each_clips_latest_decision(tiny):
    table = tiny.gates()
    found = gate_scores(table.sample(frac=1, random_state=0), tiny.folds)
    assert list(dict.fromkeys(found["condition"])) == ["default", "audio", "video"]
    for row in found.to_dict("records"):
        folds = decided(table, row["condition"], row["gate"])
        accuracy = [accuracy_score(*pairs) for pairs in folds.values()]
        uar = [balanced_accuracy_score(*pairs) for pairs in folds.values()]
        everyone = [sum(side, ()) for side in zip(*folds.values(), strict=True)]
        assert row["accuracy"] == pytest.approx(np.mean(accuracy))
        assert row["accuracy_std"] == pytest.approx(np.std(accuracy, ddof=1))
        assert row["uar"] == pytest.approx(np.mean(uar))
        assert row["uar_std"] == pytest.approx(np.std(uar, ddof=1))
        assert row["pooled_accuracy"] == pytest.approx(accuracy_score(*everyone))
        assert row["pooled_uar"] == pytest.approx(balanced_accuracy_score(*everyone))
        assert row["clips"] == len(tiny.clips)
        assert row["open"] == sum(
            open_ and condition == row["condition"] and gate == row["gate"]
            for open_, condition, gate in zip(
                table["open"], table["condition"], table["gate"], strict=True
            )
        )
        assert row["time"] == 0.5 + 0.5 * row["gate"]


def test_the_table_fits_its_schema(tiny):
    table = tiny.gates()
    kept = conform(table.sample(frac=1, random_state=0), GATES).to_pandas()
    assert kept["gate"].head(5).tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(DataError, match="repeat a key"):
        conform(pd.concat([table, table.head(1)]), GATES)


def test_the_last_gate_scores_like_the_predictions_of_the_whole_clips(tiny):
    table = tiny.gates()
    last = table[table["gate"] == 5].drop(columns=["gate", "time", "open"])
    found = gate_scores(table, tiny.folds).groupby("condition").last()
    for condition in CONDITIONS:
        expected = model_scores(fold_scores(last, tiny.folds, condition=condition))
        assert found.loc[condition, "accuracy"] == expected["accuracy"]
        assert found.loc[condition, "uar_std"] == expected["uar_std"]


def test_gates_that_no_clip_reaches_are_left_out(tiny):
    table = tiny.gates()
    more = table[table["gate"] == 5].assign(gate=6, open=0, time=3.5)
    longer = pd.concat([table, more])
    pd.testing.assert_frame_equal(
        gate_scores(longer, tiny.folds), gate_scores(table, tiny.folds), check_exact=True
    )


def test_one_fold_has_no_standard_deviation(tiny):
    table = tiny.gates()
    fold = table["fold"].min()
    found = gate_scores(table[table["fold"] == fold], tiny.folds[tiny.folds["fold"] == fold])
    assert found["accuracy_std"].isna().all()
    assert found["accuracy"].notna().all()
    np.testing.assert_allclose(found["accuracy"], found["pooled_accuracy"])


def test_one_gate_is_scored_and_has_no_plateau(tiny):
    found = gate_scores(tiny.gates(gates=1), tiny.folds)
    assert found["gate"].tolist() == [1, 1, 1]
    assert plateau(found["accuracy"].head(1)) is None


def test_a_clip_without_a_modality_is_missing_from_that_condition_alone(tiny):
    table = tiny.gates()
    name = table["clip_id"].iloc[0]
    gone = (table["clip_id"] == name) & (table["condition"] == "video")
    clips = gate_scores(table[~gone], tiny.folds).groupby("condition")["clips"].unique()
    assert {c: n.tolist() for c, n in clips.items()} == {
        "default": [36], "audio": [36], "video": [35],
    }  # fmt: skip


def test_a_clip_that_the_fold_does_not_test_is_a_leak(tiny):
    table = tiny.gates()
    with pytest.raises(LeakError):
        gate_scores(table.assign(fold=(table["fold"] + 1) % 3), tiny.folds)


def test_groups_are_scored_by_their_own_clips_at_the_gates_of_all(tiny):
    table = tiny.gates()
    happy = table["emotion"] == "happiness"
    table.loc[happy & (table["gate"] > 2), "open"] = 0  # these end early
    found = group_scores(table, tiny.folds)
    assert list(found) == ["positive", "negative"]
    for group, emotion in (("positive", "happiness"), ("negative", "anger")):
        for row in found[group].to_dict("records"):
            folds = decided(table[table["emotion"] == emotion], "default", row["gate"])
            accuracy = [accuracy_score(*pairs) for pairs in folds.values()]
            assert row["accuracy"] == pytest.approx(np.mean(accuracy))
            assert row["accuracy_std"] == pytest.approx(np.std(accuracy, ddof=1))
            assert row["clips"] == 12
        assert found[group]["time"].tolist() == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert found["positive"]["open"].tolist()[2:] == [0, 0, 0]


def test_a_group_without_clips_has_no_scores(tiny):
    table = tiny.gates()
    assert list(group_scores(table[table["emotion"] != "happiness"], tiny.folds)) == ["negative"]
    assert group_scores(table[table["emotion"] == "disgust"], tiny.folds) == {}


@pytest.mark.parametrize(
    ("accuracy", "gate"),
    [
        ([0.4, 0.5, 0.6, 0.605, 0.6], 3),
        ([0.4, 0.5, 0.51, 0.5], 2),  # a rise of one point is none
        ([0.4, 0.5, 0.511, 0.5], 3),
        ([0.4, 0.5, 0.509, 0.518, 0.518], 3),  # small rises add up
        ([0.5, 0.7, 0.4, 0.6], 2),  # what is lost and regained is no rise
        ([0.5, 0.5, 0.5], 1),
        ([0.7, 0.6, 0.5], 1),
        ([0.4, 0.5, 0.6], None),
        ([0.4], None),
    ],
)
def test_the_plateau_begins_where_no_later_gate_is_better_by_more_than_a_point(accuracy, gate):
    assert plateau(np.array(accuracy)) == gate
    later = [max([*accuracy[i + 1 :], 0.0]) for i in range(len(accuracy) - 1)]
    slow = [i + 1 for i, best in enumerate(later) if round(best - accuracy[i], 9) <= 0.01]
    assert plateau(pd.Series(accuracy)) == (slow[0] if slow else None)


def test_table_two_holds_each_system_with_each_modality(tiny):
    predictions = {
        "gating": tiny.predict("gating", CONDITIONS, seed=1),
        "gating_lstm": tiny.predict("gating_lstm", ("default", "audio"), seed=2),
        "merml": tiny.predict("merml", CONDITIONS),
        "gating_global": tiny.predict("gating_global").iloc[:0],
    }
    found = table_two(predictions, tiny.folds)
    assert {model: list(cells) for model, cells in found.items()} == {
        "gating_lstm": ["audio", "audio+video"],
        "gating": ["audio", "video", "audio+video"],
    }
    rows = predictions["gating"].query("condition == 'default'")
    right = (rows["emotion"] == rows["predicted"]).groupby(rows["fold"]).mean()
    cell = found["gating"]["audio+video"]
    assert cell["accuracy"] == pytest.approx(right.mean())
    assert cell["accuracy_std"] == pytest.approx(right.std())


def test_a_system_that_learned_from_audio_alone_stands_under_audio_alone(tiny):
    found = table_two({"gating": tiny.predict("gating", used="audio")}, tiny.folds)
    assert {model: list(cells) for model, cells in found.items()} == {"gating": ["audio"]}
