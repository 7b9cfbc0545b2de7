import importlib.util
import itertools
from pathlib import Path

import dlib
import numpy as np
import pytest

from avlib.corpora.demo.generate import render_clip
from avlib.corpora.demo.plan import clip_plan
from avlib.media import read_audio, video_frames

SEED = 3


@pytest.fixture(scope="session")
def demo_plan():
    """Plan of three subjects with one short take each."""
    return clip_plan(subjects=3, takes=1, seconds=(1.6, 1.8), seed=SEED)


@pytest.fixture(scope="session")
def demo_clips(demo_plan, tmp_path_factory):
    """Six rendered clips, one per emotion and two per subject: (folder, clips)."""
    folder = tmp_path_factory.mktemp("demo")
    chosen = [clip for number, clip in enumerate(demo_plan) if number in (0, 3, 7, 10, 14, 17)]
    for clip in chosen:
        render_clip(clip, folder, seed=SEED)
    return folder, chosen


@pytest.fixture(scope="session")
def find_landmarks():
    """Find 68 points (68, 2) in a picture by dlib's own models, or None without a face."""
    spec = importlib.util.find_spec("face_recognition_models")
    models = Path(next(iter(spec.submodule_search_locations))) / "models"
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(models / "shape_predictor_68_face_landmarks.dat"))

    def find(picture):
        grey = picture.mean(axis=2).astype(np.uint8)
        boxes = detector(grey, 0)
        if not boxes:
            return None
        shape = predictor(grey, max(boxes, key=lambda box: box.area()))
        return np.array([(point.x, point.y) for point in shape.parts()], dtype=float)

    return find


@pytest.fixture(scope="session")
def landmarks(demo_clips, find_landmarks):
    """Clip id -> landmarks of every second frame of the encoded file."""
    folder, clips = demo_clips
    return {
        clip.clip_id: [
            find_landmarks(picture)
            for _, picture in itertools.islice(video_frames(folder / clip.path), 0, None, 2)
        ]
        for clip in clips
    }


@pytest.fixture(scope="session")
def signals(demo_clips):
    """Clip id -> decoded sound, (n,) at 16 kHz."""
    folder, clips = demo_clips
    return {clip.clip_id: read_audio(folder / clip.path) for clip in clips}
