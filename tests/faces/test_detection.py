import dlib
import numpy as np
import pytest
from PIL import Image

from avlib.faces import models
from avlib.faces.detection import find_faces, find_near, overlap, resample, to_grey
from avlib.runtime.errors import WeightsError


def test_face_in_a_large_frame_is_given_in_its_pixels(studio):
    large = Image.fromarray(studio.frame((160, 120, 90))).resize((1920, 1440))
    [hit] = find_faces(to_grey(np.asarray(large)))
    np.testing.assert_allclose((hit.box[:2] + hit.box[2:]) / 2, (960, 720), atol=60)
    assert hit.box[2] - hit.box[0] == pytest.approx(540, rel=0.2)


def test_small_face_is_found_by_the_fine_search_alone(studio):
    grey = to_grey(studio.frame((160, 120, 48)))
    assert find_faces(grey) == []
    [hit] = find_faces(grey, fine=True)
    np.testing.assert_allclose((hit.box[:2] + hit.box[2:]) / 2, (160, 120), atol=8)


def test_grey_is_that_of_dlib_of_a_part_of_a_frame_too():
    frame = np.random.default_rng(0).integers(0, 256, (61, 83, 3), np.uint8)
    frame[:4, :4] = [[(255, 255, 255), (0, 0, 0), (255, 255, 254), (1, 1, 0)]]
    for part in (frame, frame[3:40, 5:60], frame[::2, 1::3]):
        expected = dlib.as_grayscale(np.ascontiguousarray(part))
        np.testing.assert_array_equal(to_grey(part), expected)


@pytest.mark.parametrize("width", [40, 90, 150])
def test_face_near_a_place_is_found_at_any_size(studio, width):
    grey = to_grey(studio.frame((160, 120, width)))
    box = np.array([160 - width / 2, 120 - width / 2, 160 + width / 2, 120 + width / 2])
    hit = find_near(grey, box + 0.1 * width)
    assert hit is not None
    assert overlap(hit.box, box) > 0.6


def test_face_elsewhere_is_not_near(studio):
    grey = to_grey(studio.frame((240, 120, 80)))
    assert find_near(grey, np.array([20.0, 80.0, 100.0, 160.0])) is None


def test_resampled_region_maps_back_to_the_frame():
    y, x = np.mgrid[:50, :60]
    picture, step = resample((2 * x + y).astype(np.uint8), np.array([10.0, 20.0, 30.0, 40.0]), 2.0)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    expected = 2 * (10 + columns * step[0]) + (20 + rows * step[1])
    np.testing.assert_allclose(picture, expected, atol=1)


@pytest.mark.parametrize(
    ("other", "expected"),
    [((0, 0, 2, 2), 1.0), ((1, 0, 3, 2), 1 / 3), ((5, 5, 6, 6), 0.0), ((0, 0, 1, 1), 0.25)],
)
def test_overlap_is_intersection_over_union(other, expected):
    assert overlap(np.array([0.0, 0, 2, 2]), np.array(other, float)) == pytest.approx(expected)


def test_missing_model_package_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(models, "PACKAGE", "no_such_package_of_models")
    with pytest.raises(WeightsError, match="pip install no_such_package_of_models"):
        models.model_file(models.LANDMARKS)


def test_missing_model_file_is_one_clear_line():
    with pytest.raises(WeightsError, match=r"absent\.dat: not there"):
        models.model_file("absent.dat")
