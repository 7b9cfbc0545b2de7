"""Tables by name: what is read, and what is said where there is nothing to read."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import avlib
from avlib.descriptors.tables import AUDIO
from avlib.protocols import FOLDS
from avlib.runtime import tables
from avlib.runtime.catalogue import STAGES
from avlib.runtime.errors import DataError
from avlib.speech.tables import SPEECH
from avlib.systems.common.tables import PREDICTIONS

ROWS = pd.DataFrame({"clip_id": ["a", "a", "b"], "fold": [0, 1, 0], "part": "test"})


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """The tables of two clips, one of each kind of layout."""
    monkeypatch.chdir(tmp_path)
    tables.write_table("data/folds.parquet", ROWS, FOLDS)
    for model in ("merml", "svm_concat"):
        rows = {"model": model, "condition": "default", "modalities": "both", "emotion": "joy"}
        predicted = ROWS.drop(columns="part").assign(**rows, predicted="joy", prob_joy=1.0)
        tables.write_table(f"data/predictions/{model}.parquet", predicted, PREDICTIONS)
    for clip in "ab":
        sound = {"clip_id": [clip], "sample_rate": [16000], "pcm": [b"\1\0"], "intervals": [[]]}
        tables.write_table(tables.part_path("data/speech", clip), sound, SPEECH)
    return tmp_path


def test_a_table_is_read_by_name():
    pd.testing.assert_frame_equal(avlib.read("folds"), ROWS, check_dtype=False)


def test_predictions_are_those_of_all_models():
    rows = avlib.read("predictions")
    assert rows["model"].value_counts().to_dict() == {"merml": 3, "svm_concat": 3}
    assert avlib.read("predictions/merml")["model"].unique().tolist() == ["merml"]


@pytest.mark.parametrize("name", ["folds", "predictions", "speech"])
def test_one_clip_has_the_rows_that_the_table_has_of_it(name):
    whole = avlib.read(name)
    found = avlib.read(name, clip_id="b")
    expected = whole[whole["clip_id"] == "b"].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected)
    with pytest.raises(DataError, match=rf"{name}.*: holds nothing of clip 'c'.*status"):
        avlib.read(name, clip_id="c")


def test_vectors_of_a_clip_are_those_of_the_whole_table():
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    rows = {"clip_id": ["a", "a"], "frame": [0, 1], "time": [0.0, 0.1], "descriptor": values}
    tables.write_table(tables.part_path("data/audio", "s"), rows, AUDIO)
    whole, clip = avlib.read("audio"), avlib.read("audio", clip_id="a")
    pd.testing.assert_frame_equal(clip, whole)
    np.testing.assert_array_equal(tables.vectors(clip["descriptor"]), values)


@pytest.mark.parametrize("name", ["predictons", "", ".", "..", "../data/folds", "folds/x"])
def test_an_unknown_table_is_one_line_of_those_there_are(name):
    said = "no such table; there are folds, predictions, speech; not computed are clips .stage clip"
    with pytest.raises(DataError, match=said) as error:
        avlib.read(name)
    assert "\n" not in str(error.value)


def test_a_table_that_is_not_computed_yet_names_its_stage():
    with pytest.raises(DataError, match="audio is not computed; it is made by stage audio_feature"):
        avlib.read("audio")


def test_a_folder_of_several_tables_says_which():
    tables.write_table("data/embeddings/merml/fold-0.parquet", ROWS, FOLDS)
    with pytest.raises(DataError, match=r"several tables; read one of embeddings/merml"):
        avlib.read("embeddings")
    assert len(avlib.read("embeddings/merml/fold-0")) == 3


def test_the_names_and_their_stages_are_those_of_the_pipeline():
    stages = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text())["stages"]
    made = {}
    for stage, facts in stages.items():
        for out in facts["outs"]:
            if isinstance(out, str) and out.startswith("data/"):
                made.setdefault(Path(out).parts[1].removesuffix(".parquet"), set()).add(stage)
    for name, stage in STAGES.items():
        expected = re.escape(stage).replace(r"\*", ".*")
        if name == "status":
            assert made[name] >= {"clips", "faces"}
        else:
            assert all(re.fullmatch(expected, maker) for maker in made[name]), name


def test_looking_at_the_package_loads_nothing():
    code = "import sys, avlib; assert 'read' in avlib.__all__; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
