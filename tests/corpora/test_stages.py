"""Miniature corpora through the stages that list clips and divide them."""

import itertools
import json
from pathlib import Path

import builders
import pandas as pd
import pytest
import yaml

from stages import clips, corpus, folds

PROJECT = Path(__file__).parents[2]
SHORT = {"seconds": 0.2, "size": (32, 48)}


def enterface05(folder):
    for subject, emotion in itertools.product((1, 6, 11, 12), ("anger", "sadness")):
        for sentence in (1, 2) if subject != 6 else (None,):
            builders.enterface05_clip(folder, subject, emotion, sentence, **SHORT)


def rml(folder):
    for place, code in itertools.product(("s1/s1", "s2/english", "s2/urdu", "s3"), ("an", "su")):
        builders.rml_clip(folder, place, f"{code}1", **SHORT)


def baum1s(folder):
    words = ["Anger", "Happiness", "Thinking"]
    rows = [
        (f"S{subject:03}_{number:03}", word)
        for subject in range(1, 5)
        for number, word in enumerate(words)
    ]
    builders.baum1s_workbook(folder, rows)
    for clip, _ in rows:
        builders.baum1s_clip(folder, clip, **SHORT)
    builders.baum1s_clip(folder, "S001_000", part="BAUM1a_MP4_all", **SHORT)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project whose parameters can be set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    values = yaml.safe_load((PROJECT / "params.yaml").read_text())

    def set_(name, subset, protocol):
        values.update(corpus=name, subset=subset)
        values["protocol"].update(protocol)
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
        return tmp_path / "data/raw" / name

    return set_


def test_what_was_found_is_written_anew_whenever_the_clips_are_listed(project):
    """DVC runs stage `clips` when a file is added, and stage `corpus` not."""
    folder = project("rml", None, {"name": "loso"})
    rml(folder)
    corpus.main()
    clips.main()
    builders.rml_clip(folder, "s4", "an1", **SHORT)
    (folder / "s4/odd.xyz").touch()
    clips.main()
    found = json.loads(Path("data/corpus.json").read_text())
    assert (found["clips"], found["subjects"]) == (9, 4)
    assert found["left_out"] == {".xyz files": 1}
    deps = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
    assert "data/corpus.json" in deps["clips"]["outs"]
    assert "data/raw/${corpus}" in deps["clips"]["deps"]


@pytest.mark.parametrize(
    ("build", "subset", "protocol", "n_clips", "n_folds"),
    [
        (enterface05, None, {"name": "stratified_kfold", "k": 2}, 14, 2),
        (enterface05, "merml_42", {"name": "stratified_kfold", "k": 2}, 12, 2),
        (
            enterface05,
            "merml_42",
            {"name": "stratified_kfold", "k": 2, "validation_by": "clips"},
            12,
            2,
        ),
        (rml, None, {"name": "loso"}, 8, 3),
        (baum1s, None, {"name": "logso", "k": 2}, 8, 2),
        (baum1s, "all", {"name": "subject_kfold", "k": 2}, 12, 2),
    ],
)
def test_a_miniature_corpus_becomes_clips_and_folds(
    project, build, subset, protocol, n_clips, n_folds
):
    build(project(build.__name__, subset, protocol))
    corpus.main()
    clips.main()
    folds.main()
    assert json.loads(Path("data/corpus.json").read_text())["clips"] == n_clips
    table = pd.read_parquet("data/clips.parquet")
    assert len(table) == n_clips
    assert table[["width", "sample_rate", "original_emotion", "emotion"]].notna().all(axis=None)
    high = table["emotion"].isin(["anger", "happiness", "surprise"])
    low = table["emotion"].eq("sadness")
    assert (table.loc[high, "binary_arousal"] == "high").all()
    assert (table.loc[low, "binary_arousal"] == "low").all()
    assert table.loc[~(high | low), "binary_arousal"].isna().all()
    parts = pd.read_parquet("data/folds.parquet")
    assert parts["fold"].nunique() == n_folds
    assert sorted(parts.loc[parts["part"] == "test", "clip_id"]) == sorted(table["clip_id"])
    status = pd.read_parquet("data/status/clips.parquet")
    assert set(status["status"]) == {"ok"}
