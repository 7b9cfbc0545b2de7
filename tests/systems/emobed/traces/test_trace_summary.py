"""The short table of continuous emotion."""

from avlib.systems.emobed.traces.summary import trace_summary


def scores(ccc, std=0.1, clips=9):
    pooled = {"recordings_total": clips}
    return {"after": {"ccc_concatenated": ccc, "ccc_concatenated_std": std, "pooled": pooled}}


def of_part(arousal, valence):
    return {"emobed": {"audio+geometry": {"arousal": arousal, "valence": valence}}}


def test_both_parts_stand_beside_each_other_for_each_model():
    validation = of_part(scores(0.6, clips=5), scores(0.2, None))
    test = of_part(scores(0.4), scores(None, None))
    found = trace_summary({"part": "test", "systems": test, "validation": validation})
    [(model, of_model)] = found.items()
    assert model == "emobed-audio+geometry"
    assert of_model["validation"] == {
        "clips": 5,
        "ccc_arousal": 0.6,
        "ccc_arousal_std": 0.1,
        "ccc_valence": 0.2,
        "ccc_valence_std": None,
    }
    assert of_model["test"]["clips"] == 9
    assert (of_model["test"]["ccc_arousal"], of_model["test"]["ccc_valence"]) == (0.4, None)


def test_without_labels_of_the_test_part_there_is_the_validation_part_alone():
    validation = of_part(scores(0.6), scores(0.2))
    found = trace_summary({"part": "validation", "systems": validation, "validation": validation})
    assert set(found["emobed-audio+geometry"]) == {"chosen_by", "validation"}
