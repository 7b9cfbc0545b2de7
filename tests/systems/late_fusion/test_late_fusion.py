import numpy as np
import pytest

from avlib.runtime.errors import DataError
from avlib.systems.late_fusion.model import LateFusionModel
from avlib.systems.svm.model import SVMModel

GRID = (0.5, 0.0, 0.25, 0.75, 1.0)


@pytest.fixture
def fused(parts):
    return LateFusionModel(4, weights=GRID).fit(parts[0], parts[1])


def alone(parts, modality):
    svm = SVMModel(4, (modality,)).fit(parts[0], parts[1])
    return svm.predict_proba(parts[2], (modality,))


def test_probabilities_are_the_weighted_mean_of_those_of_the_baselines(parts, fused):
    w = fused.weight_
    expected = (1 - w) * alone(parts, "audio") + w * alone(parts, "video")
    np.testing.assert_allclose(fused.predict_proba(parts[2]), expected, atol=1e-12)


def test_a_clip_without_a_modality_gets_the_probabilities_of_the_other(parts, fused):
    test, audio, video = parts[2], alone(parts, "audio"), alone(parts, "video")
    test.present["video"][:20] = False
    found = fused.predict_proba(test)
    np.testing.assert_allclose(found[:20], audio[:20], atol=1e-12)
    only = fused.predict_proba(test.select(np.arange(20, 60)), ("video",))
    np.testing.assert_allclose(only, video[20:], atol=1e-12)


@pytest.mark.parametrize(("noisy", "weight"), [("audio", 1.0), ("video", 0.0)])
def test_validation_clips_give_a_modality_of_noise_no_weight(clips, noisy, weight):
    rng = np.random.default_rng(0)
    parts = [clips(240, seed=1), clips(240, subjects=6, seed=2, first_subject=10)]
    for part in parts:
        part.features[noisy][:] = rng.normal(size=part.features[noisy].shape)
    model = LateFusionModel(4, weights=(0.5, 0.0, 1.0)).fit(*parts)
    assert model.weight_ == weight
    assert model.chosen_["weight_video"] == weight


def test_without_a_clip_that_has_both_there_is_nothing_to_weigh(parts):
    train, validation, _ = parts
    validation.present["video"][:] = False
    with pytest.raises(DataError, match="none of the 40 validation clips has audio and video"):
        LateFusionModel(4, weights=GRID).fit(train, validation)
