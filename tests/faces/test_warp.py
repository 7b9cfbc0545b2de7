import numpy as np
import pytest
from skimage.transform import SimilarityTransform
from skimage.transform import warp as skimage_warp

from avlib.faces.warp import warp


def warped(*given):
    """The colours of what `warp` returns."""
    picture = warp(*given)
    assert not picture[..., 3].any()
    return picture[..., :3]


def smooth(height, width, seed=0):
    """A picture without edges: sums of slow waves."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [
        np.sin(x[..., None] * rng.uniform(-0.2, 0.2, 3) + y[..., None] * rng.uniform(-0.2, 0.2, 3))
        for _ in range(4)
    ]
    return np.clip(127 + 30 * sum(waves), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("scale", "degrees", "x", "y"),
    [(0.6, 10, 20.3, 5.8), (1.0, -35, 3.0, 60.5), (0.3, 180, 90, 70)],
)
def test_enlarged_picture_is_that_of_scikit_image(scale, degrees, x, y):
    image = smooth(120, 160)
    place = SimilarityTransform(scale=scale, rotation=np.deg2rad(degrees), translation=(x, y))
    ours = warped(image, place.params[:2], 64)
    expected = 255 * skimage_warp(image, place, output_shape=(64, 64), order=1)
    where = place(np.indices((64, 64))[::-1].reshape(2, -1).T).reshape(64, 64, 2)
    inside = ((where >= 0) & (where <= (159, 119))).all(axis=2)
    assert inside.mean() > 0.3
    assert np.abs(ours - expected)[inside].max() <= 2  # weights have eight bits


@pytest.mark.parametrize("scale", [2.0, 3.0])
def test_made_smaller_a_pixel_is_the_mean_of_what_it_covers(scale):
    side = int(scale)
    image = np.random.default_rng(0).integers(0, 256, (40 * side, 40 * side, 3), np.uint8)
    # The middle of the first pixel of the result is the middle of the first square.
    to_image = np.array([(scale, 0, (side - 1) / 2), (0, scale, (side - 1) / 2)])
    expected = image.reshape(40, side, 40, side, 3).mean(axis=(1, 3))
    assert np.abs(warped(image, to_image, 40) - expected).max() <= 1


@pytest.mark.parametrize("degrees", [0, 100, 260, *range(5, 360, 10)])
@pytest.mark.parametrize("whole", [False, True])
def test_each_pixel_is_weighed_from_four_in_whole_numbers(degrees, whole):
    """Also where a corner is on a whole pixel, from which steps round to just before it."""
    image = np.random.default_rng(3).integers(0, 256, (60, 60, 3), np.uint8)
    c, s = 0.8 * np.cos(np.deg2rad(degrees)), 0.8 * np.sin(np.deg2rad(degrees))
    corner = 30 - np.array([(c, -s), (s, c)]) @ (15.5, 15.5)
    if whole:
        ends = np.array([(c, -s), (s, c)]) @ [(0, 31, 0, 31), (0, 0, 31, 31)]
        corner = 10 - ends.min(axis=1)
    to_image = np.array([(c, -s, corner[0]), (s, c, corner[1])])
    # Places in steps of 2^-16, counted from a whole pixel.
    steps = np.rint(np.c_[to_image[:, :2], corner % 1] * 2**16).astype(int)
    expected = np.empty((32, 32, 3), int)
    for i, j in np.ndindex(32, 32):
        (x, along), (y, down) = (divmod(int(place), 2**16) for place in steps @ (j, i, 1))
        x, y, along, down = x + int(corner[0] // 1), y + int(corner[1] // 1), along >> 8, down >> 8
        both = along * down >> 8
        four = image[y : y + 2, x : x + 2].reshape(4, 3).astype(int)
        weights = 256 - along - down + both, along - both, down - both, both
        expected[i, j] = (weights @ four + 128) >> 8
    np.testing.assert_array_equal(warped(image, to_image, 32), expected)


def test_untouched_square_keeps_its_bytes():
    image = np.random.default_rng(1).integers(0, 256, (50, 70, 3), np.uint8)
    shifted = warped(image, np.array([(1.0, 0, 12), (0, 1.0, 7)]), 40)
    np.testing.assert_array_equal(shifted, image[7:47, 12:52])


@pytest.mark.parametrize("corner", [(-500, -500), (500, 20), (20, 500)])
def test_nothing_but_black_lies_outside(corner):
    white = np.full((60, 80, 3), 255, np.uint8)
    for scale in (0.5, 4.0):
        to_image = np.array([(scale, 0, corner[0]), (0, scale, corner[1])])
        assert not warped(white, to_image, 32).any()


def test_rows_that_are_not_side_by_side_are_read_right():
    image = smooth(60, 80)
    to_image = np.array([(0.7, 0.1, 5), (-0.1, 0.7, 8)])
    wide = np.zeros((60, 100, 3), np.uint8)
    wide[:, :80] = image
    np.testing.assert_array_equal(warped(wide[:, :80], to_image, 32), warped(image, to_image, 32))
