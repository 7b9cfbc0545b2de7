"""The made-up problem as corpora, for the pipeline."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from avlib.registry import reader

sys.path.insert(0, "scripts")  # as where the script is started
spec = importlib.util.spec_from_file_location("corpora", "scripts/emobed_controls_corpus.py")
corpora = importlib.util.module_from_spec(spec)
spec.loader.exec_module(corpora)


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(corpora, "TESTED", 40)
    monkeypatch.setattr(corpora, "FACES", 40)
    monkeypatch.setattr(sys, "argv", ["script", "3"])
    corpora.main()
    return Path("data/raw")


def test_the_pipeline_reads_people_who_learn_are_tested_and_help_apart(written):
    recordings = reader("made_up", written).recordings(written / "made_up").recordings
    people = {}
    for r in recordings:
        people.setdefault((r.corpus, r.partition), set()).add(r.subject)
    parts = [("made_up_voices", "train"), ("made_up_voices", "test"), ("made_up_faces", None)]
    assert [len(people[part]) for part in parts] == [4, 10, 10]
    assert len(set.union(*people.values())) == 24
    for part in parts:
        shown = [r.emotion for r in recordings if (r.corpus, r.partition) == part]
        assert set(pd.Series(shown).value_counts()) == {len(shown) // 4}


def test_what_is_shown_stands_in_tables_under_the_clips_names(written):
    recordings = reader("made_up", written).recordings(written / "made_up").recordings
    for corpus in ("voices", "faces"):
        table = pd.read_csv(written / "tables" / "made_up" / f"{corpus}.csv")
        own = {r.clip_id for r in recordings if r.corpus == f"made_up_{corpus}"}
        assert set(table["clip"]) == own
        assert set(table["clip"].value_counts()) == {8}
    # The intensity of a rise grows along the same direction in all clips of a modality.
    table = pd.read_csv(written / "tables" / "made_up" / "voices.csv")
    by_clip = {r.clip_id: r.emotion for r in recordings}
    steps = table.filter(regex="^x").to_numpy().reshape(-1, 8, 12)
    emotion = np.array([by_clip[clip] for clip in table["clip"][::8]])
    growth = {
        name: (steps[emotion == name, -2:] - steps[emotion == name, :2]).mean((0, 1))
        for name in corpora.EMOTIONS
    }
    size = {name: np.linalg.norm(grown) for name, grown in growth.items()}
    assert growth["rise"] @ growth["fall"] < -0.7 * size["rise"] * size["fall"]
    assert size["rise"] > 2 * max(size["peak"], size["dip"])
