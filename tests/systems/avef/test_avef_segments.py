import numpy as np
import pytest
import torch
from avef_clips import sequences, spoken_clips, unseen

from avlib.speech.mel import mel_images
from avlib.systems.avef.segments import (
    MelFaceDataset,
    channel_statistics,
    cut_segments,
)
from avlib.systems.avef.spoken import cut_clips
from avlib.systems.common.batch import ShuffledBatches, batch_loader, in_order


@pytest.fixture(scope="module")
def segments(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    spoken = {"c02": np.array([[0.3, 0.8], [1.0, 1.6]])}
    clips = sequences(folder / "clips", 2, (2.0, 1.0), audio=[1], video=[3])
    unseen(clips, 0, range(9, 16))
    return cut_segments(cut_clips(clips, spoken), folder)


def test_segments_are_the_mel_images_of_what_is_spoken(segments):
    assert segments.clip.tolist() == [0, 0, 0, 0, 1, 1, 2, 2, 3, 3]
    sound = segments.clips.streams[2].sound() / 32768
    emphasised = sound - 0.97 * np.concatenate([[0], sound[:-1]])
    spoken = np.concatenate([emphasised[4800:12800], emphasised[16000:25600]])
    expected = mel_images(spoken.astype(np.float32))
    np.testing.assert_allclose(segments.images[6:8], expected, atol=1e-3)
    assert (segments.images[4:6] == 0).all()


def test_a_segment_without_a_face_has_no_video_though_its_clip_has(segments):
    assert segments.has(("video",)).tolist() == [True] * 3 + [False] + [True] * 4 + [False] * 2
    assert segments.has(("audio",)).tolist() == [True] * 4 + [False] * 2 + [True] * 4
    assert segments.has(("audio", "video")).sum() == 5
    assert (segments.chips(3) == 0).all()
    streams = segments.clips.streams[0]
    assert (segments.chips(1) == streams.chips()[segments.frames[1]]).all()


def test_every_segment_comes_once_an_epoch_in_an_order_of_the_seed(segments):
    used = segments.has(("audio",))
    sampler = ShuffledBatches(np.flatnonzero(used), 3, seed=4)
    orders = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
    assert orders[0] == orders[2] != orders[1]
    assert [len(batch) for batch in orders[0]] == [3, 3, 2]
    assert sorted(np.concatenate(orders[1])) == np.flatnonzero(used).tolist()
    assert len(sampler) == 3


def test_batches_hold_what_is_asked_for(segments):
    dataset = MelFaceDataset(segments, np.flatnonzero(segments.has(("video",))), ("video",))
    batches = list(batch_loader(dataset, in_order(range(7), 4)))
    assert [len(batch) for batch in batches] == [4, 3]
    assert list(batches[0].inputs) == ["video"]
    assert batches[0].inputs["video"].shape == (4, 16, 32, 32, 3)
    assert batches[0].inputs["video"].dtype == torch.uint8
    assert batches[0].emotion.tolist() == segments.emotion[[0, 1, 2, 4]].tolist()


def test_channel_statistics_are_those_of_all_pixels(segments):
    rows = np.flatnonzero(segments.has(("audio", "video")))
    mean, spread = channel_statistics(segments, "audio", rows)
    pixels = segments.images[rows].astype(float).transpose(1, 0, 2, 3).reshape(3, -1)
    np.testing.assert_allclose(mean, pixels.mean(1), rtol=1e-5)
    np.testing.assert_allclose(spread, pixels.std(1), rtol=1e-5)
    mean, spread = channel_statistics(segments, "video", rows)
    chips = np.stack([segments.chips(r)[8] for r in rows]).reshape(-1, 3)
    np.testing.assert_allclose(mean, chips.mean(0), rtol=1e-5)
    np.testing.assert_allclose(spread, chips.std(0), rtol=1e-5)


def test_no_clips_have_no_segments(tmp_path):
    clips = spoken_clips(tmp_path, 1)
    none = cut_segments(clips.select(np.zeros(2, bool)), tmp_path)
    assert len(none) == len(none.emotion) == 0
    assert in_order(np.flatnonzero(none.has(("audio",))), 3) == []
