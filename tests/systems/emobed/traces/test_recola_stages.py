"""A made-up RECOLA in either layout, without recordings, from its files to the report."""

import json
from pathlib import Path

import builders
import numpy as np
import pytest
import yaml

from avlib.corpora.common.avec import read_frames
from avlib.runtime.tables import read_table
from stages import (
    audio_features,
    clips,
    copies,
    evaluate,
    faces,
    folds,
    report,
    speech,
    train_traces,
    video_features,
)

PROJECT = Path(__file__).resolve().parents[4]
BEFORE = (clips, folds, faces, speech, copies, video_features, audio_features)
SMALL = {"hidden": 4, "layers": 1, "epochs": 1, "delay": 0.2, "avec": True}
KINDS = {"audio": 3, "video_appearance": 4, "video_geometric": 2}
EVERY = [f"{part}_{number}" for part in ("train", "dev", "test") for number in range(1, 10)]


def recola(folder, labelled, raters):
    """Nine recordings a part of two seconds: features of three kinds, and labels of some.

    With raters they have the authors' names, and labels by six raters each.
    """
    rng = np.random.default_rng(0)
    lines = ["recording,partition"]
    for number, name in enumerate(EVERY, start=16):
        felt = np.tanh(np.cumsum(rng.normal(size=(50, 2)), axis=0) / 4)
        called = f"P{number}" if raters else name
        for kind, width in KINDS.items():
            values = felt @ rng.normal(size=(2, width)) + rng.normal(size=(50, width)) / 3
            builders.avec_features(folder, kind, called, values)
        lines.append(f"{called},{name.partition('_')[0]}")
        if name.startswith(labelled) and raters:
            said = felt[:, :, None] + rng.normal(size=(1, 2, 6)) / 3
            builders.recola_raters(folder, called, said[:, 0], said[:, 1])
        elif name.startswith(labelled):
            builders.recola_ratings(folder, called, *felt.T)
    if raters:
        (folder / "partitions.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def run(tmp_path, monkeypatch, one_thread):
    """Run the stages on a made-up RECOLA whose labelled parts are given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")

    def stages(labelled, modalities=("audio", "video"), *, raters=False, **traces):
        params = yaml.safe_load((PROJECT / "params.yaml").read_text())
        params["traces"] |= SMALL | traces
        params["protocol"]["name"] = "official"
        params |= {"corpus": "recola", "modalities": list(modalities)}
        Path("params.yaml").write_text(yaml.safe_dump(params))
        recola(tmp_path / "data" / "raw" / "recola", labelled, raters)
        for stage in (*BEFORE, train_traces, evaluate, report):
            stage.main()
        return json.loads(Path("metrics/traces.json").read_text())

    return stages


def test_nine_recordings_train_nine_choose_and_nine_are_tested_in_the_four_scenarios(run):
    both = {"video": ["geometry", "appearance"], "train": ["svr", "emobed_classic", "emobed"]}
    scores = run(("train", "dev", "test"), **both)
    assert scores["part"] == "test"
    parts = read_table("data/folds.parquet")["part"].value_counts().to_dict()
    assert parts == {"train": 9, "validation": 9, "test": 9}
    for part in ("systems", "validation"):
        assert set(scores[part]["emobed"]) == {
            "audio+geometry", "geometry+audio", "audio+appearance", "appearance+audio",
        }  # fmt: skip
        for alone in ("svr", "emobed_classic"):
            assert set(scores[part][alone]) == {"audio", "geometry", "appearance"}
        after = scores[part]["emobed"]["audio+geometry"]["valence"]["after"]
        assert after["pooled"]["recordings_total"] == 9
    page = Path("report/report.md").read_text()
    head, _, *rows = page[page.index("| CCC of all | ") :].splitlines()
    ours = head.split(" | ").index("arousal, test")
    assert head.split(" | ")[ours + 1] == "arousal, test (published)"
    (beside,) = [row.split(" | ") for row in rows[:13] if row.startswith("| emobed | audio+appea")]
    assert beside[ours + 1] == "0.644"
    mean = scores["systems"]["emobed"]["audio+appearance"]["arousal"]["after"]["ccc_concatenated"]
    assert beside[ours] == f"{mean:.3f}"
    assert "IEEE Trans. Affective Computing 2019, section 5.1" in page
    assert not list(Path("data/trace_models").rglob("*.arff"))


@pytest.mark.parametrize("raters", [False, True])
def test_without_test_labels_the_nine_are_predicted_to_be_handed_in(run, raters):
    scores = run(("train", "dev"), modalities=["audio"], raters=raters)
    assert scores["part"] == "validation"
    parts = read_table("data/folds.parquet")["part"].value_counts().to_dict()
    assert parts == {"train": 9, "validation": 9, "test": 9}
    folder = Path("data/trace_models/emobed_classic-audio/fold-0/submission/arousal")
    names = {f"P{n}" for n in range(34, 43)} if raters else {f"test_{n}" for n in range(1, 10)}
    assert {file.stem for file in folder.iterdir()} == names
    assert {len(read_frames(file)) for file in folder.iterdir()} == {50}
    short = json.loads(Path("metrics/continuous.json").read_text())["recola"]
    assert set(short["emobed_classic-audio"]) == {"chosen_by", "validation"}
    page = Path("report/report.md").read_text()
    assert "The test recordings have no labels" in page
    assert "| Selection | on the validation part of the corpus' authors |" in page
    assert "18 labelled clips of 27 subjects, 0 emotions; 9 clips without labels" in page
    head = next(line for line in page.splitlines() if line.startswith("| CCC of all | "))
    assert "arousal, validation | arousal, test (published)" in head
