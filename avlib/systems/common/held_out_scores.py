"""How well a system does on the clips that it was chosen by, which are no test clips."""

import numpy as np


def held_out_scores(confusion: np.ndarray) -> dict[str, float]:
    """Return scores on clips that were held out of training to choose by.

    Parameters
    ----------
    confusion : int array of shape (n_classes, n_classes)
        Of these clips under what was chosen; rows true, columns predicted.

    Returns
    -------
    dict of str to float
        ``held_out_accuracy``, ``held_out_uar`` (over the emotions that there are) and
        ``held_out_clips``: how many.
    """
    right, counts = np.diag(confusion), confusion.sum(axis=1)
    there = counts > 0
    return {
        "held_out_accuracy": float(right.sum() / counts.sum()),
        "held_out_uar": float(np.mean(right[there] / counts[there])),
        "held_out_clips": int(counts.sum()),
    }
