"""What the gating paradigm says of validation clips, whose own embeddings must not vote."""

import numpy as np

from avlib.systems.common.sequences import SequenceClips
from avlib.systems.gating.model import GatingModel


def by_training_clips(
    model: GatingModel, train: SequenceClips, held_out: SequenceClips
) -> np.ndarray:
    """Return what the training clips among the neighbours say of validation clips.

    The networks stopped by the validation clips, which are neighbours of test clips afterwards; of
    each other they are none here.

    Returns
    -------
    array of shape (n_clips, n_classes)
    """
    n = int(model.scorable(train).sum())  # the neighbours begin with them
    return model.judged_by(n).predict_proba(held_out)
