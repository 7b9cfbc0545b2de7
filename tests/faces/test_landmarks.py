import numpy as np
import pytest
import skimage.data

from avlib.faces.detection import find_faces, overlap, to_grey
from avlib.faces.landmarks import AGREEMENT, box_of, fit_landmarks, follow_landmarks


@pytest.mark.parametrize("width", [50, 90, 150])
def test_starts_agree_on_a_face_of_any_size(studio, width):
    grey = to_grey(studio.frame((160, 120, width)))
    half = width / 2
    landmarks, disagreement = fit_landmarks(
        grey, np.array([160 - half, 120 - half, 160 + half, 120 + half])
    )
    assert disagreement < AGREEMENT / 2
    eyes = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    assert eyes[0][0] < landmarks[30, 0] < eyes[1][0]
    assert eyes[0][1] < landmarks[30, 1] < landmarks[57, 1] < landmarks[8, 1]


@pytest.mark.parametrize("picture", ["brick", "grass", "gravel", "coins"])
def test_starts_disagree_where_there_is_no_face(picture):
    grey = np.ascontiguousarray(getattr(skimage.data, picture)())
    for left in (20.0, 100.0, 180.0):
        _, disagreement = fit_landmarks(grey, np.array([left, 60.0, left + 100, 160.0]))
        assert disagreement > AGREEMENT


def test_landmarks_follow_the_face_to_a_fraction_of_a_pixel(studio):
    box = np.array([115.0, 75.0, 205.0, 165.0])
    here, _ = fit_landmarks(to_grey(studio.frame((160, 120, 90))), box)
    there, _ = fit_landmarks(to_grey(studio.frame((170, 125, 90))), box + np.array([10, 5, 10, 5]))
    np.testing.assert_allclose(there - here, np.tile([10.0, 5.0], (68, 1)), atol=1.0)


def test_box_of_landmarks_is_the_detectors_box(studio):
    grey = to_grey(studio.frame((160, 120, 90)))
    [hit] = find_faces(grey)
    landmarks, _ = fit_landmarks(grey, hit.box)
    assert overlap(box_of(landmarks), hit.box) > 0.7


def test_landmarks_that_follow_are_those_of_a_fit_and_tell_a_face_that_is_gone(studio):
    before, _ = fit_landmarks(studio.frame((160, 120, 90)), np.array([115.0, 75.0, 205.0, 165.0]))
    for step in (1, 12):  # pixels: hardly, and far enough for a second start
        image = studio.frame((160 + step, 120, 90))
        landmarks, disagreement = follow_landmarks(image, before)
        expected, _ = fit_landmarks(image, box_of(before + np.array([step, 0])))
        assert disagreement < AGREEMENT
        assert np.median(np.hypot(*(landmarks - expected).T)) < 1.0
    for gone in (studio.frame(), skimage.data.coffee()[:240, :320]):
        _, disagreement = follow_landmarks(gone, before)
        assert disagreement > AGREEMENT
