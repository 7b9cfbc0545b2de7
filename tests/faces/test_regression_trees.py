import dlib
import numpy as np
import pytest

from avlib.faces.detection import to_grey
from avlib.faces.models import LANDMARKS, model_file
from avlib.faces.regression_trees import landmark_trees, load
from avlib.runtime.errors import WeightsError


@pytest.mark.parametrize("width", [90, 150])
def test_landmarks_are_dlibs_before_it_rounds_them(studio, width):
    grey = to_grey(studio.frame((160, 120, width)))
    # Boxes of whole pixels, as dlib takes no others.
    corners = 160 - width // 2, 120 - width // 2
    first = np.array([*corners, corners[0] + width, corners[1] + width])
    boxes = np.stack([first, first + 4])
    predictor = dlib.shape_predictor(str(model_file(LANDMARKS)))
    for box, ours in zip(boxes, landmark_trees().fit(grey, boxes.astype(float)), strict=True):
        shape = predictor(grey, dlib.rectangle(*map(int, box)))
        dlibs = np.array([(point.x, point.y) for point in shape.parts()])
        # dlib looks at the nearest pixel, we between pixels.
        distances = np.hypot(*(ours - dlibs).T)
        assert np.median(distances) < 0.01 * width
        assert distances.max() < 0.05 * width


def test_starts_do_not_depend_on_each_other(studio):
    grey = to_grey(studio.frame((160, 120, 90)))
    boxes = np.array([[115.0, 75.0, 205.0, 165.0], [119.0, 79.0, 209.0, 169.0]])
    trees = landmark_trees()
    together = trees.fit(grey, boxes)
    for box, landmarks in zip(boxes, together, strict=True):
        np.testing.assert_array_equal(trees.fit(grey, box[None])[0], landmarks)


def test_shifted_picture_shifts_the_landmarks(studio):
    grey = to_grey(studio.frame((160, 120, 90)))
    box = np.array([[115.0, 75.0, 205.0, 165.0]])
    here = landmark_trees().fit(grey, box)
    there = landmark_trees().fit(np.ascontiguousarray(grey[10:, 20:]), box - [20, 10, 20, 10])
    np.testing.assert_allclose(there, here - [20, 10], atol=1e-9)


def test_box_outside_of_the_picture_has_landmarks_too():
    [landmarks] = landmark_trees().fit(np.zeros((1, 1), np.uint8), np.array([[500.0, 0, 600, 100]]))
    assert ((landmarks > (400, -100)) & (landmarks < (700, 200))).all()


@pytest.mark.parametrize("kept", [0, 100, 5_000_000, 99_000_000])
def test_truncated_model_is_one_clear_line(tmp_path, kept):
    path = tmp_path / "landmarks.dat"
    path.write_bytes(model_file(LANDMARKS).read_bytes()[:kept])
    with pytest.raises(WeightsError, match=r"landmarks\.dat"):
        load(path)


def test_another_file_is_one_clear_line(tmp_path):
    path = tmp_path / "weights.dat"
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(WeightsError, match="no shape predictor"):
        load(path)
