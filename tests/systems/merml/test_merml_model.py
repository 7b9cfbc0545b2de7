"""What MERML chooses on people held out, and what it hands on."""

import numpy as np
import pytest

from avlib.metric_learning.merml import MERML
from avlib.runtime.errors import DataError
from avlib.systems.common.model import VectorClips
from avlib.systems.merml.model import MERMLModel

QUICK = {"dim": 5, "epochs": 1, "pairs_per_epoch": 200, "learning_rate": 0.1, "omega": 0.5}


def model(modalities=("audio", "video"), **settings):
    return MERMLModel(4, modalities, metric=QUICK | settings)


def with_video_of_noise(clips, seed):
    noise = np.random.default_rng(seed).normal(size=clips.features["video"].shape)
    features = clips.features | {"video": noise}
    return VectorClips(clips.clip_id, clips.subject, clips.emotion, clips.present, features)


@pytest.mark.parametrize("omegas", [[0.02, 0.98], [0.98, 0.02]])
def test_the_weight_of_video_that_helps_people_held_out_is_chosen(parts, omegas):
    train, validation, _ = (with_video_of_noise(part, seed) for seed, part in enumerate(parts))
    chosen = model(omega=omegas).fit(train, validation)
    assert chosen.chosen_["omega"] == chosen.metric_.omega_ == 0.02


def test_a_first_w_that_helps_people_held_out_is_chosen(parts):
    train, validation, _ = parts
    starts = {"dim": 1, "epochs": 0, "init": ["random", "whitened"]}
    assert model(**starts).fit(train, validation).chosen_["init"] == "whitened"


def test_what_is_judged_is_what_is_learned_then(parts):
    train, _, _ = parts
    tried = model(omega=[0.1, "learned", "equal", 0.8], epochs=3)
    tried.views_ = train.views
    found = {
        settings["omega"]: metric
        for several, learn in tried.candidates(train)
        for settings, metric in zip(several, learn(), strict=True)
    }
    for omega, metric in found.items():
        again = tried.learn(train, {"omega": omega})
        assert metric.omega_ == pytest.approx(again.omega_, abs=1e-6)
        for view, W in again.W_.items():
            np.testing.assert_allclose(metric.W_[view], W, atol=1e-5)
    assert found["learned"].omega_ not in (0.1, 0.5, 0.8)


def test_without_steps_a_first_w_is_tried_once(parts):
    tried = model(epochs=[0, 1], learning_rate=[0.1, 0.2], regularisation=[0.0, 0.1])
    tried.views_ = parts[0].views
    assert len(list(tried.candidates(parts[0]))) == 1 + 4


def test_one_modality_has_no_weight_of_video(parts, tmp_path):
    train, validation, _ = parts
    alone = model(("audio",), omega=["learned", 0.1]).fit(train, validation)
    assert "omega" not in alone.chosen_
    alone.save(tmp_path)
    assert MERMLModel.load(tmp_path).metric_.omega_ is None


def test_settings_with_which_the_metric_diverges_lose(parts, caplog):
    train, validation, _ = parts
    unstable = {"learning_rate": [50.0, 0.1], "regularisation": 1.0, "pairs_per_epoch": 4000}
    assert model(**unstable).fit(train, validation).chosen_["learning_rate"] == 0.1
    assert "learning_rate 50.0" in caplog.text
    with pytest.raises(DataError, match="diverged"):
        model(**unstable | {"learning_rate": 50.0}).fit(train, validation)


def test_confusions_steer_the_last_metric(parts, monkeypatch):
    train, validation, _ = parts
    seen = []
    fit = MERML.fit

    def spied(self, X, y, groups=None, confusion=None, subspaces=None):
        seen.append(confusion)
        return fit(self, X, y, groups, confusion, subspaces)

    monkeypatch.setattr(MERML, "fit", spied)
    model().fit(train, validation)
    assert all(confusion is None for confusion in seen[:-1])
    assert seen[-1].sum() == len(train) + len(validation)
