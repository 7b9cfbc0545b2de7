import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avlib.speech.segments import segment_times, speech_share


def test_segments_of_the_avef_paper():
    segments = segment_times(2.0)
    np.testing.assert_allclose(segments[:, 1] - segments[:, 0], 0.655)
    np.testing.assert_allclose(segments[:, 0], [0.0, 0.34, 0.68, 1.02])


@pytest.mark.parametrize(("duration", "n"), [(0.655, 1), (0.994, 1), (0.995, 2), (1.335, 3)])
def test_a_segment_is_cut_as_soon_as_it_fits(duration, n):
    segments = segment_times(duration)
    assert len(segments) == n
    assert segments.max() <= duration + 1e-9


def test_short_recording_has_one_segment_that_ends_behind_it():
    np.testing.assert_allclose(segment_times(0.2), [[0.0, 0.655]])


@pytest.mark.parametrize(
    ("duration", "overlap"), [(0.0, 30), (-1.0, 30), (float("nan"), 30), (1.0, 64), (1.0, -1)]
)
def test_impossible_segments_are_refused(duration, overlap):
    with pytest.raises(ValueError, match="expected"):
        segment_times(duration, overlap=overlap)


@given(
    st.floats(0.1, 20.0),
    st.lists(st.integers(0, 2000), max_size=12, unique=True).map(sorted),
)
def test_speech_share_agrees_with_counting_milliseconds(duration, edges):
    intervals = np.array(edges[: len(edges) // 2 * 2], dtype=float).reshape(-1, 2) / 100
    segments = np.round(segment_times(duration), 3)
    middles = segments[:, :1] + (np.arange(655) + 0.5) / 1000
    spoken = (
        (middles[:, :, None] >= intervals[:, 0]) & (middles[:, :, None] < intervals[:, 1])
    ).any(2)
    np.testing.assert_allclose(speech_share(segments, intervals), spoken.mean(1), atol=1e-9)


def test_without_speech_every_share_is_zero():
    np.testing.assert_array_equal(speech_share(segment_times(3.0), np.empty((0, 2))), np.zeros(7))
