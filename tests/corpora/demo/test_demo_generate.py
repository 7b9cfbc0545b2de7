"""The rendered clips, judged by dlib and WebRTC from the encoded files."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
import webrtcvad
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from avlib.corpora.demo.acting import ACTIONS, POSE
from avlib.corpora.demo.generate import animate, film, rehearse, render_clip
from avlib.corpora.demo.motion import Motion
from avlib.corpora.demo.plan import clip_plan
from avlib.media import probe

SEED = 3
FRAME = 0.03  # s, of the voice activity detector


def test_same_clip_gives_the_same_bytes_in_any_order(demo_clips, tmp_path):
    folder, clips = demo_clips
    for clip in (clips[3], clips[0]):
        again = render_clip(clip, tmp_path, seed=SEED)
        assert again.read_bytes() == (folder / clip.path).read_bytes()


def test_another_seed_gives_another_clip(demo_clips, tmp_path):
    folder, clips = demo_clips
    other = render_clip(dataclasses.replace(clips[0], duration=1.6), tmp_path, seed=SEED + 1)
    assert other.read_bytes() != (folder / clips[0].path).read_bytes()


def test_clip_from_a_larger_plan_has_the_same_bytes(demo_clips, tmp_path):
    folder, clips = demo_clips
    larger = clip_plan(subjects=5, takes=2, seconds=(1.6, 1.8), seed=SEED)
    twin = next(clip for clip in larger if clip.clip_id == clips[1].clip_id)
    assert (
        render_clip(twin, tmp_path, seed=SEED).read_bytes() == (folder / clips[1].path).read_bytes()
    )


def test_processor_without_vector_instructions_paints_the_same_frames():
    drawn = ";".join(
        [
            "import hashlib",
            "from avlib.corpora.demo.generate import animate, film",
            "from avlib.corpora.demo.plan import clip_plan",
            "clip = clip_plan(subjects=2, takes=1, seconds=(1.6, 1.8), seed=3)[7]",
            "frames = film(clip, animate(clip, 3), seed=3)",
            "print(hashlib.sha256(b''.join(f.tobytes() for f in frames)).hexdigest())",
        ]
    )
    # NumPy's exp and sin end on other bits with other instructions.
    vectors = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    without = os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(vectors)}
    found = [
        subprocess.check_output([sys.executable, "-c", drawn], env=env, text=True)
        for env in (os.environ, without)
    ]
    assert found[0] == found[1]


def test_files_are_h264_and_flac_of_the_planned_length(demo_clips):
    folder, clips = demo_clips
    for clip in clips:
        info = probe(folder / clip.path)
        assert info.has_video
        assert info.has_audio
        assert (info.width, info.height, info.sample_rate) == (320, 240, 16000)
        assert float(info.fps) == pytest.approx(12.5)
        assert info.duration == pytest.approx(clip.duration, abs=0.1)


def test_detector_finds_the_face_in_at_least_95_percent_of_the_frames(landmarks):
    found = [points is not None for frames in landmarks.values() for points in frames]
    assert np.mean(found) >= 0.95


def test_landmarks_follow_the_drawn_mouth(demo_clips, landmarks):
    _, clips = demo_clips
    drawn, seen = [], []
    for clip in clips:
        motion = animate(clip, SEED)
        for opening, points in zip(motion.opening[::2], landmarks[clip.clip_id], strict=True):
            if points is not None:
                drawn.append(opening)
                seen.append((points[65:68, 1].mean() - points[61:64, 1].mean()) / _eye_span(points))
    assert np.corrcoef(drawn, seen)[0, 1] > 0.8


@pytest.mark.parametrize("subject", [0, 6, 12])
def test_landmarks_follow_the_drawn_brows(demo_plan, find_landmarks, subject):
    clip = demo_plan[subject]
    lift = np.linspace(-1.0, 0.65, 6)
    still = np.zeros(len(lift))
    actions = np.zeros((len(lift), len(ACTIONS)))
    actions[:, ACTIONS.index("brow_lower")] = np.maximum(-lift, 0.0)
    actions[:, ACTIONS.index("inner_brow")] = np.maximum(lift, 0.0)
    actions[:, ACTIONS.index("outer_brow")] = np.maximum(lift, 0.0)
    pose = np.zeros((len(lift), len(POSE)))
    motion = Motion(actions, still, still, still, np.zeros((len(lift), 2)), pose)
    seen = []
    for picture in film(clip, motion, seed=SEED):
        points = find_landmarks(picture)
        corners = points[[36, 39, 42, 45], 1].mean()
        seen.append((corners - points[17:27, 1].mean()) / _eye_span(points))
    assert np.corrcoef(lift, seen)[0, 1] > 0.8


def _eye_span(points):
    return np.linalg.norm(points[42:48].mean(axis=0) - points[36:42].mean(axis=0))


def test_detector_of_voices_accepts_speech_and_rejects_pauses(demo_clips, signals):
    _, clips = demo_clips
    accepted, rejected = [], []
    for clip in clips:
        _, _, score = rehearse(clip, SEED)
        pcm = (np.clip(signals[clip.clip_id], -1, 1) * 32767).astype("<i2")
        detector = webrtcvad.Vad(2)
        size = round(FRAME * 16000)
        count = len(pcm) // size
        voiced = np.array(
            [
                detector.is_speech(pcm[i * size : (i + 1) * size].tobytes(), 16000)
                for i in range(count)
            ]
        )
        middle = (np.arange(count) + 0.5)[:, None] * FRAME
        starts, ends = score.phrases.T
        inside = ((middle > starts + 0.08) & (middle < ends - 0.05)).any(axis=1)
        # The detector itself holds on for up to 0.1 s after speech.
        outside = ~((middle > starts - 0.03) & (middle < ends + 0.15)).any(axis=1)
        assert outside.any()
        accepted.extend(voiced[inside])
        rejected.extend(~voiced[outside])
    assert np.mean(accepted) > 0.95
    assert np.mean(rejected) > 0.95


def test_every_clip_has_a_pause_before_between_and_after_the_phrases(demo_plan):
    for clip in demo_plan:
        _, _, score = rehearse(clip, SEED)
        (first, split), (again, last) = score.phrases
        assert min(first, again - split, clip.duration - last) > 0.15
        assert split - first > 0.2
        assert last - again > 0.2
