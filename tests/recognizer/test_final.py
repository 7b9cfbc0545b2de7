"""What stage `final` keeps, and that a recording takes the way of the pipeline's clips to it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from kept_models import EMOTIONS, run_stage

from avlib import Recognizer
from avlib.descriptors.face_network import FACE_MODEL
from avlib.media import probe
from avlib.recognizer import kept
from avlib.recognizer.describe import VectorDescriber
from avlib.recognizer.observe import spans
from avlib.recognizer.training import all_clips
from avlib.runtime import paths, tables
from avlib.runtime.errors import DataError, ParamsError


@pytest.fixture
def there(project, monkeypatch):
    """The model of the finished project, where one is; tests must leave it as it is."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    return Path("data/final/svm_audio")


@pytest.fixture
def copy(project, tmp_path, monkeypatch):
    """A copy of the project to change at will."""
    folder = Path(shutil.copytree(project, tmp_path / "copy"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    return folder


def change(folder, **sections):
    path = folder / "params.yaml"
    values = yaml.safe_load(path.read_text())
    for section, changes in sections.items():
        values[section] = values[section] | changes if isinstance(changes, dict) else changes
    path.write_text(yaml.safe_dump(values))


def test_a_recording_is_described_encoded_and_scored_bit_for_bit_as_the_pipelines_tables(there):
    model = kept.read(there)
    (encoder,) = model.encoders["audio"].values()
    (descriptor,) = model.descriptors["audio"].values()
    table = {
        clip: tables.vectors(rows["descriptor"])
        for clip, rows in tables.iter_clips("data/audio", ["descriptor"])
    }
    files = {Path(f).stem: f for f in sorted(Path("data/raw/mine").glob("*.wav"))}
    assert set(files) == set(table)
    found = Recognizer.load(there).predict(list(files.values())).to_dict("records")
    for (clip, file), row in zip(files.items(), found, strict=True):
        [span] = spans(file, probe(file), ("audio",), 1.5, model.settings)
        assert np.array_equal(descriptor.describe(span.sound, 16000)[1], table[clip])
        clips = VectorDescriber(model.descriptors, model.encoders).clips(span, [None])
        vector = encoder.encode([table[clip]], np.array(["nobody"]))
        assert np.array_equal(clips.features["audio"], vector)
        [expected] = model.model.predict_proba(clips, ("audio",))
        assert [row[f"prob_{emotion}"] for emotion in EMOTIONS] == expected.tolist()
        assert (row["clip"], row["used"], row["reason"]) == (str(file), "audio", "")


def test_all_clips_are_learned_from_and_whole_subjects_judge(there):
    emotions, clips = all_clips()
    assert emotions == EMOTIONS
    assert len(clips) == 24
    assert clips.groupby("subject")["part"].nunique().eq(1).all()
    assert set(clips["part"]) == {"train", "validation"}
    files = sorted(Path("data/raw/mine").glob("*.wav"))
    said = Recognizer.load(there).predict(files)["emotion"]
    assert said.tolist() == [file.stem.split("_")[1] for file in files]


def test_the_card_says_what_it_learned_from_and_how_well_it_does(there):
    card = (there / kept.CARD).read_text()
    assert "24 clips of 6 subjects" in card
    assert "subject_kfold, 2 folds, whole subjects held out" in card
    predicted = tables.read_table("data/predictions/svm_audio.parquet")
    share = 100 * (predicted["emotion"] == predicted["predicted"]).mean()
    assert f"| accuracy | {share:.1f} |" in card
    assert "this model itself was tested on nothing" in card
    assert "dvc repro final@svm_audio" in card
    assert "ask its owner" in card  # nobody knows the licence of a folder of one's own


def test_an_untested_model_is_kept_and_its_card_says_so(copy):
    (copy / "data/predictions/svm_audio.parquet").unlink()
    run_stage("final", "svm_audio")
    assert "Not known: not trained yet" in (copy / "data/final/svm_audio" / kept.CARD).read_text()


def test_a_second_run_gives_the_same_bytes_from_memory(copy, monkeypatch):
    folder = copy / "data/final/svm_audio"
    before = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    shutil.rmtree(folder)

    def computed(*_):
        raise AssertionError("computed anew")

    monkeypatch.setattr("avlib.systems.svm.model.SVMModel.fit", computed)
    run_stage("final", "svm_audio")
    after = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert after == before


@pytest.mark.parametrize(
    ("model", "sections", "said"),
    [
        ("svm_audio", {"speakers": {"normalise": "transductive"}}, "transductive: it takes other"),
        ("svm_audio", {"audio": {"descriptor": "table"}}, "audio.descriptor or views name table"),
    ],
)
def test_what_cannot_be_kept_is_one_line(copy, model, sections, said):
    change(copy, **sections)
    with pytest.raises(ParamsError, match=said):
        run_stage("final", model)


def test_a_model_that_lacks_a_modality_is_one_line(copy):
    with pytest.raises(DataError, match="svm_concat needs audio and video, and most clips lack"):
        run_stage("final", "svm_concat")


def test_what_was_kept_is_numbers_and_text(there):
    suffixes = {path.suffix for path in there.rglob("*") if path.is_file()}
    assert suffixes == {".json", ".npz", ".md"}
    assert json.loads((there / kept.FACTS).read_text())["format"] == kept.FORMAT


def test_a_model_that_only_hears_keeps_no_network_of_faces(copy):
    paths.FACE_MODEL.mkdir(parents=True, exist_ok=True)
    (paths.FACE_MODEL / FACE_MODEL).write_bytes(b"weights")
    run_stage("final", "svm_audio")
    folder = paths.FINAL / "svm_audio"
    assert not (folder / kept.FACE_NETWORK).exists()
    assert json.loads((folder / kept.FACTS).read_text())["face_network"] == ""
