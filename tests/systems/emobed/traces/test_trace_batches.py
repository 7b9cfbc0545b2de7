"""Mini-batches of sequences with labels."""

import numpy as np
import torch

from avlib.systems.emobed.traces.batches import SequenceDataset, padded


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
