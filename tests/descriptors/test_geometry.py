import itertools

import numpy as np
import pytest

from avlib.descriptors.geometry import (
    GROUPS,
    MEAN_SHAPE,
    POINTS,
    STABLE,
    Geometry,
    geometric_features,
)
from avlib.descriptors.video import Faces
from avlib.faces.alignment import apply, similarity

SHIFTS, STEPS, DISTANCES, ANGLES, RADII = (
    slice(0, 98),
    slice(98, 196),
    slice(196, 233),
    slice(233, 267),
    slice(267, 316),
)


def faces(n=6, seed=0, noise=2.0):
    """Landmarks in pixels: the mean shape, moved about, with a jaw line that should not matter."""
    rng = np.random.default_rng(seed)
    landmarks = rng.uniform(0, 200, (n, 68, 2))
    landmarks[:, POINTS] = 100 + 60 * MEAN_SHAPE + noise * rng.normal(size=(n, 49, 2))
    return landmarks


def angle(a, b, c):
    """The angle at b by the law of cosines."""
    ab, bc, ac = (np.linalg.norm(p - q) for p, q in ((a, b), (b, c), (a, c)))
    return np.arccos(np.clip((ab**2 + bc**2 - ac**2) / (2 * ab * bc), -1, 1))


def test_features_are_those_computed_point_by_point():
    landmarks = faces()
    found, there = geometric_features(landmarks)
    assert there.all()
    template = np.full((68, 2), np.nan)
    template[POINTS] = MEAN_SHAPE
    aligned = [apply(similarity(f[STABLE], template[STABLE]), f) for f in landmarks]
    for t, shape in enumerate(aligned):
        np.testing.assert_allclose(found[t, SHIFTS], (shape - template)[POINTS].ravel(), atol=1e-12)
        step = (shape - aligned[t - 1])[POINTS].ravel() if t else np.zeros(98)
        np.testing.assert_allclose(found[t, STEPS], step, atol=1e-12)
        chains = [shape[group] for group in GROUPS]
        lengths = [np.linalg.norm(b - a) for c in chains for a, b in itertools.pairwise(c)]
        np.testing.assert_allclose(found[t, DISTANCES], lengths)
        angles = [angle(*c[i : i + 3]) for c in chains for i in range(len(c) - 2)]
        np.testing.assert_allclose(found[t, ANGLES], angles, atol=1e-6)
        median = np.median(shape[STABLE], axis=0)
        radii = np.linalg.norm(shape[POINTS] - median, axis=1)
        np.testing.assert_allclose(found[t, RADII], radii, atol=1e-12)


def test_they_are_316_as_avecs():
    # Half of EmoBed's 632, which are their means and standard deviations.
    assert geometric_features(faces(1))[0].shape == (1, 316)


def test_turning_moving_and_enlarging_the_picture_changes_nothing():
    landmarks = faces()
    turned = landmarks @ (1.7 * np.array([[0.8, -0.6], [0.6, 0.8]])) + [300.0, -20.0]
    found, _ = geometric_features(turned)
    np.testing.assert_allclose(found, geometric_features(landmarks)[0], atol=1e-10)


def test_the_mean_shape_itself_is_at_rest_and_symmetric():
    found, _ = geometric_features(faces(2, noise=0.0))
    np.testing.assert_allclose(found[:, SHIFTS], 0, atol=1e-12)
    np.testing.assert_allclose(found[1, STEPS], 0, atol=1e-12)
    mirrored = MEAN_SHAPE * [-1, 1]
    distance = np.linalg.norm(mirrored[:, None] - MEAN_SHAPE[None], axis=2)
    assert sorted(distance.argmin(1).tolist()) == list(range(49))
    assert distance.min(1).max() < 1e-9
    eyes = [MEAN_SHAPE[np.isin(POINTS, np.arange(a, a + 6))].mean(0) for a in (36, 42)]
    assert np.linalg.norm(eyes[1] - eyes[0]) == pytest.approx(1, abs=1e-3)


def test_frames_without_a_face_have_zeros_and_are_no_frame_before():
    landmarks = faces(10)
    landmarks[[0, 6, 7, 8]] = np.nan
    landmarks[1, 30, 0] = np.nan  # part of a face is none
    found, there = geometric_features(landmarks)
    assert there.tolist() == [False] * 2 + [True] * 4 + [False] * 3 + [True]
    assert np.isfinite(found).all()
    assert not found[~there].any()
    assert not found[[2, 9], STEPS].any()  # the frame before shows no face
    assert found[9, DISTANCES].all()


@pytest.mark.parametrize("landmarks", [np.full((3, 68, 2), np.nan), np.zeros((0, 68, 2))])
def test_recording_without_any_face_has_zeros(landmarks):
    found, there = geometric_features(landmarks)
    assert found.shape == (len(landmarks), 316)
    assert not found.any()
    assert not there.any()


def test_landmarks_that_all_coincide_are_no_face():
    landmarks = faces(3)
    landmarks[1] = 7.0
    found, there = geometric_features(landmarks)
    assert there.tolist() == [True, False, True]
    assert np.isfinite(found).all()


def test_points_that_coincide_off_the_stable_ones_make_no_nan():
    landmarks = faces(1)
    landmarks[0, 48:60] = landmarks[0, 48]
    assert np.isfinite(geometric_features(landmarks)[0]).all()


def test_landmarks_of_another_scheme_are_refused():
    with pytest.raises(ValueError, match=r"shape \(4, 49, 2\); expected"):
        geometric_features(np.zeros((4, 49, 2)))


@pytest.mark.parametrize("n", [0, 1, 3, 4, 11])
def test_many_frames_are_described_block_by_block_to_the_same_values(n, monkeypatch):
    landmarks = faces(n)
    landmarks[2:3] = landmarks[7:8] = np.nan
    jpegs = [None if np.isnan(one).any() else b"" for one in landmarks]
    clip = Faces(np.arange(n) / 25, landmarks, jpegs)
    times, values = Geometry().describe(clip)
    expected, there = geometric_features(landmarks)
    np.testing.assert_allclose(values, expected[there], rtol=1e-6, atol=1e-6)
    monkeypatch.setattr("avlib.descriptors.geometry.BLOCK", 3)
    again_times, again = Geometry().describe(clip)
    np.testing.assert_array_equal(again_times, times)
    np.testing.assert_allclose(again, values, rtol=1e-6, atol=1e-6)
