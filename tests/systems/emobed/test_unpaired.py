"""Mini-batches whose modalities are drawn apart."""

import numpy as np
import pytest
import torch

from avlib.systems.emobed.unpaired import Sequences, UnpairedBatches


@pytest.mark.parametrize("others", [3, 10, 70])
@pytest.mark.parametrize("target", ["audio", "video"])
def test_an_epoch_shows_every_target_clip_once_and_auxiliary_clips_evenly(target, others):
    auxiliary = {"audio": "video", "video": "audio"}[target]
    draws = UnpairedBatches({target: 21, auxiliary: others}, 8, seed=0)
    batches = list(draws)
    assert len(batches) == len(draws) == 3
    assert sorted(row for batch in batches for row in batch[target]) == list(range(21))
    assert [len(batch[auxiliary]) for batch in batches] == [min(8, others)] * 3
    times = np.bincount(np.concatenate([b[auxiliary] for b in batches]), minlength=others)
    assert times.max() - times.min() <= 1


def test_the_modalities_are_not_drawn_in_pairs():
    draws = list(UnpairedBatches({"audio": 40, "video": 40}, 8, seed=0))
    assert all(draw["audio"] != draw["video"] for draw in draws)


def test_the_targets_order_does_not_depend_on_the_auxiliary_modality_and_epochs_differ():
    alone, helped = (UnpairedBatches(c, 8, 0) for c in ({"audio": 21}, {"audio": 21, "video": 9}))
    first = [batch["audio"] for batch in helped]
    assert [batch["audio"] for batch in alone] == first
    helped.set_epoch(1)
    assert [batch["audio"] for batch in helped] != first
    helped.set_epoch(0)
    assert [batch["audio"] for batch in helped] == first


def test_padding_has_no_labels():
    rng = np.random.default_rng(0)
    features = [rng.normal(size=(n, 3)).astype(np.float32) for n in (5, 2)]
    half = Sequences(features, [rng.normal(size=(n, 2)) for n in (5, 2)]).half([1, 0])
    assert half.features.shape == (2, 5, 3)
    assert half.lengths.tolist() == [2, 5]
    assert not half.features[0, 2:].any()
    assert half.labels.isnan().all(2).tolist() == [[False] * 2 + [True] * 3, [False] * 5]
    assert torch.equal(half.features[0, :2], torch.from_numpy(features[1]))
