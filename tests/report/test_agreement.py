import itertools

import pandas as pd
import pytest

from avlib.report.agreement import (
    ALL,
    CATEGORIES,
    agreement,
    decisions,
    leading,
)


def predictions(rows):
    """Rows of (clip, emotion, joint, audio, video); None where a decision is lacking."""
    table = []
    for clip, emotion, *decided in rows:
        for condition, predicted in zip(("default", "audio", "video"), decided, strict=True):
            if predicted is not None:
                used = "audio+video" if condition == "default" else condition
                table.append((clip, 0, condition, used, emotion, predicted))
    columns = ["clip_id", "fold", "condition", "modalities", "emotion", "predicted"]
    return pd.DataFrame(table, columns=columns)


EVERY = [
    ("a", "fear", "fear", "fear", "fear"),
    ("b", "fear", "fear", "fear", "anger"),
    ("c", "fear", "anger", "fear", "anger"),
    ("d", "fear", "anger", "calm", "fear"),
    ("e", "calm", "calm", "fear", "fear"),
]


def test_each_clip_falls_into_the_category_that_its_decisions_say():
    decided = decisions(predictions(EVERY)).set_index("clip_id")
    assert decided["category"].to_dict() == {
        "a": "both",
        "b": "audio only",
        "c": "video only",
        "d": "neither",
        "e": "neither",
    }
    assert decided["right"].to_dict() == {"a": True, "b": True, "c": False, "d": False, "e": True}


def test_counts_are_those_of_a_plain_loop(tiny):
    table = tiny.predict(conditions=("default", "audio", "video"))
    counted = agreement(table)
    by = {key: rows["predicted"].iloc[0] for key, rows in table.groupby(["clip_id", "condition"])}
    truth = table.groupby("clip_id")["emotion"].first()
    expected = dict.fromkeys(itertools.product(("clips", "right"), counted.index, CATEGORIES), 0)
    for clip, emotion in truth.items():
        joint, audio, video = (by[clip, c] for c in ("default", "audio", "video"))
        category = {
            (True, True): "both",
            (True, False): "audio only",
            (False, True): "video only",
            (False, False): "neither",
        }[joint == audio, joint == video]
        for row in (emotion, ALL):
            expected["clips", row, category] += 1
            expected["right", row, category] += joint == emotion
    assert {(k, r, c): counted.loc[r, (k, c)] for k, r, c in expected} == expected
    assert counted.loc[ALL, "clips"].sum() == len(truth)


def test_clip_without_a_modality_is_not_counted():
    rows = [*EVERY, ("voice alone", "fear", "fear", "fear", None)]
    table = predictions(rows)
    table.loc[table["clip_id"] == "voice alone", "modalities"] = "audio"
    assert "voice alone" not in set(decisions(table)["clip_id"])


@pytest.mark.parametrize("missing", ["default", "audio", "video"])
def test_model_that_was_not_tested_all_three_ways_has_no_agreement(missing):
    table = predictions(EVERY)
    assert decisions(table[table["condition"] != missing]) is None


# Decisions on ten clips of an emotion: joint, audio's and video's, and how many are so.
def of_emotion(emotion, *counts):
    other = "none"
    told = {
        "audio": (emotion, emotion, other),
        "video": (emotion, other, emotion),
        "both": (emotion, emotion, emotion),
        "neither": (emotion, other, other),
        "wrong": (other, other, other),
    }
    decided = [told[what] for what, n in counts for _ in range(n)]
    return [(f"{emotion}_{n}", emotion, *row) for n, row in enumerate(decided)]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([("audio", 3), ("both", 7)], "audio"),
        ([("audio", 2), ("both", 8)], "both"),  # not more than 20 %
        ([("audio", 3), ("video", 3), ("both", 4)], "both"),  # not more than video
        ([("audio", 1), ("video", 2), ("both", 7)], "video"),  # 10 points ahead
        ([("audio", 2), ("video", 3), ("both", 5)], "video"),
        ([("audio", 5), ("video", 5), ("neither", 1)], "both"),
        ([("audio", 3), ("both", 7), ("wrong", 90)], "audio"),  # wrong decisions do not count
    ],
)
def test_an_emotion_is_led_by_what_the_right_joint_decisions_agree_with(counts, expected):
    counted = agreement(predictions(of_emotion("fear", *counts)))
    assert leading(counted) == {"fear": expected}


def test_an_emotion_that_is_never_right_is_led_by_nothing():
    rows = of_emotion("fear", ("wrong", 3)) + of_emotion("anger", ("neither", 1))
    assert leading(agreement(predictions(rows))) == {"anger": "both"}
