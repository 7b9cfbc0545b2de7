"""Augmentation of pictures: what each setting does, and that it does the same to all of a clip."""

import pytest
import torch

from avlib.networks.picture_augmentation import augmented_pictures

NONE = {"flip": 0.0, "crop": 0.0, "light": 0.0, "erase": 0.0}


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


def smooth(n=6, m=2, side=24):
    """Return pictures that rise from left to right, and from top to bottom in another channel."""
    ramp = torch.linspace(0.1, 0.9, side)
    picture = torch.stack(
        [ramp.expand(side, side), ramp[:, None].expand(side, side), torch.full((side, side), 0.5)]
    )
    return picture.expand(n, m, 3, side, side).clone()


def test_nothing_asked_for_changes_nothing():
    pictures = torch.rand(3, 2, 3, 8, 8)
    assert torch.equal(augmented_pictures(pictures, NONE, noise()), pictures)


@pytest.mark.parametrize(
    "changes",
    [{"flip": 0.5}, {"crop": 0.3}, {"light": 0.3}, {"erase": 0.5}, dict.fromkeys(NONE, 0.3)],
)
def test_all_pictures_of_a_clip_are_changed_alike_and_clips_are_not(changes):
    found = augmented_pictures(smooth(20), NONE | changes, noise())
    assert torch.equal(found[:, 0], found[:, 1])
    assert len({tuple(clip.flatten().tolist()) for clip in found[:, 0]}) > 1
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1


def test_mirrored_pictures_are_mirrored():
    pictures = torch.rand(8, 1, 3, 10, 12)
    found = augmented_pictures(pictures, NONE | {"flip": 1.0}, noise())
    torch.testing.assert_close(found, pictures.flip(4))


def test_a_crop_is_a_part_of_the_picture_enlarged():
    found = augmented_pictures(smooth(50), NONE | {"crop": 0.4}, noise())[:, 0]
    across, down = found[:, 0, 12], found[:, 1, :, 12]
    for ramp in (across, down):
        steps = ramp[:, 2:-2].diff()
        torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), atol=1e-4, rtol=0)
        share = steps[:, 0] / (0.8 / 23)
        assert float(share.min()) > 0.6 - 1e-3
        assert float(share.max()) < 1 + 1e-3
        assert float(share.std()) > 0.05


def test_light_shifts_and_scales_every_pixel_alike():
    pictures = 0.3 + 0.4 * torch.rand(30, 2, 3, 6, 6)
    found = augmented_pictures(pictures, NONE | {"light": 0.2}, noise())
    for before, after in zip(pictures, found, strict=True):
        slope = (after.max() - after.min()) / (before.max() - before.min())
        shift = after.mean() - before.mean()
        assert 0.8 - 1e-4 < float(slope) < 1.2 + 1e-4
        assert abs(float(shift)) < 0.1 + 1e-4
        expected = before.mean() + slope * (before - before.mean()) + shift
        torch.testing.assert_close(after, expected, atol=1e-4, rtol=0)


def test_a_block_is_grey_a_rectangle_and_no_larger_than_asked():
    found = augmented_pictures(torch.ones(200, 1, 3, 20, 30), NONE | {"erase": 0.5}, noise())
    grey = (found == 0.5)[:, 0]
    assert torch.equal(grey.any(1), grey.all(1))
    covered = grey[:, 0]
    rows, columns = covered.any(2), covered.any(1)
    assert torch.equal(covered, rows[:, :, None] & columns[:, None, :])
    assert int(rows.sum(1).max()) == 10
    assert int(columns.sum(1).max()) == 15
