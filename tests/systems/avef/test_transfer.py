"""Networks of other corpora: from params.yaml to folds that begin with them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from avef_clips import spoken_clips
from safetensors.torch import load_file
from test_avef import SETTINGS

from avlib.corpora.common.tables import CLIPS
from avlib.params import load
from avlib.registry import system
from avlib.runtime import tables
from avlib.runtime.digests import name_digest
from avlib.runtime.errors import DataError, LeakError, ParamsError, WeightsError
from avlib.systems.avef import transfer
from avlib.systems.avef import weights as avef_weights
from avlib.systems.avef.dbn import DBN, pretrain
from avlib.systems.avef.params import FIRST
from avlib.systems.avef.spoken import SpokenStreams
from avlib.systems.common import train_section as training
from avlib.systems.common.fold_clips import in_parts, label_columns
from avlib.weights import save_tensors
from stages import folds as folds_stage
from stages import train_avef

EMOTIONS = ("anger", "fear")
CORPORA = {"rml": 4, "enterface05": 2, "baum1s": 2}  # people, of two clips each
OTHERS = ["baum1s", "enterface05"]
SMALL = SETTINGS | {"train": ["avef", "avef_transfer"], "transfer": OTHERS, "decision": "segments"}


@pytest.fixture
def project(request, tmp_path, monkeypatch, schemas):
    """Three corpora joined, with made-up streams; trained in the stage's own process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    set_params(request.config.rootpath)
    write_clips()
    tables.write_table("data/copies.parquet", tables.no_rows(schemas["copies"]), schemas["copies"])
    streams = spoken_clips(tmp_path / "streams", sum(CORPORA.values()))
    monkeypatch.setattr(SpokenStreams, "inputs", lambda self: [])
    monkeypatch.setattr(SpokenStreams, "read", lambda _, *given: read(streams, *given))
    monkeypatch.setattr(training, "stage_cost", lambda *_: None)
    return request.config.rootpath


def set_params(project, protocol=None, **changes):
    values = yaml.safe_load((project / "params.yaml").read_text())
    values |= {"corpus": "three", "members": [*CORPORA]}
    values["protocol"] |= {"k": 2, "validation": 0.3} | (protocol or {})
    values["avef"] |= SMALL | changes
    Path("params.yaml").write_text(yaml.safe_dump(values))


def write_clips(**renamed):
    """List the clips; `renamed` gives people of `CORPORA` other names."""
    rows = []
    for corpus, n in CORPORA.items():
        for person in range(n):
            name = f"{corpus}-{renamed.get(f'{corpus}{person}', f'{corpus[0]}{person}')}"
            rows += [(f"{corpus}-{person}{e}", corpus, name, e) for e in EMOTIONS]
    table = pd.DataFrame(rows, columns=["clip_id", "corpus", "subject", "emotion"])
    table["sha256"] = table["clip_id"].map(name_digest)
    table["audio_path"] = table["video_path"] = table["clip_id"]
    unknown = dict.fromkeys(c for c in CLIPS.columns if c not in table)
    tables.write_table("data/clips.parquet", table.assign(**unknown), CLIPS)


def read(streams, labelled, emotions, _):
    """Give clips of the table made-up streams, by their places in it."""
    known = tables.read_table("data/clips.parquet", ["clip_id"])["clip_id"].tolist()
    found = streams.select(np.array([known.index(c) for c in labelled["clip_id"]], int))
    return in_parts(replace(found, **label_columns(labelled, emotions)), labelled["part"])


def test_networks_begin_with_those_of_the_other_corpora_and_stand_beside_those_that_do_not(project):
    set_params(project, frozen={"audio": 5, "video": 8}, dbn_epochs=1)
    folds_stage.main()
    train_avef.main()
    folds = tables.read_table("data/folds.parquet")
    helping = ~folds["clip_id"].str.startswith("rml").to_numpy(bool)
    assert set(folds.loc[helping, "part"]) == {"auxiliary"}
    for model in ("avef", "avef_transfer"):
        rows = tables.read_table(f"data/predictions/{model}.parquet")
        tested = rows.loc[rows["condition"] == "default", "clip_id"]
        assert sorted(tested) == sorted(folds.loc[~helping, "clip_id"].unique())
    assert len(tables.read_table("data/predictions/avef_raw.parquet")) == 0
    for modality in ("audio", "video"):
        first = load_file(FIRST / f"{modality}.safetensors")
        carried = [n for n in first if n.removeprefix("backbone.").startswith(avef_weights.SHALLOW)]
        for model in ("avef", "avef_transfer"):
            own = load_file(Path(f"data/models/{model}/fold-0/{modality}.safetensors"))
            same = {bool(own[name].equal(first[name])) for name in carried}
            assert same == {model == "avef_transfer"}, (model, modality)


