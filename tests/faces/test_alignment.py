import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.transform import SimilarityTransform

from avlib.faces.alignment import (
    ANCHORS,
    CANONICAL,
    anchors,
    apply,
    decode_chips,
    encode_jpeg,
    extract_chip,
    similarity,
)
from avlib.faces.detection import find_faces, to_grey
from avlib.faces.landmarks import fit_landmarks


def landmarks_with_anchors(points):
    """68 landmarks whose anchors are the given six points."""
    landmarks = np.zeros((68, 2))
    for point, where in zip(points, ANCHORS, strict=True):
        landmarks[list(where)] = point
    return landmarks


def placed(scale, degrees, x, y):
    """A similarity as a (2, 3) matrix."""
    return SimilarityTransform(
        scale=scale, rotation=np.deg2rad(degrees), translation=(x, y)
    ).params[:2]


@given(st.floats(0.1, 10), st.floats(-180, 180), st.floats(-500, 500), st.floats(-500, 500))
def test_known_similarity_is_recovered(scale, degrees, x, y):
    known = placed(scale, degrees, x, y)
    np.testing.assert_allclose(similarity(CANONICAL, apply(known, CANONICAL)), known, atol=1e-9)


def test_inexact_points_give_the_least_squares_similarity():
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(2, 9, 2))
    # By brute force: the similarity is linear in (a, b, x, y).
    rows = [[(x, -y, 1, 0), (y, x, 0, 1)] for x, y in source]
    (a, b, x, y), *_ = np.linalg.lstsq(np.reshape(rows, (-1, 4)), target.ravel())
    np.testing.assert_allclose(similarity(source, target), [(a, -b, x), (b, a, y)], atol=1e-12)


def test_similarity_of_one_point_is_an_error():
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.ones((3, 2)), np.ones((3, 2)))


@pytest.mark.parametrize("size", [112, 224])
@pytest.mark.parametrize(
    ("scale", "degrees", "x", "y"), [(0.5, 0, 40, 20), (0.4, 25, 120, 30), (2.0, -20, 60, 300)]
)
def test_anchors_stand_at_their_canonical_places_to_half_a_pixel(size, scale, degrees, x, y):
    points = apply(placed(scale, degrees, x, y), CANONICAL)
    rows, columns = np.mgrid[:700, :700]
    for point, canonical in zip(points, CANONICAL * (size / 224), strict=True):
        distance = np.hypot(columns - point[0], rows - point[1])
        spot = np.clip(255 * np.exp(-((distance / (9 * scale)) ** 2)), 0, 255).astype(np.uint8)
        chip = extract_chip(np.repeat(spot[..., None], 3, 2), landmarks_with_anchors(points), size)
        weights = chip[..., 0].astype(float)
        y_chip, x_chip = np.mgrid[:size, :size]
        middle = np.array([(weights * x_chip).sum(), (weights * y_chip).sum()]) / weights.sum()
        assert np.hypot(*(middle - canonical)) < 0.6


def test_turned_and_scaled_face_gives_the_same_chip(studio):
    straight = Image.fromarray(studio.frame((160, 120, 90)))
    turned = straight.resize((480, 360), Image.Resampling.BICUBIC).rotate(
        12, Image.Resampling.BICUBIC
    )
    chips = []
    for picture in (straight, turned):
        image = np.asarray(picture)
        grey = to_grey(image)
        landmarks, _ = fit_landmarks(grey, find_faces(grey)[0].box)
        aligned = apply(similarity(anchors(landmarks), CANONICAL), anchors(landmarks))
        assert np.abs(aligned - CANONICAL).max() < 12
        chips.append(extract_chip(image, landmarks)[60:190, 60:165, :3].astype(float).ravel())
    assert np.corrcoef(chips)[0, 1] > 0.95


def test_outside_of_the_frame_is_black():
    points = apply(placed(0.5, 0, -30, 0), CANONICAL)
    white = np.full((200, 200, 3), 255, np.uint8)
    chip = extract_chip(white, landmarks_with_anchors(points))[..., :3]
    assert (chip[:, :55] == 0).all()
    assert (chip[:, 65:] == 255).all()


def test_jpeg_is_deterministic_and_close_to_the_chip(studio):
    chip = studio.frame((112, 112, 90))[:224, :224]
    data = encode_jpeg(chip)
    assert data == encode_jpeg(chip.copy())
    assert data == encode_jpeg(np.dstack([chip, chip[..., 0]]))  # the fourth byte does not count
    [back] = decode_chips([data])
    assert back.dtype == np.uint8
    assert np.abs(back.astype(int) - chip).mean() < 2


def test_a_chip_in_grey_is_the_luma_that_its_jpeg_holds(studio):
    data = encode_jpeg(studio.frame((112, 112, 90))[:224, :224])
    image = Image.open(io.BytesIO(data))
    image.draft("YCbCr", None)
    [grey] = decode_chips([data], grey=True)
    np.testing.assert_array_equal(grey, np.asarray(image)[..., 0])
    [colours] = decode_chips([data])
    assert np.abs(colours @ [0.299, 0.587, 0.114] - grey).mean() < 1


def test_no_chips_decode_to_an_empty_array():
    assert decode_chips([]).shape == (0, 224, 224, 3)
    assert decode_chips([], grey=True).shape == (0, 224, 224)
