"""Batches of clips as section ``modern`` of params.yaml wants them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from avlib.systems.common.batch import EvenBatches, ShuffledBatches


def modern_batches(emotion: np.ndarray, modern: Mapping[str, Any], seed: int) -> ShuffledBatches:
    """Return batches of clips with these emotions, (n,): balanced, or every clip once an epoch."""
    if modern["balanced"]:
        return EvenBatches(emotion, modern["batch_size"], seed)
    return ShuffledBatches(np.arange(len(emotion)), modern["batch_size"], seed)
