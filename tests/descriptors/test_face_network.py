"""The face_model stage: which weights describe the faces, and what missing ones say."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import save_file

from avlib.descriptors.face_network import network_weights, prepare
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


def test_missing_weights_say_which_file_and_what_does_without(project):
    with pytest.raises(WeightsError, match=r"vgg_face\.safetensors is missing.*dlib_resnet"):
        prepared(project, "vgg_face")


def test_fine_tuning_and_fc7_exclude_each_other(project):
    (project / "data/raw/fer2013").mkdir(parents=True)
    (project / "data/raw/fer2013/fer2013.csv").write_text("emotion,pixels,Usage\n")
    with pytest.raises(ParamsError, match=r"video\.layer is fc7"):
        prepared(project, "vgg_face", "fc7")
