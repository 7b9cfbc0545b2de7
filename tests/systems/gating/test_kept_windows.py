"""SoundNet and I3D of which no layer learns: what they say of a window is computed once."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from test_gating import SETTINGS, clips

from avlib.systems.common.model import BOTH
from avlib.systems.gating import model as gating_model
from avlib.systems.gating import network as gating_network
from avlib.systems.gating.i3d import I3D
from avlib.systems.gating.model import GatingModel


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """With which both networks keep the weights that they begin with."""
    first = GatingModel(2, **SETTINGS)
    first.standardisers_ = {}
    network = first.build()["network"]
    monkeypatch.setattr(gating_model, "DEMO_WEIGHTS", tmp_path)
    for modality in BOTH:
        save_file(network.stream(modality).state_dict(), tmp_path / f"{modality}.safetensors")
    modern = yaml.safe_load(Path("params.yaml").read_text())["modern"]
    changes = {
        "weights": "demo",
        "frozen": {"audio": 7, "video": 12},
        "dropout": 0.3,
        "triplets": 0.5,
        "triplet_weight": 1.0,
        "modern": modern | {"epochs": 2},
    }
    return SETTINGS | changes


@pytest.fixture
def applied(monkeypatch):
    """How often I3D is."""
    counted, features = SimpleNamespace(total=0), I3D.features

    def counting(network, windows):
        counted.total += 1
        return features(network, windows)

    monkeypatch.setattr(I3D, "features", counting)
    return counted


@pytest.mark.parametrize(
    "changes",
    [{"recipe": "paper"}, {"recipe": "modern"}, {"system": "gating_global", "apex": "loudest"}],
    ids=str,
)
def test_kept_windows_teach_what_frozen_networks_say_in_each_step(
    settings, applied, tmp_path, monkeypatch, changes
):
    settings |= {"patience": 2} | changes
    train = clips(tmp_path / "t", seconds=(2.0, 1.4), audio=[3], video=[6])
    held_out = clips(tmp_path / "v", 2)
    held_out = replace(held_out, clip_id=np.char.add("v", held_out.clip_id))
    once = GatingModel(2, **settings).fit(train, held_out)
    assert applied.total == len(train) - 1 + len(held_out)  # one has no video
    monkeypatch.setattr(GatingModel, "wholly_frozen", ())
    plain = gating_network.prepared
    monkeypatch.setattr(gating_network, "prepared", lambda *args: plain(*args[:3]))
    applied.total = 0
    each = GatingModel(2, **settings).fit(train, held_out)
    assert applied.total > 3  # batches, of several clips
    # To rounding: how a product of matrices is summed up depends on the size of the batch.
    there, here = each.network_.state_dict(), once.network_.state_dict()
    for name, tensor in here.items():
        torch.testing.assert_close(tensor, there[name], rtol=1e-4, atol=1e-6)
    test = clips(tmp_path / "s", 2)
    found, expected = once.predict_proba(test), each.predict_proba(test)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
    begun = load_file(tmp_path / "video.safetensors")["projection.weight"]
    assert not here["streams.video.projection.weight"].equal(begun)  # it has learned


def test_folds_share_what_frozen_networks_say(settings, applied, tmp_path):
    everybody = clips(tmp_path / "t")
    for fold, left_out in enumerate([7, 0]):
        model = GatingModel(2, **settings)
        model.checkpoints = tmp_path / "checkpoints" / f"fold-{fold}"
        model.fit(everybody.select(np.arange(8) != left_out), everybody.select(np.arange(0)))
    assert applied.total == 8


def test_sound_says_where_the_loudest_window_is_though_its_network_is_frozen(
    settings, tmp_path, monkeypatch
):
    settings |= {"system": "gating_global", "apex": "loudest", "frozen": {"audio": 7, "video": 11}}
    heard, loudest = [], gating_network.loudest_start

    def listening(batch, *args):
        heard.append(batch.samples.tolist())
        return loudest(batch, *args)

    monkeypatch.setattr(gating_network, "loudest_start", listening)
    train = clips(tmp_path / "t", seconds=(2.0, 1.4))
    GatingModel(2, **settings).fit(train, train.select(np.arange(0)))
    lengths = {streams.samples for streams in train.streams}
    assert len(heard) > len(train)  # once for each clip's sound, then in each step
    assert {n for of in heard for n in of} == lengths
