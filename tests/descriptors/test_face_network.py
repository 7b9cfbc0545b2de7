"""The face_model stage: which weights describe the faces, and what missing ones say."""

import hashlib
import json
import re

import pytest
import torch
from safetensors.torch import save_file

from avlib.descriptors import face_model
from avlib.descriptors.face_network import network_among, network_weights, prepare
from avlib.runtime.errors import ParamsError, WeightsError


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prepared(folder, backbone, layer="fc6"):
    prepare(backbone, layer, {})
    return folder / "data" / "face_model"


def test_dlibs_network_needs_no_file(project):
    out = prepared(project, "dlib_resnet")
    assert network_weights(out) == {}
    assert json.loads((out / "network.json").read_text())["fine_tuned_on"] is None


def test_published_weights_are_taken_as_they_are(project):
    (project / "data/weights/vgg_face").mkdir(parents=True)
    published = project / "data/weights/vgg_face/vgg_face.safetensors"
    save_file({"conv1_1.bias": torch.arange(3.0)}, published)
    found = network_weights(prepared(project, "vgg_face"))
    content = published.read_bytes()
    assert found["weights"].read_bytes() == content
    assert found["sha256"] == hashlib.sha256(content).hexdigest()


def facts(out):
    return json.loads((out / "network.json").read_text())


def test_it_is_said_why_nothing_is_fine_tuned(project, caplog):
    caplog.set_level("INFO")
    (project / "data/weights/vgg_face").mkdir(parents=True)
    save_file(
        {"conv1_1.bias": torch.arange(3.0)}, project / "data/weights/vgg_face/vgg_face.safetensors"
    )
    for descriptor, reason in (
        (
            "vgg_face",
            "no FER2013 found.*data/raw/fer2013: neither fer2013.csv nor icml_face_data.csv",
        ),
        ("dlib_resnet", "only vgg_face is fine-tuned"),
    ):
        found = facts(prepared(project, descriptor))
        assert found["fine_tuned_on"] is None
        assert re.search(reason, found["reason"])
        assert found["reason"] in caplog.text


@pytest.mark.parametrize("copy", ["fer2013.csv", "icml_face_data.csv", "train/angry"])
def test_any_copy_of_fer2013_is_fine_tuned_on(project, monkeypatch, copy):
    place = project / "data/raw/fer2013" / copy
    place.parent.mkdir(parents=True)
    place.mkdir() if copy.startswith("train") else place.write_text("emotion,pixels,Usage\n")
    used = []
    monkeypatch.setattr(
        face_model, "fine_tune", lambda faces, *args, **settings: used.append(faces)
    )
    (project / "data/weights/vgg_face").mkdir(parents=True)
    (project / "data/weights/vgg_face/vgg_face.safetensors").write_bytes(b"")
    found = facts(prepared(project, "vgg_face"))
    expected = "data/raw/fer2013" if copy.startswith("train") else f"data/raw/fer2013/{copy}"
    assert [str(path) for path in used] == [expected]
    assert (found["fine_tuned_on"], found["faces"], found["reason"]) == ("fer2013", expected, None)


def test_the_expression_network_is_taken_as_it_is(project):
    with pytest.raises(WeightsError, match=r"expression\.safetensors is missing"):
        prepared(project, "expression")
    (project / "data/weights/expression").mkdir(parents=True)
    ours = project / "data/weights/expression/expression.safetensors"
    ours.write_bytes(b"weights")
    out = prepared(project, "expression")
    assert network_weights(out)["weights"].read_bytes() == b"weights"
    assert "only vgg_face is fine-tuned" in facts(out)["reason"]


def test_missing_weights_say_which_file_and_what_does_without(project):
    with pytest.raises(WeightsError, match=r"vgg_face\.safetensors is missing.*dlib_resnet"):
        prepared(project, "vgg_face")


def test_fine_tuning_and_fc7_exclude_each_other(project):
    (project / "data/raw/fer2013").mkdir(parents=True)
    (project / "data/raw/fer2013/fer2013.csv").write_text("emotion,pixels,Usage\n")
    with pytest.raises(ParamsError, match=r"video\.layer is fc7"):
        prepared(project, "vgg_face", "fc7")


def test_the_network_may_be_a_view_but_there_is_one():
    assert network_among(["table", "expression"]) == "expression"
    assert network_among(["geometry"]) == "geometry"
    with pytest.raises(ParamsError, match=r"name vgg_face and expression;.*dlib_resnet"):
        network_among(["vgg_face", "geometry", "expression"])
