"""The short table of continuous emotion."""

import json
from pathlib import Path

import pytest

from avlib.systems.emobed.traces.summary import trace_summary


def fold(number, model="emobed-audio", **chosen):
    folder = Path(f"data/trace_models/{model}/fold-{number}")
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"chosen": chosen}))


def scores(ccc, std=0.1):
    pooled = {"recordings_total": 9}
    return {"after": {"ccc_concatenated": ccc, "ccc_concatenated_std": std, "pooled": pooled}}


def test_both_parts_stand_beside_each_other_for_each_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fold(0, held_out_ccc_arousal=0.5, held_out_ccc_valence=None, held_out_recordings=3)
    fold(1, held_out_ccc_arousal=0.7, held_out_ccc_valence=0.2, held_out_recordings=2)
    systems = {"emobed": {"audio": {"arousal": scores(0.4), "valence": scores(None, None)}}}
    [(model, found)] = trace_summary(systems).items()
    assert model == "emobed-audio"
    assert found["validation"]["ccc_arousal"] == pytest.approx(0.6)
    assert found["validation"]["ccc_arousal_std"] == pytest.approx(0.1 * 2**0.5)
    assert found["validation"]["ccc_valence"] == 0.2  # of the fold whose labels vary
    assert found["validation"]["clips"] == 5
    assert found["test"] == {
        "clips": 9,
        "ccc_arousal": 0.4,
        "ccc_arousal_std": 0.1,
        "ccc_valence": None,
        "ccc_valence_std": None,
    }
