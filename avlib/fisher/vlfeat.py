"""Improved Fisher vectors by VLFeat, through cyvlfeat (scripts/install_cyvlfeat.sh builds it)."""

from collections.abc import Sequence

import numpy as np

from avlib.fisher.mixture import Mixture

try:
    from cyvlfeat.fisher import fisher
except ImportError:
    fisher = None

AVAILABLE = fisher is not None


def encode_vlfeat(descriptors: Sequence[np.ndarray], mixture: Mixture) -> np.ndarray:
    """Encode clips one by one; arguments and result as `avlib.fisher.vectors.encode_torch`."""
    parameters = [
        array.astype(np.float32) for array in (mixture.means, mixture.variances, mixture.weights)
    ]
    # Its fast variant keeps one component per frame, which is another vector.
    return np.stack(
        [
            fisher(np.asarray(clip, dtype=np.float32), *parameters, improved=True).ravel()
            for clip in descriptors
        ]
    )
