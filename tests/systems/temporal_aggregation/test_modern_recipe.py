"""Temporal aggregation by the modern recipe: each of its switches, and that it learns."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from sequence_clips import clips_of, talking
from torch.nn import functional

from avlib.params import Params
from avlib.systems.common.batch import ShuffledBatches
from avlib.systems.common.model import BOTH
from avlib.systems.common.streams import StreamFormat
from avlib.systems.temporal_aggregation.batches import RandomDraws, SegmentDataset, fixed_draws
from avlib.systems.temporal_aggregation.model import TemporalAggregationModel
from avlib.systems.temporal_aggregation.modern_training import ModernTraining
from avlib.systems.temporal_aggregation.network import SegmentNetworks
from avlib.systems.temporal_aggregation.params import PAPER
from avlib.systems.temporal_aggregation.pictures import pictures

FORMAT = StreamFormat(32, 8.0, 16000)
SAMPLING = {"n_segments": 3, "window": 0.4, "offset": 0.01}
SETTINGS = {
    "recipe": "modern",
    "segments": 3,
    "offset": 0.01,
    "window": 0.4,
    "shared": True,
    "shown": 1,
    "loss": "segments",
    "ends": "inside",
    "frequencies": "mel",
    "spectra": "level",  # pitch tells these emotions, the same all along a clip
    "pooling": "average",
    "draws": 1,
    "fps": 8.0,
    "size": 32,
    "width": 1 / 8,
    "modality_dropout": 0.0,
    "batch_size": 8,
    "patience": None,
    "seed": 0,
    "modern": {
        "epochs": 12,
        "batch_size": 4,
        "learning_rate": 0.01,
        "weight_decay": 0.01,
        "warm_up": 0.3,
        "balanced": True,
        "label_smoothing": 0.05,
        "mixup": 0.2,
        "masks": 1,
        "mask_bands": 0.1,
        "mask_frames": 0.1,
        "shift": 0.0,
        "stretch": 0.0,
        "flip": 0.5,
        "crop": 0.1,
        "light": 0.05,
        "erase": 0.2,
    },
}


def clips(folder, per_emotion=4, seconds=1.0):
    folder.mkdir(exist_ok=True)
    recordings = []
    for i, emotion in itertools.product(range(per_emotion), (0, 1)):
        streams = talking(emotion, i, seconds, FORMAT)
        recordings.append((f"c{len(recordings):02d}", f"S{i}", emotion, *streams))
    return clips_of(folder, recordings, FORMAT)


def parameters(**changes):
    values = yaml.safe_load(Path("params.yaml").read_text())
    values.pop("demo")
    values["temporal_aggregation"] |= changes
    return Params.model_validate(values)


def test_the_papers_recipe_overrides_the_switches_and_forgets_section_modern():
    section = parameters(recipe="paper").temporal_aggregation
    used = section.used({"epochs": 3})
    assert {key: used[key] for key in PAPER} == PAPER
    assert "modern" not in used
    own = parameters(recipe="modern", shared=False).temporal_aggregation.used({"epochs": 3})
    assert (own["shared"], own["modern"]) == (False, {"epochs": 3})


def test_a_tiny_set_is_learned_by_heart_and_a_new_one_recognised(tmp_path):
    train, test = clips(tmp_path / "train", 6), clips(tmp_path / "test", 4)
    learning = SETTINGS["modern"] | {"epochs": 24, "learning_rate": 0.003}
    settings = SETTINGS | {"shown": 3, "modern": learning}
    model = TemporalAggregationModel(2, **settings).fit(train, train.select([]))
    assert model.chosen_ == {"epochs": 24}
    assert (model.predict_proba(train).argmax(1) == train.emotion).sum() >= 10
    for allowed in (BOTH, ("audio",), ("video",)):
        probabilities = model.predict_proba(test, allowed)
        np.testing.assert_allclose(probabilities.sum(1), 1)


def test_a_random_draw_shows_some_segments_in_their_order(tmp_path):
    train = clips(tmp_path)
    whole, some = (SegmentDataset(train, BOTH, shown=k, **SAMPLING) for k in (None, 2))
    [draw] = list(RandomDraws(ShuffledBatches(np.arange(8), 8, 0)))
    every, batch = whole[draw], some[draw]
    assert batch.sound.shape == (8, 2, 6400)
    places = []
    for row in range(8):
        same = [
            [torch.equal(batch.sound[row, j], every.sound[row, k]) for k in range(3)]
            for j in range(2)
        ]
        places.append(tuple(found.index(True) for found in same))
    assert all(first < second for first, second in places)
    assert len(set(places)) > 1
    assert some[fixed_draws(8, 8)[0]].sound.shape == (8, 3, 6400)


def test_a_sound_shorter_than_a_window_is_heard_repeatedly(tmp_path):
    short = clips(tmp_path, 1, 0.25)
    batch = SegmentDataset(short, BOTH, inside=True, **SAMPLING)[fixed_draws(2, 2)[0]]
    sound = short.streams[0].sound()
    for segment in batch.sound[0]:
        np.testing.assert_array_equal(segment, np.tile(sound, 2)[:6400])


def test_more_draws_are_averaged(tmp_path):
    train = clips(tmp_path)
    settings = SETTINGS | {"modern": SETTINGS["modern"] | {"epochs": 1}}
    model = TemporalAggregationModel(2, **settings).fit(train, train.select([]))
    said = []
    for draws in (1, 2, 3):
        model.settings = settings | {"draws": draws}
        said.append(model.predict_proba(train))
    second, third = 2 * said[1] - said[0], 3 * said[2] - 2 * said[1]
    for one in (second, third):
        np.testing.assert_allclose(one.sum(1), 1)
        assert (one >= 0).all()
    assert not np.allclose(second, said[0])
    assert not np.allclose(third, second)


@pytest.mark.parametrize("loss", ["segments", "clip"])
def test_loss_without_augmentation_is_the_written_out_cross_entropy(tmp_path, loss):
    train = clips(tmp_path)
    plain = dict.fromkeys(
        ("mixup", "masks", "label_smoothing", "flip", "crop", "light", "erase", "shift"), 0
    )
    settings = SETTINGS | {"loss": loss, "modern": SETTINGS["modern"] | plain}
    torch.manual_seed(0)
    sizes = {"spectrogram_size": (64, 120), "sound_channels": 3, "face_size": (32, 32)}
    network = SegmentNetworks(3, 2, shared=True, width=1 / 16, **sizes)
    batch = SegmentDataset(train, BOTH, frequencies="mel", **SAMPLING)[fixed_draws(8, 8)[0]]
    module = ModernTraining(network, **settings)
    module.log = lambda *_, **__: None
    found = module.training_step(batch, 0)
    logits = network(*pictures(batch, network, "mel"), batch.present)
    if loss == "segments":
        expected = functional.cross_entropy(
            logits.flatten(0, 1), batch.emotion.repeat_interleave(3)
        )
    else:
        chosen = logits.softmax(2).mean(1)[torch.arange(8), batch.emotion]
        expected = -chosen.log().mean()
    torch.testing.assert_close(found, expected)
