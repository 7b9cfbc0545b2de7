import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sequence_clips import clips_of

from avlib.systems.common.batch import batch_loader, in_order
from avlib.systems.common.model import BOTH, concatenate
from avlib.systems.common.sequences import SequenceDataset, nearest_seen


@pytest.fixture
def clips(tmp_path):
    """A clip with a gap, one twice as long, one without sound, one without a face."""

    def chips(*levels):
        return np.stack([np.full((32, 32, 3), level, np.uint8) for level in levels])

    sound = np.arange(1, 11, dtype=np.int16)
    return clips_of(
        tmp_path,
        [
            ("a", "S1", 0, chips(1, 0, 3), [True, False, True], sound),
            ("b", "S1", 1, chips(4, 5, 6, 7, 8, 9), [True] * 6, sound[:4]),
            ("c", "S2", 0, chips(2), [True], None),
            ("d", "S2", 1, chips(0, 0), [False, False], sound),
        ],
    )


def test_batch_is_padded_and_gaps_repeat_the_nearest_chip(clips):
    batch = SequenceDataset(clips, BOTH)[[0, 1, 2, 3]]
    levels = batch.chips[:, :, 0, 0, 0].tolist()
    assert levels == [[1, 1, 3, 3, 3, 3], [4, 5, 6, 7, 8, 9], [2] * 6, [0] * 6]
    assert batch.seen.sum(1).tolist() == [2, 6, 1, 0]
    assert batch.sound.tolist()[1] == [1, 2, 3, 4, 0, 0, 0, 0, 0, 0]
    assert batch.samples.tolist() == [10, 4, 0, 10]
    assert batch.emotion.tolist() == [0, 1, 0, 1]
    assert batch.durations.tolist() == pytest.approx([0.75, 1.5, 0.25, 0.5])


@pytest.mark.parametrize("modality", BOTH)
def test_stream_that_is_not_used_is_not_read(clips, modality, tmp_path):
    for path in tmp_path.glob("*.chips" if modality == "audio" else "*.sound"):
        path.unlink()
    batch = SequenceDataset(clips, (modality,))[[0, 1]]
    assert (batch.chips.shape[1] > 0, batch.sound.shape[1] > 0) == (
        modality == "video",
        modality == "audio",
    )
    assert batch.samples.any() == (modality == "audio")


def test_loader_gives_the_asked_for_clips_in_their_order(clips):
    loader = batch_loader(SequenceDataset(clips, BOTH), in_order(range(4), 3))
    assert [batch.durations.tolist() for batch in loader] == [
        pytest.approx([0.75, 1.5, 0.25]),
        pytest.approx([0.5]),
    ]


def test_selection_and_concatenation_keep_clips_whole(clips):
    again = concatenate(clips.select(np.array([2])), clips.select(clips.subject == "S1"))
    assert again.clip_id.tolist() == ["c", "a", "b"]
    assert again.streams[1] is clips.streams[0]
    assert again.has(("audio",)).tolist() == [False, True, True]


@given(st.lists(st.booleans(), min_size=1).filter(any), st.integers(1, 30))
def test_nearest_place_with_a_face_is_nearest(seen, count):
    faces = [i for i, flag in enumerate(seen) if flag]
    for place, chosen in enumerate(nearest_seen(np.array(seen), count)):
        assert seen[chosen]
        assert abs(chosen - place) == min(abs(face - place) for face in faces)
