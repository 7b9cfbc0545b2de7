"""Mini-batches of sequences whose modalities are drawn apart."""

import numpy as np
import torch

from avlib.models.traces.batches import SequenceDataset, UnpairedDraws, padded


def test_every_target_sequence_comes_once_an_epoch_and_the_others_as_often_as_needed():
    draws = UnpairedDraws({"audio": 11, "video": 3}, 4, seed=0)
    drawn = list(draws)
    assert len(drawn) == len(draws) == 3
    assert sorted(row for draw in drawn for row in draw["audio"]) == list(range(11))
    assert all(sorted(draw["video"]) == [0, 1, 2] for draw in drawn)


def test_the_modalities_are_not_drawn_in_pairs_and_every_epoch_is_another_order():
    draws = UnpairedDraws({"audio": 40, "video": 40}, 8, seed=0)
    first = list(draws)
    assert all(draw["audio"] != draw["video"] for draw in first)
    assert sorted(row for draw in first for row in draw["video"]) == list(range(40))
    draws.set_epoch(1)
    assert list(draws) != first
    draws.set_epoch(0)
    assert list(draws) == first


def test_padding_has_no_labels():
    rng = np.random.default_rng(0)
    sequences = [(rng.normal(size=(n, 3)).astype(np.float32), rng.normal(size=(n, 2)))
                 for n in (5, 2)]  # fmt: skip
    batch = SequenceDataset({"audio": sequences})[{"audio": [1, 0]}]["audio"]
    assert batch.features.shape == (2, 5, 3)
    assert batch.lengths.tolist() == [5, 5]
    assert not batch.features[0, 2:].any()
    assert batch.labels.isnan().all(2).tolist() == [[False] * 2 + [True] * 3, [False] * 5]
    same = padded([sequences[1], sequences[0]])
    assert torch.equal(same.features, batch.features)
