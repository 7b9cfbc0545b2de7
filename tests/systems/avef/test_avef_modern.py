"""AVEF by the modern recipe: each of its switches, and that it learns."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from avef_clips import spoken_clips
from test_avef import SETTINGS
from torch import nn

from avlib.params import Params
from avlib.systems.avef.model import AVEFModel
from avlib.systems.avef.modern_training import ModernSegmentTraining, augmented_inputs
from avlib.systems.avef.network import SegmentNetwork
from avlib.systems.avef.params import PAPER, PUBLISHED
from avlib.systems.avef.segments import MelFaceDataset, cut_segments, drawn_segments
from avlib.systems.common.model import BOTH

PLAIN = dict.fromkeys(
    ("mixup", "masks", "shift", "stretch", "label_smoothing", "flip", "crop", "light", "erase"), 0
)
LEARNING = {
    "epochs": 20,
    "batch_size": 8,
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "warm_up": 0.3,
    "balanced": True,
}
AUGMENTED = {
    "label_smoothing": 0.05,
    "mixup": 0.2,
    "masks": 1,
    "mask_bands": 0.1,
    "mask_frames": 0.1,
    "shift": 0.0,
    "stretch": 0.1,
    "flip": 0.5,
    "crop": 0.1,
    "light": 0.05,
    "erase": 0.2,
}
MODERN = SETTINGS | {
    "recipe": "modern",
    "mels": "relative",
    "shown": 2,
    "batch_norm": True,
    "pooling": "average",
    "decision": "segments",
    "width": 1 / 32,
    "modern": LEARNING | AUGMENTED,
}


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


def parameters(**changes):
    values = yaml.safe_load(Path("params.yaml").read_text())
    values.pop("demo")
    values["avef"] |= changes
    return Params.model_validate(values).avef


@pytest.fixture(scope="module")
def segments(tmp_path_factory):
    """Return segments of clips of three lengths, one of which has no sound."""
    folder = tmp_path_factory.mktemp("segments")
    clips = spoken_clips(folder / "clips", 3, (0.7, 1.4, 2.4), audio=[1])
    return cut_segments(clips, folder, "relative")


def test_the_papers_recipe_overrides_the_switches_and_forgets_section_modern():
    used = parameters(recipe="paper").used({"epochs": 3})
    assert {key: used[key] for key in PAPER} == PAPER
    assert "modern" not in used
    own = parameters(recipe="modern", mels="standard").used({"epochs": 3})
    assert (own["mels"], own["batch_norm"], own["modern"]) == ("standard", True, {"epochs": 3})


@pytest.mark.parametrize("weights", ["published", "demo"])
def test_published_weights_keep_the_networks_as_they_were_published(weights):
    used = parameters(recipe="modern", weights=weights).used({"epochs": 3})
    assert {key: used[key] for key in PUBLISHED} == PUBLISHED
    assert used["mels"] == "standard"


@pytest.mark.parametrize("modalities", [BOTH, ("audio",), ("video",)])
def test_a_tiny_set_is_learned_by_heart_and_saved(tmp_path, modalities):
    train, test = spoken_clips(tmp_path / "a", 6), spoken_clips(tmp_path / "b", 3)
    model = AVEFModel(2, modalities, **MODERN).fit(train, train.select(np.arange(0)))
    assert all(model.chosen_[f"epochs_{name}"] == 20 for name in model.spaces)
    for allowed in {modalities, modalities[:1], modalities[-1:]}:
        assert (model.predict_proba(train, allowed).argmax(1) == train.emotion).sum() >= 9
    model.save(tmp_path / "m")
    again = AVEFModel.load(tmp_path / "m").predict_proba(test, modalities)
    np.testing.assert_array_equal(again, model.predict_proba(test, modalities))


def test_a_clip_is_decided_on_by_the_mean_of_what_is_said_of_its_segments(tmp_path):
    train, test = spoken_clips(tmp_path / "a", 4), spoken_clips(tmp_path / "b", 2, audio=[0])
    settings = MODERN | {"modern": LEARNING | AUGMENTED | {"epochs": 1}}
    model = AVEFModel(2, BOTH, **settings).fit(train, train.select(np.arange(0)))
    cut = cut_segments(test, tmp_path, "relative")
    spaces = np.where(test.has(BOTH), "joint", np.where(test.has(("audio",)), "audio", "video"))
    assert len(set(spaces)) > 1
    expected = []
    for row, space in enumerate(spaces):
        network = model.networks_[space]
        rows = np.flatnonzero((cut.clip == row) & cut.has(network.modalities))
        with torch.inference_mode():
            scores = network(MelFaceDataset(cut, rows, network.modalities)[range(len(rows))].inputs)
        expected.append(scores.double().softmax(1).mean(0).numpy())
    np.testing.assert_allclose(model.predict_proba(test), expected, rtol=1e-4, atol=1e-6)
    assert not any("svm" in name for name in {*model.chosen_, *model.arrays()})


@pytest.mark.parametrize("balanced", [True, False])
def test_each_clip_is_drawn_from_equally_often_whatever_its_length(segments, balanced):
    rows = np.flatnonzero(segments.has(("audio",)))
    dataset = MelFaceDataset(segments, rows, ("audio",))
    assert np.unique(np.bincount(dataset.clip)[np.unique(dataset.clip)]).size > 1
    batches = drawn_segments(dataset, 3, {"balanced": balanced, "batch_size": 4}, 0)
    epochs = []
    for epoch in (0, 1, 0):
        batches.set_epoch(epoch)
        epochs.append(list(batches))
    assert epochs[0] == epochs[2] != epochs[1]
    assert [len(batch) for batch in epochs[0]] == [4, 4, 4, 3]
    clips, counts = np.unique(dataset.clip[np.concatenate(epochs[0])], return_counts=True)
    emotions = np.bincount(dataset.emotion[np.concatenate(epochs[0])])
    if balanced:  # two clips of one emotion and three of the other, of which one draw is left out
        assert sorted(emotions) == [7, 8]
    else:
        assert clips.tolist() == np.unique(dataset.clip).tolist()
        assert (counts == 3).all()
    seen = set()
    for epoch in range(40):
        batches.set_epoch(epoch)
        seen.update(np.concatenate(list(batches)))
    assert seen == set(range(len(rows)))


def test_a_dataset_of_chosen_segments_holds_these(segments):
    rows = np.array([5, 2, 7])
    batch = MelFaceDataset(segments, rows, ("audio",))[[2, 0]]
    np.testing.assert_array_equal(batch.inputs["audio"], segments.images[[7, 5]])
    assert batch.emotion.tolist() == segments.emotion[[7, 5]].tolist()


def test_nothing_asked_for_changes_nothing(segments):
    batch = MelFaceDataset(segments, np.arange(6), BOTH)[list(range(6))]
    found = augmented_inputs(batch.inputs, LEARNING | AUGMENTED | PLAIN, noise())
    torch.testing.assert_close(found["audio"], batch.inputs["audio"], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(found["video"], batch.inputs["video"].float(), rtol=0, atol=1e-3)


def test_what_is_blanked_of_a_mel_image_is_its_mean():
    images = torch.randn(5, 3, 64, 64, generator=noise(1)) - 40
    settings = AUGMENTED | PLAIN | {"masks": 1, "mask_bands": 0.5, "mask_frames": 0.0}
    changed = augmented_inputs({"audio": images}, settings, noise())["audio"]
    blank = (changed - images).abs().amax(3) > 1e-3  # (n, channels, bands)
    mean = images.mean((2, 3), keepdim=True).expand_as(images)
    assert blank.any()
    assert not blank.all(2).any()
    for row, channel, band in blank.nonzero():
        torch.testing.assert_close(changed[row, channel, band], mean[row, channel, band])
    assert (blank == blank[:, :1]).all()  # all channels alike


def test_all_chips_of_a_segment_are_mirrored_or_none():
    chips = torch.randint(256, (12, 16, 8, 8, 3), generator=noise(1), dtype=torch.uint8)
    changed = augmented_inputs({"video": chips}, AUGMENTED | PLAIN | {"flip": 0.5}, noise())
    mirrored = 0
    for before, after in zip(chips.float(), changed["video"], strict=True):
        turned = torch.equal(after.round(), before.flip(2))
        assert turned or torch.equal(after.round(), before)
        mirrored += turned
    assert 0 < mirrored < 12


def test_loss_without_augmentation_is_the_written_out_cross_entropy(segments):
    batch = MelFaceDataset(segments, np.arange(4), ("audio",))[list(range(4))]
    torch.manual_seed(0)
    network = SegmentNetwork("audio", 2, width=1 / 32, side=64, dropout=0.0)
    module = ModernSegmentTraining(network, LEARNING | AUGMENTED | PLAIN)
    module.log = lambda *_, **__: None
    chances = network(batch.inputs).softmax(1)[torch.arange(4), batch.emotion]
    torch.testing.assert_close(
        module.training_step(batch, 0), -chances.log().mean(), rtol=1e-3, atol=1e-3
    )


def test_segments_are_not_blended(segments):
    batch = MelFaceDataset(segments, np.arange(4), ("audio",))[list(range(4))]
    heard = []

    class Scores(nn.Module):
        def forward(self, inputs):
            heard.append(inputs["audio"])
            return torch.zeros(4, 2, requires_grad=True)

    module = ModernSegmentTraining(Scores(), LEARNING | AUGMENTED | PLAIN | {"mixup": 1.0})
    module.log = lambda *_, **__: None
    torch.testing.assert_close(module.training_step(batch, 0), torch.tensor(2.0).log())
    torch.testing.assert_close(heard[0], batch.inputs["audio"], rtol=1e-4, atol=1e-3)
