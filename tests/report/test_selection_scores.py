import json
from pathlib import Path

import pytest

from avlib.report.selection import chosen_and_held_out, selection

TESTED = {"accuracy": 0.5, "uar": 0.4, "clips": 9}
JUDGED = {"accuracy": 0.7, "uar": 0.6, "clips": 30}


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A folder of one trained fold of a model."""
    monkeypatch.chdir(tmp_path)
    folder = Path("data/models/m")
    (folder / "fold-0").mkdir(parents=True)
    return folder


def trained(model, **chosen):
    (model / "fold-0/settings.json").write_text(json.dumps({"chosen": chosen}))
    return chosen_and_held_out("m", 0)


def test_systems_of_vectors_say_their_scores_among_what_they_chose(model):
    found = trained(model, c=1.0, held_out_accuracy=0.7, held_out_uar=0.6, held_out_clips=30)
    assert found == {"chosen": {"c": 1.0}, "held_out": JUDGED}


def test_scores_of_a_network_lie_beside_it(model):
    assert trained(model, epochs=3) == {"chosen": {"epochs": 3}}
    scores = {f"held_out_{name}": value for name, value in JUDGED.items()}
    (model / "fold-0.json").write_text(json.dumps(scores))
    assert trained(model, epochs=3) == {"chosen": {"epochs": 3}, "held_out": JUDGED}


def test_folds_stand_in_their_order_with_mean_and_spread():
    facts = {
        10: TESTED | {"held_out": JUDGED | {"accuracy": 0.9}},
        2: TESTED | {"accuracy": 0.1, "held_out": JUDGED},
    }
    found = selection(facts, deep=False)
    assert found["validation"]["accuracy_folds"] == [0.7, 0.9]
    assert found["validation"]["accuracy"] == pytest.approx(0.8)
    assert found["validation"]["accuracy_std"] == pytest.approx(0.1 * 2**0.5)
    assert found["validation"]["clips"] == 60
    assert found["test"]["accuracy_folds"] == [0.1, 0.5]
    assert found["test"]["uar"] == pytest.approx(0.4)
    assert "likelihood" in found["chosen_by"]
    assert "loss" in selection(facts, deep=True)["chosen_by"]


def test_where_a_fold_held_nothing_out_there_is_no_validation_score():
    found = selection({0: TESTED | {"held_out": JUDGED}, 1: TESTED}, deep=True)
    assert "validation" not in found
    assert found["chosen_by"].startswith("nothing")
    assert found["test"]["clips"] == 18


def test_one_modality_alone_has_its_means_where_all_folds_have_it():
    alone = {"audio": {"accuracy": 0.2, "uar": 0.3, "f1_macro": 0.1, "clips": 4}}
    facts = {0: TESTED | {"conditions": alone}, 1: TESTED | {"conditions": alone}}
    found = selection(facts, deep=True)["test"]["conditions"]
    assert found == {
        "audio": {
            "clips": 8,
            "accuracy": 0.2,
            "accuracy_std": 0.0,
            "uar": 0.3,
            "uar_std": 0.0,
            "f1_macro": 0.1,
            "f1_macro_std": 0.0,
        }
    }
    assert "conditions" not in selection({0: facts[0], 1: TESTED}, deep=True)["test"]
    assert "conditions" not in selection(facts, deep=False)["test"]
