"""What descriptors of faces know of expressions: an SVM on each, on the photographs of FER2013.

A part of `python scripts/results_on_people.py`.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch.nn import functional

from avlib.corpora.fer2013 import read_faces
from avlib.descriptors.chips import ChipDescriptor
from avlib.descriptors.dlib_resnet import DlibResNetDescriptor
from avlib.descriptors.expression import CROP, ExpressionDescriptor
from avlib.faces.alignment import CHIP
from avlib.runtime import paths

LEARNED, TESTED = "validation", "test"  # PublicTest and PrivateTest
C = [0.3, 1, 3, 10]  # of the SVM, chosen by cross-validation over these folds
FOLDS = 3
AT_ONCE = 256  # faces


def recognised(fer2013: Path, root: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the emotions of PrivateTest, and what the SVM on each descriptor takes them for.

    Parameters
    ----------
    fer2013
        See `avlib.corpora.fer2013.read_faces`.
    root
        Of the project, where the expression network's weights are.
    """
    weights = root / paths.WEIGHTS / "expression" / "expression.safetensors"
    descriptors = (DlibResNetDescriptor(), ExpressionDescriptor(weights=weights))
    faces = [face for face in read_faces(fer2013, Counter()) if face.part in (LEARNED, TESTED)]
    learned = np.array([face.part == LEARNED for face in faces])
    emotions = np.array([face.emotion for face in faces])
    pictures = [face.pixels for face in faces]
    found = {}
    for descriptor in descriptors:
        values = described(descriptor, pictures)
        svm = make_pipeline(StandardScaler(), SVC())
        search = GridSearchCV(svm, {"svc__C": C}, cv=FOLDS)
        search.fit(values[learned], emotions[learned])
        found[descriptor.name] = search.predict(values[~learned])
    return emotions[~learned], found


def described(descriptor: ChipDescriptor, pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Describe faces, uint8 of shape (48, 48) each; return (n, descriptor.dim)."""
    batches = [pictures[i : i + AT_ONCE] for i in range(0, len(pictures), AT_ONCE)]
    return np.concatenate([descriptor.describe_chips(chips(np.stack(each))) for each in batches])


def chips(faces: np.ndarray) -> np.ndarray:
    """Lay faces where the expression network looks for them in a chip, their borders drawn out.

    Parameters
    ----------
    faces : uint8 of shape (n, 48, 48)

    Returns
    -------
    uint8 of shape (n, 224, 224, 3)
    """
    left, top, right, bottom = CROP
    grey = torch.from_numpy(faces).unsqueeze(1).float()
    large = functional.interpolate(grey, (bottom - top, right - left), mode="bilinear")
    whole = functional.pad(large, (left, CHIP - right, top, CHIP - bottom), mode="replicate")
    return whole.round().byte().repeat(1, 3, 1, 1).permute(0, 2, 3, 1).numpy()
