"""AlexNet and C3D of which the last layer alone learns: what fc7 says is computed once."""

import numpy as np
import pytest
import torch
from avef_clips import spoken_clips
from safetensors.torch import save_file
from test_avef import SETTINGS

from avlib.systems.avef import modern_training
from avlib.systems.avef import weights as avef_weights
from avlib.systems.avef.c3d import C3D
from avlib.systems.avef.model import AVEFModel
from avlib.systems.common.model import BOTH

FROZEN = {"weights": "demo", "frozen": {"audio": 7, "video": 10}}
MODERN = {
    "epochs": 2,
    "batch_size": 4,
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "warm_up": 0.25,
    "balanced": True,
    "label_smoothing": 0.1,
}


@pytest.fixture
def began(tmp_path, monkeypatch):
    """The networks that training starts from."""
    monkeypatch.setattr(avef_weights, "DEMO_WEIGHTS", tmp_path)
    networks = {m: avef_weights.first_network(m, 2, SETTINGS) for m in BOTH}
    for modality, network in networks.items():
        save_file(network.backbone.state_dict(), tmp_path / f"{modality}.safetensors")
    return networks


@pytest.mark.parametrize("modern", [None, MODERN])
def test_fc7_kept_teaches_what_frozen_networks_say_in_each_step(
    began, tmp_path, monkeypatch, modern
):
    train = spoken_clips(tmp_path / "clips", audio=[3], video=[6])
    nobody = train.select(np.arange(0))
    settings = SETTINGS | FROZEN | {"modern": modern, "epochs": 2}
    seen, embed = [], C3D.embed
    monkeypatch.setattr(C3D, "embed", lambda self, x: (seen.append(len(x)), embed(self, x))[1])
    once = AVEFModel(2, **settings).fit(train, nobody)
    segments = sum(spoken.n_segments for spoken in train.spoken)
    assert sum(seen) == segments - train.spoken[6].n_segments
    monkeypatch.setattr(AVEFModel, "wholly_frozen", ())
    monkeypatch.setattr(modern_training, "augmented_inputs", lambda inputs, *_: inputs)
    each = AVEFModel(2, **settings).fit(train, nobody)
    # To rounding: how a product of matrices is summed up depends on the size of the batch.
    for name, network in once.networks_.items():
        there = each.networks_[name].state_dict()
        for key, tensor in network.state_dict().items():
            torch.testing.assert_close(tensor, there[key], rtol=1e-4, atol=1e-6)
    for modality, network in began.items():
        for key, tensor in once.networks_[modality].backbone.state_dict().items():
            same = tensor.equal(network.backbone.state_dict()[key])
            assert same == (not key.startswith(network.backbone.LAST)), key
    np.testing.assert_allclose(once.predict_proba(train), each.predict_proba(train), rtol=1e-4)


def test_networks_that_learned_alone_are_asked_once_for_machines_and_svm(tmp_path, monkeypatch):
    train = spoken_clips(tmp_path / "clips", audio=[3], video=[6])
    nobody = train.select(np.arange(0))
    asked, embed = [], C3D.embed

    def noting(self, x):
        if not torch.is_grad_enabled():
            asked.append((id(self), len(x)))
        return embed(self, x)

    monkeypatch.setattr(C3D, "embed", noting)
    once = AVEFModel(2, **SETTINGS).fit(train, nobody)
    assert once.by_svm
    backbone = id(once.networks_["video"].backbone)
    segments = sum(spoken.n_segments for spoken in train.spoken) - train.spoken[6].n_segments
    assert sum(n for network, n in asked if network == backbone) == segments
    monkeypatch.setattr(AVEFModel, "described", ())
    twice = AVEFModel(2, **SETTINGS).fit(train, nobody)
    for space, pooled in once.pooled(train).items():
        np.testing.assert_allclose(pooled.features, twice.pooled(train)[space].features, rtol=1e-4)
    np.testing.assert_allclose(once.predict_proba(train), twice.predict_proba(train), rtol=1e-4)
