"""Networks of another corpus: who taught them, and who may not be tested."""

import importlib.util
import json
import sys

import pandas as pd
import pytest
import torch
from avef_clips import FORMAT
from test_avef import SETTINGS

from avlib.corpora.common.tables import CLIPS
from avlib.protocols.tables import FOLDS
from avlib.runtime import paths
from avlib.runtime.errors import DataError, LeakError, WeightsError
from avlib.runtime.tables import write_table
from avlib.systems.avef import transfer
from avlib.systems.avef import weights as avef_weights
from avlib.systems.avef.dbn import DBN, pretrain
from avlib.systems.avef.spoken import SpokenStreams
from avlib.weights import save_tensors

spec = importlib.util.spec_from_file_location("avef_transfer", "scripts/avef_transfer.py")
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


def tables_of(corpus, subjects):
    """Write tables of a clip of each subject: in fold 0 the last one is tested, in 1 the first."""
    rows = {"clip_id": subjects, "corpus": corpus, "subject": subjects, "sha256": "0"}
    clips = pd.DataFrame(dict.fromkeys(CLIPS.columns) | rows)
    write_table(paths.CLIPS, clips, CLIPS)
    parts = ["train"] * (len(subjects) - 2) + ["validation", "test"]
    folds = [
        pd.DataFrame({"clip_id": subjects, "fold": fold, "part": of})
        for fold, of in enumerate((parts, parts[::-1]))
    ]
    write_table(paths.FOLDS, pd.concat(folds), FOLDS)


def model_in(folder, weights="none", content=b"a network", modalities=("audio", "video")):
    folder.mkdir(parents=True)
    for name in ("audio", "video", "joint"):
        (folder / f"{name}.safetensors").write_bytes(content)
    arguments = {"system": "avef", "weights": weights, "modalities": modalities}
    (folder / "settings.json").write_text(json.dumps({"arguments": arguments}))
    return folder


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return tmp_path


def test_a_fold_is_carried_with_the_names_of_those_it_learned_from(project, monkeypatch, capsys):
    tables_of("rml", ["s1", "s2", "s3", "s4"])
    source = model_in(project / "data/models/avef/fold-1")
    monkeypatch.setattr(sys, "argv", ["avef_transfer.py", "data/models/avef/fold-1"])
    script.main()
    assert "3 people of rml" in capsys.readouterr().out
    facts = transfer.read_facts()
    assert facts["subjects"] == ["rml-s2", "rml-s3", "rml-s4"]
    for name in ("audio", "video", "joint"):
        copied = project / "data/weights/avef" / f"{name}.safetensors"
        assert copied.read_bytes() == (source / copied.name).read_bytes()


def test_a_model_of_all_clips_learned_from_everybody_of_a_joined_corpus(project):
    tables_of(["rml", "rml", "baum1s"], ["rml-s1", "rml-s2", "baum1s-s1"])
    model_in(project / "data/final/avef/model")
    facts = transfer.carry(project / "data/final/avef")
    assert facts["subjects"] == ["baum1s-s1", "rml-s1", "rml-s2"]
    assert facts["corpora"] == ["baum1s", "rml"]


def test_whoever_taught_is_refused_alone_and_joined_and_others_are_not(project):
    tables_of("rml", ["s1", "s2", "s3"])
    model_in(project / "data/models/avef/fold-0")
    transfer.carry(project / "data/models/avef/fold-0")  # of s1 and s2
    tables_of("rml", ["s3", "s4", "s5"])
    transfer.require_strangers()
    tables_of("baum1s", ["s1", "s2", "s3"])
    transfer.require_strangers()
    for names in (["s2", "s4", "s5"], ["rml-s2", "rml-s4", "rml-s5"]):
        tables_of("rml", names)
        with pytest.raises(LeakError, match="learned from rml-s2, who are in this corpus"):
            SpokenStreams(FORMAT, denoise=True, transfer=True).inputs()


def test_teachers_of_teachers_are_known_too(project):
    tables_of("rml", ["s1", "s2", "s3"])
    model_in(project / "data/models/avef/fold-0")
    transfer.carry(project / "data/models/avef/fold-0")
    tables_of("baum1s", ["s1", "s2", "s3"])
    second = model_in(project / "data/models/avef_raw/fold-0", weights="transfer", content=b"b")
    facts = transfer.carry(second)
    assert facts["subjects"] == ["baum1s-s1", "baum1s-s2", "rml-s1", "rml-s2"]


def test_networks_of_the_models_own_modalities_are_carried_alone(project):
    """Others may lie there from before, and learned from nobody knows whom."""
    tables_of("rml", ["s1", "s2", "s3"])
    model_in(project / "data/models/avef/fold-0", modalities=["audio"])
    model_in(project / "data/models/avef/fold-1")
    for fold in (1, 0):
        transfer.carry(project / f"data/models/avef/fold-{fold}")
    found = (project / "data/weights/avef").glob("*.safetensors")
    assert [file.name for file in found] == ["audio.safetensors"]


def test_what_cannot_be_carried_or_is_unknown_is_said(project):
    tables_of("rml", ["s1", "s2", "s3"])
    with pytest.raises(WeightsError, match=r"facts\.json is missing.*avef_transfer"):
        transfer.require_strangers()
    with pytest.raises(DataError, match=r"no networks in .*fold-0"):
        transfer.carry(project / "data/models/avef/fold-0")
    with pytest.raises(DataError, match="has no fold-7"):
        transfer.carry(model_in(project / "data/models/avef/fold-7"))
    assert not (project / "data/weights/avef").exists()


@pytest.mark.parametrize(("carried", "n"), [("shallow", 1), ("all", 2)])
def test_machines_begin_with_those_of_the_belief_network(tmp_path, monkeypatch, carried, n):
    torch.manual_seed(0)
    source, own = DBN(3, (8, 6, 4)), DBN(2, (8, 6, 4))
    state = {f"dbn.{name}": tensor for name, tensor in source.state_dict().items()}
    save_tensors(state, tmp_path / "joint.safetensors")
    monkeypatch.setattr(avef_weights, "TRANSFER", tmp_path)
    classifier = own.classifier.weight.clone()
    assert avef_weights.carried_machines(own, carried) == n
    data = torch.rand(20, 8)
    pretrain(own, data, data, batch=5, epochs=0, rates=(0.01, 0.1), seed=0, begun=n)
    for number, (one, other) in enumerate(zip(own.layers, source.layers, strict=True)):
        assert one.weight.equal(other.weight) == (number < n)
        assert one.bias.equal(other.bias) == (number < n)
    assert own.classifier.weight.equal(classifier)
    with pytest.raises(WeightsError, match=r"layers\.0\.weight is \(6, 8\), expected \(5, 8\)"):
        avef_weights.carried_machines(DBN(2, (8, 5, 4)), carried)


@pytest.mark.parametrize("modality", ["audio", "video"])
def test_all_but_the_last_layer_may_be_carried(tmp_path, monkeypatch, modality):
    monkeypatch.setattr(avef_weights, "TRANSFER", tmp_path)
    source = avef_weights.first_network(modality, 5, SETTINGS | {"seed": 7})
    save_tensors(source.state_dict(), tmp_path / f"{modality}.safetensors")
    settings = SETTINGS | {"weights": "transfer", "carried": "all"}
    fresh = avef_weights.first_network(modality, 2, SETTINGS).backbone.state_dict()
    backbone = avef_weights.first_network(modality, 2, settings).backbone
    for name, tensor in backbone.state_dict().items():
        last = name.startswith(backbone.LAST)
        assert tensor.equal(fresh[name] if last else source.backbone.state_dict()[name]), name
