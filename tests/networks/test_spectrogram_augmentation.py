"""Augmentation of spectrograms against plain loops and closed forms."""

import numpy as np
import pytest
import torch

from avlib.networks.spectrogram_augmentation import augmented, crops, masked, shifted

NONE = {"shift": 0.0, "masks": 0, "mask_bands": 0.5, "mask_frames": 0.5}


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


def ramps(n, channels=1, bands=4, frames=50):
    """Return spectrograms whose value is the time."""
    return torch.arange(float(frames)).expand(n, channels, bands, frames).clone()


def test_crops_without_stretch_are_runs_of_the_clip():
    lengths = torch.tensor([50, 40, 30])
    found = crops(ramps(3), lengths, 20, 0.0, noise())
    assert found.shape == (3, 1, 4, 20)
    for crop, length in zip(found[:, 0, 0], lengths, strict=True):
        torch.testing.assert_close(crop.diff(), torch.ones(19))
        assert crop[0] >= 0
        assert crop[-1] <= length - 1


def test_crops_reach_both_ends():
    starts = [
        float(crops(ramps(1), torch.tensor([50]), 20, 0.0, noise(s))[0, 0, 0, 0])
        for s in range(200)
    ]
    assert min(starts) < 2
    assert max(starts) > 28
    assert np.mean(starts) == pytest.approx(15, abs=3)  # deviation of the mean: 0.6


def test_speed_is_within_its_bounds():
    length = torch.tensor([50])
    found = [crops(ramps(1), length, 20, 0.2, noise(seed)) for seed in range(200)]
    speeds = np.array([float(crop.diff()[0, 0, 0, 5]) for crop in found])
    assert (speeds > 0.8 - 1e-4).all()
    assert (speeds < 1.2 + 1e-4).all()
    assert speeds.std() == pytest.approx(0.4 / np.sqrt(12), rel=0.2)


@pytest.mark.parametrize("seed", range(5))
def test_short_clip_lies_whole_in_its_crop_among_zeros(seed):
    spectrogram = ramps(1) + 1
    found = crops(spectrogram, torch.tensor([10]), 30, 0.0, noise(seed))[0, 0, 0]
    there = found[found > 0]
    assert 9 <= len(there) <= 11  # it may start between two frames
    assert float(there.max()) <= 10
    assert not found.isnan().any()


def test_what_follows_a_clip_is_never_heard():
    spectrograms = ramps(4)
    spectrograms[..., 25:] = torch.nan
    for seed in range(20):
        found = crops(spectrograms, torch.full((4,), 25), 30, 0.3, noise(seed))
        assert not found.isnan().any()


def test_shift_moves_bands_and_repeats_the_outermost():
    bands = torch.arange(8.0)[:, None].expand(5, 2, 8, 3)
    found = shifted(bands, 3, noise(4))
    for spectrogram in found:
        by = int(spectrogram[0, 4, 0]) - 4
        assert abs(by) <= 3
        expected = (torch.arange(8.0) + by).clamp(0, 7)[:, None].expand(2, 8, 3)
        torch.testing.assert_close(spectrogram, expected)
    assert len({float(s[0, 4, 0]) for s in found}) > 1


def test_masks_are_stripes_no_wider_than_asked():
    found = masked(torch.ones(200, 2, 20, 30), 1, 5, 6, noise()) == 0
    assert torch.equal(found[:, 0], found[:, 1])  # all channels alike
    bands, frames = found[:, 0].all(2), found[:, 0].all(1)
    assert torch.equal(found[:, 0], bands[:, :, None] | frames[:, None, :])
    for stripes, widest in ((bands, 5), (frames, 6)):
        widths = stripes.sum(1)
        assert int(widths.max()) == widest
        assert int(widths.min()) == 0
        edges = stripes.int().diff(dim=1).abs().sum(1) + stripes[:, 0] + stripes[:, -1]
        assert set(edges.tolist()) <= {0, 2}  # one stripe, or none
        assert stripes.any(0).all()  # every place is hit


def test_nothing_asked_for_changes_nothing():
    spectrograms = torch.rand(3, 1, 8, 9)
    assert torch.equal(augmented(spectrograms, NONE, noise()), spectrograms)


def test_shares_are_of_bands_and_frames():
    settings = NONE | {"masks": 1}
    found = augmented(torch.ones(300, 1, 20, 40), settings, noise()) == 0
    assert int(found[:, 0].all(2).sum(1).max()) == 10
    assert int(found[:, 0].all(1).sum(1).max()) == 20
