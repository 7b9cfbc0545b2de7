import importlib.util
from pathlib import Path

import numpy as np
import pytest
import yaml
from builders import ravdess_file
from scipy.ndimage import gaussian_filter

from avlib.descriptors.expression import crop
from avlib.params import Params, load
from avlib.report.page import Page, Section, markdown
from avlib.runtime import paths
from avlib.runtime.tables import write_table

spec = importlib.util.spec_from_file_location("people", "scripts/results_on_people.py")
people = importlib.util.module_from_spec(spec)
spec.loader.exec_module(people)
STUDIES = [
    study
    for file in sorted(Path("scripts").glob("*.yaml"))
    for study in yaml.safe_load(file.read_text())
]


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study["title"])
def test_params_of_a_study_are_possible_and_its_stages_there(study, tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(Path("params.yaml").read_text())
    before = file.read_text().splitlines()
    people.lay_over(file, {"corpus": "ravdess", **study["params"]})
    params = load(tuple(Params.model_fields), file)
    assert params.corpus == "ravdess"
    assert params.fisher.components == [study["params"]["fisher"]["components"]]
    kept = set(before) & set(file.read_text().splitlines())
    assert len(kept) > 0.9 * len(set(before))  # comments and all
    assert set(study["stages"]) <= set(yaml.safe_load(Path("dvc.yaml").read_text())["stages"])
    for normalise in study["normalise"]:
        people.lay_over(file, {"speakers": {"normalise": normalise}})
        assert load(("speakers",), file).speakers.normalise == normalise
    as_it_was = file.read_text()
    for values in study.get("variations", {}).values():
        people.lay_over(file, values)
        merml = load(("merml",), file).merml.model_dump()
        assert all(
            merml[name] in (value, [value]) for name, value in values.get("merml", {}).items()
        )
        file.write_text(as_it_was)


def test_the_faces_alone_are_written_anew():
    sections = [Section("Faces", ["New."]), Section("Descriptors", ["As well."])]
    page = markdown(Page("Results", [Section("Voices", ["Kept."]), Section("Faces", ["Old."])]))
    expected = Page("Results", [Section("Voices", ["Kept."]), *sections])
    assert people.with_faces(page, sections) == markdown(expected)


def test_faces_of_fer2013_are_seen_whole_by_the_expression_network():
    rng = np.random.default_rng(0)
    faces = gaussian_filter(rng.uniform(size=(3, 48, 48)), (0, 2, 2), mode="nearest")
    faces = (255 * (faces - faces.min()) / np.ptp(faces)).astype(np.uint8)
    chips = importlib.import_module("descriptors_on_faces").chips(faces)
    assert chips.shape == (3, 224, 224, 3)
    assert np.ptp(chips, axis=3).max() == 0  # grey
    seen = crop(chips)[:, 0].numpy()
    assert np.abs(seen - faces).mean() < 0.01 * 255
    assert np.abs(seen[:, :-1] - faces[:, 1:]).mean() > 0.02 * 255  # a pixel off


def test_published_folds_are_taken_where_every_actor_is_here(tmp_path):
    with pytest.raises(SystemExit, match="ravdess"):
        people.protocol(tmp_path)
    for number in range(1, 24):
        ravdess_file(tmp_path, f"03-01-01-01-01-01-{number:02}", archive_level=True)
    (tmp_path / "Actor_24").mkdir()  # without recordings
    assert people.protocol(tmp_path)["name"] == "subject_kfold"
    ravdess_file(tmp_path, "03-01-01-01-01-01-24")
    assert people.protocol(tmp_path) == {"name": "published", "folds": "hicmae", "k": 6}


def test_a_run_is_read_with_the_normalisation_of_its_speakers(tmp_path, tiny, schemas):
    (tmp_path / "params.yaml").write_text(Path("params.yaml").read_text())
    people.lay_over(tmp_path / "params.yaml", {"speakers": {"normalise": "transductive"}})
    merml = tiny.predict("merml")
    write_table(tmp_path / paths.FOLDS, tiny.folds, schemas["folds"])
    write_table(tmp_path / paths.PREDICTIONS / "merml.parquet", merml, schemas["predictions"])
    tiny.clips.to_parquet(tmp_path / paths.CLIPS)
    run = people.read(tmp_path)
    assert run.normalised == "transductive"
    assert list(run.predictions) == ["merml"]
    assert run.scores["merml"]["clips"] == len(tiny.clips)
