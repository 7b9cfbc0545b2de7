"""The sampling rule, against a reading of it clip by clip and segment by segment."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib.systems.temporal_aggregation.sampling import SegmentSampler, cut_windows

RATE = 16000
D, B = 1.28, 0.01


@st.composite
def clip(draw):
    """A duration, and the times of the frames that show a face, of a video at some frame rate."""
    duration = draw(st.floats(0.05, 12.0))
    rate = draw(st.sampled_from([5.0, 25.0, 29.97]))
    times = np.arange(max(1, int(duration * rate))) / rate
    kept = draw(st.lists(st.booleans(), min_size=len(times), max_size=len(times)))
    return duration, times[np.array(kept) & draw(st.booleans())]


def collection(clips, n_segments, offset=B):
    durations, times = zip(*clips, strict=True)
    return SegmentSampler(np.array(durations), times, n_segments=n_segments, offset=offset)


def faces_in(times, duration, n_segments, k):
    """Indices of the frames that a segment shows; those on a border, to rounding, in both."""
    begin, end = k * duration / n_segments, (k + 1) * duration / n_segments
    return [j for j, t in enumerate(times) if begin - 1e-9 <= t <= end + 1e-9]


@settings(max_examples=60, deadline=None)
@given(st.lists(clip(), min_size=1, max_size=4), st.integers(1, 10), st.integers(0, 2**32))
def test_every_frame_lies_in_its_segment_and_every_window_within_b_of_it(clips, n, seed):
    sampler = collection(clips, n)
    found = sampler.draw(np.arange(len(clips)), np.random.default_rng(seed))
    for i, (duration, times) in enumerate(clips):
        for k in range(n):
            frame, begin = found.frame[i, k], found.start[i, k]
            centre = begin / RATE + D / 2  # to a sample, which rounding down may take
            own = faces_in(times, duration, n, k)
            if not len(times):
                assert frame == -1
                assert k * duration / n - B - 1 / RATE < centre < (k + 1) * duration / n + B
                continue
            assert times[frame] - B - 1 / RATE < centre < times[frame] + B + 1e-9
            if frame not in own:
                middle = (k + 0.5) * duration / n
                assert abs(times[frame] - middle) == pytest.approx(np.abs(times - middle).min())
                assert all(abs(abs(times[j] - middle) - duration / n / 2) < 1e-9 for j in own)


@settings(max_examples=60, deadline=None)
@given(st.lists(clip(), min_size=1, max_size=4), st.integers(1, 10))
def test_testing_takes_the_middles_without_an_offset(clips, n):
    found = collection(clips, n).centre(np.arange(len(clips)))
    for i, (duration, times) in enumerate(clips):
        for k in range(n):
            t = middle = (k + 0.5) * duration / n
            if len(times):
                t = times[found.frame[i, k]]
                assert abs(t - middle) == pytest.approx(min(abs(times - middle)), abs=1e-9)
            else:
                assert found.frame[i, k] == -1
            exact = RATE * (t - D / 2)
            assert exact - 1 - 1e-6 < found.start[i, k] <= exact + 1e-6


def test_times_of_a_clip_by_hand():
    """3 s at 10 frames a second, three segments: middles 0.5, 1.5 and 2.5 s."""
    sampler = collection([(3.0, np.arange(30) / 10)], 3)
    assert sampler.n_samples == 20480
    found = sampler.centre(np.array([0]))
    assert found.frame.tolist() == [[5, 15, 25]]
    # 0.5 - 0.64 = -0.14 s; 0.86 s; 1.86 s
    assert found.start.tolist() == [[-2240, 13760, 29760]]


@pytest.mark.parametrize("offset", [0.0, 0.01, 0.5])
def test_all_frames_and_all_offsets_are_drawn_equally_often(offset):
    times = np.arange(20) / 10
    sampler = collection([(2.0, times)], 2, offset)
    found = sampler.draw(np.zeros(20000, int), np.random.default_rng(0))
    for k in range(2):
        frames, counts = np.unique(found.frame[:, k], return_counts=True)
        assert frames.tolist() == list(range(10 * k, 10 * k + 10))
        assert np.abs(counts / 2000 - 1).max() < 0.12
    shift = found.start / RATE + D / 2 - times[found.frame]
    assert shift.min() == pytest.approx(-offset, abs=0.02 * offset + 1.01 / RATE)
    assert shift.max() == pytest.approx(offset, abs=0.02 * offset + 1.01 / RATE)
    assert shift.std() == pytest.approx(offset / np.sqrt(3), abs=0.02 * offset + 1.01 / RATE)
    # Neither of a segment's two draws tells the other, nor those of the other segment.
    if offset:
        together = np.corrcoef(np.column_stack([found.frame, shift]).T)
        assert np.abs(together - np.eye(4)).max() < 0.03


def test_a_segment_without_a_face_borrows_the_nearest():
    """Faces at 0.1, 0.2 and 2.1 s; middles 0.5, 1.5, 2.5 and 3.5 s."""
    sampler = collection([(4.0, np.array([0.1, 0.2, 2.1]))], 4)
    clips = np.zeros(50, int)
    found = sampler.draw(clips, np.random.default_rng(0))
    assert set(found.frame[:, 0]) == {0, 1}
    assert (found.frame[:, 1:] == 2).all()
    assert (sampler.centre(clips).frame == [1, 2, 2, 2]).all()


def test_fewer_frames_than_segments_repeat():
    sampler = collection([(1.0, np.array([0.3, 0.8]))], 8)
    found = sampler.draw(np.array([0]), np.random.default_rng(3))
    # Middles at 1/16, 3/16 ...; 0.55 is half way between the faces.
    assert found.frame.tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]]


def test_equally_near_faces_give_the_earlier():
    sampler = collection([(3.0, np.array([0.5, 2.5]))], 3)
    assert sampler.centre(np.array([0])).frame.tolist() == [[0, 0, 1]]


def test_frames_from_outside_the_clip_belong_to_its_ends():
    sampler = collection([(1.0, np.array([-0.2, 0.4, 1.0, 1.3]))], 2)
    found = sampler.draw(np.zeros(100, int), np.random.default_rng(0))
    assert set(found.frame[:, 0]) == {0, 1}
    assert set(found.frame[:, 1]) == {2, 3}


def test_a_clip_without_any_face_still_has_sound_for_every_segment():
    sampler = collection([(3.0, np.array([])), (3.0, np.array([1.0]))], 3)
    found = sampler.draw(np.zeros(5000, int), np.random.default_rng(0))
    assert (found.frame == -1).all()
    centre = found.start / RATE + D / 2
    np.testing.assert_allclose(centre.mean(axis=0), [0.5, 1.5, 2.5], atol=0.02)
    np.testing.assert_allclose(centre.std(axis=0), 1 / np.sqrt(12), atol=0.02)
    assert sampler.centre(np.array([0])).start.tolist() == [[-2240, 13760, 29760]]


def test_clips_are_taken_as_named_and_the_seed_decides():
    clips = [(2.0, np.arange(50) / 25), (5.0, np.arange(20) / 10), (1.0, np.array([]))]
    sampler = collection(clips, 3)
    for chosen in ([2, 0, 0], [1], []):
        chosen = np.array(chosen, int)
        alone = [collection([clips[c]], 3).centre(np.array([0])) for c in chosen]
        found = sampler.centre(chosen)
        for name in ("frame", "start"):
            assert getattr(found, name).shape == (len(chosen), 3)
            for row, one in zip(getattr(found, name), alone, strict=True):
                assert row.tolist() == getattr(one, name)[0].tolist()
    first, again, other = (
        sampler.draw(np.array([0, 1]), np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert np.array_equal(first.start, again.start)
    assert np.array_equal(first.frame, again.frame)
    assert not np.array_equal(first.start, other.start)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=4),
    st.lists(st.integers(-40, 60), min_size=3, max_size=3),
    st.integers(1, 20),
)
def test_windows_hold_the_sound_and_silence_around_it(lengths, starts, n_samples):
    signals = [np.arange(1, length + 1, dtype=np.int16) for length in lengths]
    start = np.tile(starts, (len(signals), 1))
    found = cut_windows(signals, start, n_samples)
    expected = [
        [
            [signal[t] if 0 <= t < len(signal) else 0 for t in range(s, s + n_samples)]
            for s in starts
        ]
        for signal in signals
    ]
    assert found.dtype == np.int16
    assert found.tolist() == expected


def test_sound_shorter_than_a_window_and_than_the_video_is_filled_up():
    """0.5 s of video with 0.25 s of sound: windows of 1.28 s around 0.125 and 0.375 s."""
    sampler = collection([(0.5, np.array([0.0, 0.125, 0.25, 0.375]))], 2)
    start = sampler.centre(np.array([0])).start
    windows = cut_windows([np.ones(4000, np.int16)], start, sampler.n_samples)
    assert windows.shape == (1, 2, 20480)
    assert windows.sum(axis=2).tolist() == [[4000, 4000]]
    # 0.64 s before the centre is 0.515 and 0.265 s before the sound.
    assert windows.argmax(axis=2).tolist() == [[8240, 4240]]


@settings(max_examples=40, deadline=None)
@given(st.lists(clip(), min_size=1, max_size=4), st.integers(1, 10), st.integers(0, 2**32))
def test_windows_that_are_to_lie_inside_do_and_others_stay(clips, n, seed):
    durations, times = zip(*clips, strict=True)
    samples = np.array([round(RATE * d) for d in durations])
    sampler = SegmentSampler(np.array(durations), times, n_segments=n, samples=samples)
    rows = np.arange(len(clips))
    found = sampler.draw(rows, np.random.default_rng(seed))
    padded = collection(clips, n).draw(rows, np.random.default_rng(seed))
    np.testing.assert_array_equal(found.frame, padded.frame)
    last = np.maximum(samples - round(RATE * D), 0)[:, None]
    assert (found.start >= 0).all()
    assert (found.start <= last).all()
    inside = (padded.start >= 0) & (padded.start <= last)
    np.testing.assert_array_equal(found.start[inside], padded.start[inside])