def first():
    """Divide, and train what comes first alone; return its networks, by file."""
    folds_stage.main()
    params, avef = load(train_avef.PARAMS), system("avef")
    avef.begun(avef.recipe("avef_transfer", params), params, "cpu", [])
    return {path.name: path.read_bytes() for path in FIRST.glob("*.safetensors")}


def swap_labels(corpora):
    clips = tables.read_table("data/clips.parquet")
    other = clips["emotion"].map(dict(zip(EMOTIONS, EMOTIONS[::-1], strict=True)))
    changed = clips["emotion"].mask(clips["corpus"].isin(corpora), other)
    tables.write_table("data/clips.parquet", clips.assign(emotion=changed), CLIPS)


def test_what_comes_first_learns_from_the_others_alone_and_once_for_all_folds(project, monkeypatch):
    before = first()
    assert set(before) == {"audio.safetensors", "joint.safetensors", "video.safetensors"}
    assert not [*Path(".memo").rglob("*.ckpt")]
    with monkeypatch.context() as patch:
        patch.setattr(transfer, "fit", lambda *_: pytest.fail("learned again"))
        set_params(project, protocol={"k": 4})
        assert first() == before
        swap_labels(["rml"])
        assert first() == before
    swap_labels(OTHERS)
    after = first()
    assert all(after[name] != before[name] for name in before)


def test_with_patience_some_of_their_people_are_watched(project):
    set_params(project, patience=2)
    folds_stage.main()
    _, labelled = transfer.helping_clips(load(train_avef.PARAMS))
    people = labelled.groupby("part")["subject"].agg(set)
    assert set(people.index) == {"train", "validation"}
    assert not people["train"] & people["validation"]
    assert len(people["train"] | people["validation"]) == 4


def test_whoever_teaches_is_nobody_who_is_tested(project):
    write_clips(baum1s1="r0")  # r0 is of rml, too
    with pytest.raises(LeakError, match=r"r0 of the auxiliary corpus baum1s, enterface05 is in"):
        folds_stage.main()


def test_a_corpus_that_is_not_joined_is_one_line(project):
    set_params(project, transfer=["baum1s", "savee"])
    with pytest.raises(
        DataError, match=r"avef\.transfer names 'savee', of which there is no labelled clip.*rml"
    ):
        folds_stage.main()


def test_a_corpus_that_helps_is_none_of_those_that_are_crossed(project):
    crossed = {"name": "cross_corpus", "train": ["baum1s"], "test": ["rml"]}
    set_params(project, protocol=crossed)
    with pytest.raises(ParamsError, match=r"^avef\.transfer names baum1s, and so does protocol\."):
        folds_stage.main()


def test_two_systems_are_not_helped_by_different_corpora(project):
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["emobed"]["auxiliary"] = {"corpus": "rml", "modality": "video"}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ParamsError, match=r"auxiliary is rml and avef\.transfer is \['baum1s'"):
        folds_stage.main()


def test_transfer_from_nowhere_and_over_other_weights_are_one_line_each(project):
    set_params(project, transfer=[])
    with pytest.raises(ParamsError, match=r"avef: train names avef_transfer, and transfer is \[\]"):
        folds_stage.main()  # not after hours of faces
    set_params(project, weights="published")
    folds_stage.main()
    with pytest.raises(ParamsError, match=r"from the beginning, and avef\.weights is published"):
        train_avef.main()


def test_all_models_are_those_with_transfer_only_where_it_is_said_from_where(project):
    for others, n in ((OTHERS, 3), ([], 2)):
        set_params(project, train=True, transfer=others)
        assert len(system("avef").wanted(load(train_avef.PARAMS))) == n


@pytest.mark.parametrize(("carried", "n"), [("shallow", 1), ("all", 2)])
def test_machines_begin_with_those_of_the_belief_network(tmp_path, monkeypatch, carried, n):
    torch.manual_seed(0)
    source, own = DBN(3, (8, 6, 4)), DBN(2, (8, 6, 4))
    state = {f"dbn.{name}": tensor for name, tensor in source.state_dict().items()}
    save_tensors(state, tmp_path / "joint.safetensors")
    monkeypatch.setattr(avef_weights, "FIRST", tmp_path)
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
    monkeypatch.setattr(avef_weights, "FIRST", tmp_path)
    source = avef_weights.first_network(modality, 5, SETTINGS | {"seed": 7})
    save_tensors(source.state_dict(), tmp_path / f"{modality}.safetensors")
    settings = SETTINGS | {"weights": "transfer", "carried": "all"}
    fresh = avef_weights.first_network(modality, 2, SETTINGS).backbone.state_dict()
    backbone = avef_weights.first_network(modality, 2, settings).backbone
    for name, tensor in backbone.state_dict().items():
        last = name.startswith(backbone.LAST)
        assert tensor.equal(fresh[name] if last else source.backbone.state_dict()[name]), name
