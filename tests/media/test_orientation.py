"""The eight ways in which MP4 and MOV turn and mirror a picture."""

import gc

import av
import numpy as np
import pytest
from PIL import Image, ImageOps
from recordings import with_matrix

from avlib import media

# Rows of the display matrix, and what is to be done with the stored picture.
SHOWN = {
    (1, 0, 0, 1): lambda image: image,
    (0, 1, -1, 0): lambda image: np.rot90(image, -1),  # clockwise
    (-1, 0, 0, -1): lambda image: np.rot90(image, 2),
    (0, -1, 1, 0): lambda image: np.rot90(image, 1),
    (-1, 0, 0, 1): np.fliplr,
    (1, 0, 0, -1): np.flipud,
    (0, 1, 1, 0): lambda image: image.transpose(1, 0, 2),
    (0, -1, -1, 0): lambda image: np.rot90(image, 2).transpose(1, 0, 2),
}


@pytest.fixture(scope="module", params=[".mp4", ".mov"])
def plain(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "plain.mp4"
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 3)).repeat(16, 0).repeat(16, 1)
    media.write_clip(path, [image.astype(np.uint8)] * 3, 25, None, None)
    return path.rename(path.with_suffix(request.param))


@pytest.mark.parametrize("matrix", SHOWN)
def test_a_picture_is_turned_and_mirrored_as_its_matrix_says(plain, tmp_path, matrix):
    path = with_matrix(plain, tmp_path / plain.name, matrix)
    stored = [image for _, image in media.video_frames(plain)]
    shown = [image for _, image in media.video_frames(path)]
    for image, expected in zip(shown, stored, strict=True):
        np.testing.assert_array_equal(image, SHOWN[matrix](expected))
        assert image.flags.c_contiguous
    info = media.probe(path)
    assert (info.height, info.width) == shown[0].shape[:2]
    assert info.mirrored == (matrix[0] * matrix[3] - matrix[1] * matrix[2] < 0)
    # A span is turned as the whole is.
    _, image = next(media.video_frames(path, 0.04, 0.08))
    np.testing.assert_array_equal(image, shown[1])


@pytest.mark.parametrize("matrix", SHOWN)
def test_a_matrix_moves_each_pixel_to_where_it_says(plain, tmp_path, matrix):
    """By its definition: (x, y) goes to (a x + c y, b x + d y), moved into the picture."""
    a, b, c, d = matrix
    path = with_matrix(plain, tmp_path / plain.name, matrix)
    _, stored = next(media.video_frames(plain))
    _, shown = next(media.video_frames(path))
    y, x = np.mgrid[: stored.shape[0], : stored.shape[1]]
    right, down = a * x + c * y, b * x + d * y
    expected = np.zeros_like(shown)
    expected[down - down.min(), right - right.min()] = stored
    np.testing.assert_array_equal(shown, expected)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])  # of EXIF: as stored, and the three turns
def test_a_picture_with_data_that_pyav_has_no_name_for_is_turned_all_the_same(
    tmp_path, orientation
):
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 3)).repeat(16, 0).repeat(16, 1)
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / "still.jpg"
    Image.fromarray(image.astype(np.uint8)).save(path, quality=95, subsampling=0, exif=exif)
    [(_, shown)] = media.video_frames(path)
    with Image.open(path) as still:
        expected = np.asarray(ImageOps.exif_transpose(still), float)
    assert np.abs(shown - expected).mean() < 3  # of colours' rounding; turned otherwise it is > 50
    info = media.probe(path)
    assert (info.height, info.width) == expected.shape[:2]


def test_pictures_that_are_handed_on_are_free_at_once(plain):
    gc.collect()
    gc.disable()
    try:
        assert len(list(media.video_frames(plain))) == 3
        assert not [thing for thing in gc.get_objects() if type(thing) is av.VideoFrame]
    finally:
        gc.enable()
