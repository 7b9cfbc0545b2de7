"""Faces followed by landmarks of ours beside dlib's own evaluation of the same model."""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import dlib
import numpy as np

from avlib.corpora.demo.generate import render_clip
from avlib.corpora.demo.plan import clip_plan
from avlib.faces.detection import box_centre, box_width, resample, square, to_grey
from avlib.faces.landmarks import STARTS, box_of
from avlib.faces.models import LANDMARKS, model_file
from avlib.faces.tracking import track_faces
from avlib.media import video_frames
from benchmarks.table import Table

# Below the folder that AVLIB_REAL names: those of its recordings that are looked at.
RECORDINGS = {
    "CREMA-D": "crema_d/VideoFlash/*.flv",
    "GRID": "grid/*.mpg",
    "RAVDESS": "ravdess_av/*/*.mp4",
    "a face that leaves, and none": "faces/*.m*",
}
DEMO = 4  # clips, each of another person
# dlib's is evaluated in a picture of the face that is made so large (pixels), as it rounds.
FACE, MARGIN = 200, 1.5


@dataclass(frozen=True)
class Followed:
    """What a clip's faces are by one method: landmarks (n, 68, 2), NaN where there is none."""

    landmarks: np.ndarray
    widths: np.ndarray
    states: list[str]

    @property
    def jitter(self) -> float:
        """Median length of the second difference of a landmark from frame to frame, pixels."""
        jumps = np.linalg.norm(np.diff(self.landmarks, 2, axis=0), axis=2)
        return float(np.nanmedian(jumps)) if np.isfinite(jumps).any() else np.nan


def tables() -> list[Table]:
    """Follow the faces of all clips by both methods."""
    real = os.environ.get("AVLIB_REAL")
    with TemporaryDirectory() as folder:
        clips = {
            name: sorted(Path(real).glob(pattern)) if real else []
            for name, pattern in RECORDINGS.items()
        }
        clips["the demo"] = list(demo_clips(Path(folder)))
        rows = [compared(name, files) for name, files in clips.items() if files]
    missing = "" if real else " Recordings of people: not measured, AVLIB_REAL names no folder."
    return [
        Table(
            "Landmarks of every frame, by the settings of params.yaml.",
            "By dlib: two starts a frame, in a picture made so large that whole pixels do not"
            " matter. Ours: the same trees, between pixels, and a second start only where the face"
            " has moved. Equal are frames in which both have a face, or none. Distances in pixels"
            " of the video, over all landmarks; jitter is the median length of their second"
            f" difference in time.{missing}",
            [
                *("clips", "n", "frames", "equal", "face (px)", "median (px)", "95 % (px)"),
                *("jitter, dlib", "jitter, ours"),
            ],
            rows,
        )
    ]


def compared(name: str, files: list[Path]) -> list[str]:
    """Return the row of some clips."""
    ours = [followed(file) for file in files]
    with dlibs_landmarks():
        dlibs = [followed(file) for file in files]
    seen = [has_face(a) == has_face(b) for a, b in zip(ours, dlibs, strict=True)]
    distances = np.concatenate(
        [
            np.linalg.norm(a.landmarks - b.landmarks, axis=2).ravel()
            for a, b in zip(ours, dlibs, strict=True)
        ]
    )
    widths = np.concatenate([clip.widths for clip in dlibs])
    jitters = [np.nanmedian([clip.jitter for clip in clips]) for clips in (dlibs, ours)]
    figures = [np.nanmedian(distances), np.nanquantile(distances, 0.95), *jitters]
    n_frames = sum(map(len, seen))
    return [
        name,
        str(len(files)),
        str(n_frames),
        f"{sum(map(sum, seen)) / n_frames:.1%}",
        f"{np.nanmedian(widths):.0f}",
        *(f"{figure:.2f}" for figure in figures),
    ]


def has_face(clip: Followed) -> np.ndarray:
    """Tell in which frames there is a face."""
    return np.array([state != "missing" for state in clip.states])


def followed(file: Path) -> Followed:
    """Follow the face of a clip."""
    rows = track_faces(video_frames(file)).to_pydict()
    none = np.full(136, np.nan)
    landmarks = np.array([none if found is None else found for found in rows["landmarks"]])
    widths = [np.nan if box is None else box[2] - box[0] for box in rows["box"]]
    return Followed(landmarks.reshape(-1, 68, 2), np.array(widths), rows["state"])


@contextmanager
def dlibs_landmarks() -> Iterator[None]:
    """Have the landmarks found by dlib, in every frame from two starts."""
    predict = dlib.shape_predictor(str(model_file(LANDMARKS)))
    fit = functools.partial(fit_by_dlib, predict)
    with (
        patch("avlib.faces.tracking.fit_landmarks", fit),
        patch("avlib.faces.tracking.follow_landmarks", lambda image, at: fit(image, box_of(at))),
    ):
        yield


def fit_by_dlib(
    predict: Callable[..., dlib.full_object_detection], image: np.ndarray, box: np.ndarray
) -> tuple[np.ndarray, float]:
    """Do as `avlib.faces.landmarks.fit_landmarks` does."""
    width = box_width(box)
    region = square(box_centre(box), MARGIN * width)
    picture, step = resample(to_grey(image), region, FACE / width)
    middle = (picture.shape[0] - 1) / 2
    fits = []
    for shift in STARTS:
        start, end = (round(middle + (shift + side) * FACE) for side in (-0.5, 0.5))
        shape = predict(picture, dlib.rectangle(start, start, end, end))
        fits.append([(point.x, point.y) for point in shape.parts()])
    mean = np.mean(fits, axis=0)
    disagreement = float(np.sqrt(((fits - mean) ** 2).sum(axis=2).mean())) / FACE
    return region[:2] + mean * step, disagreement


def demo_clips(folder: Path) -> Iterator[Path]:
    """Render clips as the demo has them."""
    plan = clip_plan(subjects=DEMO, takes=1, seconds=(2.0, 3.0), seed=0)
    for clip in plan[:: len(plan) // DEMO][:DEMO]:
        yield render_clip(clip, folder, seed=0)
