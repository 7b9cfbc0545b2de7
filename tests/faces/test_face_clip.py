"""One clip of the faces stage: what is said of a clip without a face or without pictures."""

import numpy as np
import pytest

from avlib import media
from avlib.faces.clip import face_rows
from avlib.runtime.clip_tasks import RecordingInput

SETTINGS = {"detect_every": 5, "max_gap": 0.5, "min_score": 0.0, "jpeg_quality": 95}


def test_a_clip_without_any_face_is_degraded_and_keeps_its_frames(tmp_path):
    grey = [np.full((120, 160, 3), 90, np.uint8)] * 7
    media.write_clip(tmp_path / "a.mp4", grey, 25, None, None)
    rows = face_rows(RecordingInput(str(tmp_path / "a.mp4")), SETTINGS)
    assert (rows.status, rows.reason) == ("degraded", "no face found in 7 frames")
    assert len(rows.columns["frame"]) == 7


def test_a_clip_cut_out_of_a_recording_has_the_frames_of_its_span(tmp_path):
    grey = [np.full((120, 160, 3), 90, np.uint8)] * 50
    media.write_clip(tmp_path / "a.mp4", grey, 25, None, None)
    recording = RecordingInput(str(tmp_path / "a.mp4"), start=1.5, end=1.8)
    columns = face_rows(recording, SETTINGS).columns
    assert columns["time"] == pytest.approx(np.arange(7) * 0.04 + 0.02)
