"""The study of voices helped by other people's faces: who is where, and what its page says."""

import importlib.util
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import ravdess_file
from sklearn.metrics import f1_score

from avlib.params import Params, load
from avlib.registry import reader
from avlib.report.page import markdown

sys.path.insert(0, "scripts")  # as where the script is started
spec = importlib.util.spec_from_file_location("on_people", "scripts/emobed_on_people.py")
study = importlib.util.module_from_spec(spec)
spec.loader.exec_module(study)
EMOTIONS = ("anger", "calm", "fear")


@pytest.mark.parametrize("helper", ["audio", "video"])
def test_every_run_has_possible_params_and_one_half_helps_by_the_other_modality(helper, tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(Path("params.yaml").read_text())
    study.lay_over(file, study.PARAMS)
    for half, control in product(study.HALVES, study.CONTROLS):
        study.lay_over(file, study.settings(helper, control, half))
        emobed = load(tuple(Params.model_fields), file).emobed
        assert (emobed.auxiliary.corpus, emobed.auxiliary.modality) == (half, helper)
        assert emobed.control == control
        assert emobed.seeds == 5


def test_nobody_is_in_both_halves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    corpus, raw = tmp_path / "ravdess", tmp_path / "raw"
    for actor, emotion in product(("03", "04", "07", "08"), ("01", "05")):
        ravdess_file(corpus, f"03-01-{emotion}-01-01-01-{actor}")
    raw.mkdir()
    actors = study.halve(corpus, raw)
    assert list(actors) == ["first", "second"]
    assert all(len(members) == 2 for members in actors.values())
    assert not set(actors["first"]) & set(actors["second"])
    for half, members in actors.items():
        table = pd.read_csv(raw / half / "clips.csv", dtype=str)
        assert set(table["subject"]) == set(members)
        assert set(table["emotion"]) == {"neutral", "anger"}
        assert all((raw / half / name).resolve().is_file() for name in table["path"])
        # What voice and face have in common: all but the field that tells them apart.
        assert set(table["path"].str.len()) == {len("01-01-01-01-01-01.wav")}
    names = reader("halves", raw).recordings(raw / "halves").recordings
    assert {name.corpus for name in names} == {"first", "second"}


@pytest.fixture
def found():
    """Predictions of six people in two seeds: help is right more often, its controls are not."""
    rows = [
        (f"{person}{take}", person, EMOTIONS[take % 3]) for person in "abcdef" for take in range(12)
    ]
    clips = pd.DataFrame(rows, columns=["clip_id", "subject", "emotion"])
    tables = {}
    for number, key in enumerate(product(study.HELPERS, study.CONTROLS)):
        for system in study.SYSTEMS:
            classic = system == study.CLASSIC
            right = 0.9 if not classic and key[1] is None and key[0] == "video" else 0.4
            rng = np.random.default_rng(0 if classic else [number, *system.encode()])
            seeds = []
            for seed in range(2):
                said = np.where(
                    rng.random(len(clips)) < right,
                    clips["emotion"],
                    rng.choice(EMOTIONS, len(clips)),
                )
                table = clips[["clip_id", "emotion"]].assign(predicted=said)
                seeds.append(table.assign(fold=0, seed=seed))
            tables[*key, system] = pd.concat(seeds)
    return tables, clips


def test_the_page_says_what_is_gained_and_what_is_not_owed_to_faces(found):
    tables, clips = found
    actors = {"first": ["a", "b", "c", "d"], "second": ["e", "f", "g", "h"]}
    page = study.as_page(tables, clips, actors, "abc")
    text = markdown(page)
    assert "python scripts/emobed_on_people.py" in text
    assert "2 actors are learned from, 2 others tested" in text
    voices, faces = page.sections[1:3]
    assert voices.title == "Voices helped by other people's faces"
    assert faces.title == "Faces helped by other people's voices"
    over, against = voices.tables
    scores = {tuple(row[:2]): row[2:] for row in over.rows}
    assert len(scores) == 1 + 3 * 3
    classic = tables["video", None, study.CLASSIC]
    helped = tables["video", None, "emobed"]
    each = [
        [f1_score(of["emotion"], of["predicted"], average="macro") for _, of in t.groupby("seed")]
        for t in (helped, classic)
    ]
    f1, gain, interval, p, holm = scores["emobed", "faces"]
    assert float(f1) == pytest.approx(100 * np.mean(each[0]), abs=0.051)
    assert float(gain) == pytest.approx(100 * np.mean(np.subtract(*each)), abs=0.051)
    low, high = map(float, interval.split(" to "))
    assert 0 < low < float(gain) < high
    assert float(p) == pytest.approx(2 / 2**6, abs=0.0005)  # of six people none less
    assert float(holm) > float(p)
    low, high = map(float, scores["emobed", "noise"][2].split(" to "))
    assert low < 0 < high
    assert {row[1] for row in against.rows} == {"noise", "shuffled labels"}
    assert all(float(row[2]) > 20 for row in against.rows)
    assert all(abs(float(row[3])) < 20 for row in faces.tables[0].rows[1:])
