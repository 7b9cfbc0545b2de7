import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib.speech.mel import mel_images
from avlib.speech.vad import within
from avlib.systems.avef.denoise import cut_signal, face_frames, spoken_parts

RATE = 16000
NOBODY = np.empty((0, 2))

# Lengths in milliseconds of pause, speech, pause, speech ...
lengths = st.lists(st.integers(1, 1500), min_size=2, max_size=9)


def laid_out(milliseconds):
    """Intervals of speech, and the samples of the clip."""
    edges = np.cumsum([0, *milliseconds]) / 1000
    intervals = edges[1 : 1 + len(milliseconds) // 2 * 2].reshape(-1, 2)
    return intervals, round(edges[-1] * RATE)


@given(lengths)
def test_spoken_sound_is_that_of_the_intervals_sample_by_sample(milliseconds):
    intervals, n = laid_out(milliseconds)
    spoken = spoken_parts(n, intervals)
    expected = np.flatnonzero(within((np.arange(n) + 0.5) / RATE, intervals))
    assert spoken.share == pytest.approx(len(expected) / n, abs=1e-9)
    if len(expected) < 10480:
        expected = np.resize(expected, 10480)  # numpy repeats from the beginning
    np.testing.assert_array_equal(cut_signal(np.arange(n), spoken), expected)
    assert spoken.n_samples == len(expected)
    assert spoken.n_segments == 1 + (len(expected) - 10480) // 5440  # 655 ms, every 340 ms


def test_without_denoising_everything_is_kept():
    spoken = spoken_parts(3 * RATE, None)
    assert (spoken.share, spoken.n_segments) == (1.0, 7)
    np.testing.assert_array_equal(spoken.parts, [[0, 3 * RATE]])


def test_clip_without_speech_is_kept_whole():
    spoken = spoken_parts(2 * RATE, NOBODY)
    np.testing.assert_array_equal(spoken.parts, [[0, 2 * RATE]])
    assert spoken.share == 1.0


def test_short_clip_without_speech_is_repeated():
    spoken = spoken_parts(4000, NOBODY)
    np.testing.assert_array_equal(spoken.parts, [[0, 4000], [0, 4000], [0, 2480]])
    assert spoken.share == 1.0
    assert mel_images(cut_signal(np.ones(4000, np.float32), spoken)).shape == (1, 3, 64, 64)


def test_speech_behind_the_end_does_not_count():
    spoken = spoken_parts(RATE, np.array([[0.2, 0.9], [0.95, 1.5], [2.0, 3.0]]))
    np.testing.assert_array_equal(spoken.parts, [[3200, 14400], [15200, 16000]])


def chosen_by_search(spoken, times, has_face):
    """For each moment, look at every spoken frame at every place where its part stands."""
    chosen = np.full((spoken.n_segments, 16), -1)
    for number in range(spoken.n_segments):
        begin = number * 5440
        for i in range(16):
            moment = begin + (i + 0.5) * 655
            best = np.inf
            offset = 0
            for start, end in spoken.parts:
                for frame in np.flatnonzero(has_face):
                    place = times[frame] * RATE - start + offset
                    inside = start <= times[frame] * RATE < end
                    inside &= begin <= place < begin + 10480
                    if inside and abs(place - moment) < best - 1e-6:
                        best, chosen[number, i] = abs(place - moment), frame
                offset += end - start
    return chosen


@settings(max_examples=60, deadline=None)
@given(lengths, st.sampled_from([7.3, 12.0, 25.0, 30.0]), st.integers(0, 2**32), st.floats(0, 1))
def test_faces_are_those_found_by_looking_at_every_frame(milliseconds, fps, seed, share):
    intervals, n = laid_out(milliseconds)
    spoken = spoken_parts(n, intervals)
    times = np.arange(0.0, n / RATE, 1 / fps) + 1e-4  # no frame on an edge or halfway
    has_face = np.random.default_rng(seed).random(len(times)) < share
    found = face_frames(spoken, times, has_face)
    np.testing.assert_array_equal(found, chosen_by_search(spoken, times, has_face))


@pytest.mark.parametrize(("fps", "n_shown"), [(10, 7), (25, 16), (30, 16), (60, 16)])
def test_segment_is_spanned_evenly_at_any_frame_rate(fps, n_shown):
    times = np.arange(0, 2, 1 / fps)
    first = face_frames(spoken_parts(2 * RATE, None), times, np.ones(len(times), bool))[0]
    moments = (np.arange(16) + 0.5) * 0.655 / 16
    inside = times < 0.655
    assert np.abs(times[first] - moments).max() <= max(0.5 / fps, 0.655 - times[inside][-1]) + 1e-9
    assert len(set(first.tolist())) == n_shown


def test_pictures_are_those_of_the_sound_across_a_cut():
    spoken = spoken_parts(4 * RATE, np.array([[0.5, 0.9], [3.0, 3.6]]))
    times = np.arange(0, 4, 0.01)
    shown = times[face_frames(spoken, times, np.ones(len(times), bool))[0]]
    heard = (np.arange(16) + 0.5) * 0.655 / 16
    moments = np.where(heard < 0.4, 0.5 + heard, 3.0 + heard - 0.4)
    np.testing.assert_allclose(shown, moments, atol=0.0101)
    assert within(shown + 1e-6, np.array([[0.5, 0.9], [3.0, 3.6]])).all()


def test_missing_face_is_replaced_by_the_nearest_within_the_segment():
    times = np.arange(0, 1, 0.04)
    has_face = np.ones(len(times), bool)
    has_face[5:10] = False  # 0.20 to 0.36 s
    shown = face_frames(spoken_parts(RATE, None), times, has_face)[0]
    assert has_face[shown].all()
    assert {4, 10} <= set(shown.tolist())
    assert (np.diff(shown) >= 0).all()


def test_segment_without_any_face_has_no_video_and_its_neighbours_do():
    times = np.arange(0, 3, 0.04)
    has_face = times < 0.5
    found = face_frames(spoken_parts(3 * RATE, None), times, has_face)
    assert has_face[found[:2]].all()
    np.testing.assert_array_equal(found[2:], -1)


@pytest.mark.parametrize("n_frames", [0, 20])
def test_clip_without_faces_has_no_video_at_all(n_frames):
    found = face_frames(
        spoken_parts(2 * RATE, None), np.arange(n_frames) / 10, np.zeros(n_frames, bool)
    )
    np.testing.assert_array_equal(found, np.full((4, 16), -1))
