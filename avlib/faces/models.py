"""dlib's trained models: where their files are, loaded once per process.

dlib's objects cannot be pickled, so nobody passes them on: each process asks here.
"""

import functools
import importlib.util
from pathlib import Path
from typing import Any

import dlib

from avlib.runtime.errors import WeightsError

PACKAGE = "face_recognition_models"
LANDMARKS = "shape_predictor_68_face_landmarks.dat"
RECOGNITION = "dlib_face_recognition_resnet_model_v1.dat"


def model_file(name: str) -> Path:
    """Return the path of a model file in the ``face_recognition_models`` package.

    The package is located, not imported: importing it needs pkg_resources, which setuptools has
    dropped.

    Raises
    ------
    WeightsError
        The package or the file is not there.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec else []
    path = Path(*folders[:1], "models", name)
    if not path.is_file():
        raise WeightsError(
            f"{path}: not there; expected it in package {PACKAGE}: run `pip install {PACKAGE}`, "
            "with --force-reinstall where it is installed already"
        )
    return path


@functools.cache
def detector() -> Any:
    """Return dlib's frontal face detector: HOG windows of about 80 pixels and up, five views."""
    return dlib.get_frontal_face_detector()
