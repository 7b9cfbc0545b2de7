"""Predictions of a test part whose labels are kept, as files to hand in.

They are laid out and written as AVEC's gold standard is, so that whoever scores the one can read
the other: ``arousal/test_1.arff`` with ``Instance_name``, ``frameTime`` (s) and ``Prediction``.
"""

from pathlib import Path

import numpy as np

FOLDER = "submission"
_HEAD = """@relation PREDICTION

@attribute Instance_name string
@attribute frameTime numeric
@attribute Prediction numeric

@data
"""


def write_submission(
    folder: Path, clip_id: str, dimension: str, values: np.ndarray, step: float
) -> None:
    """Write a recording's predictions of one dimension below a folder.

    Parameters
    ----------
    folder, clip_id, dimension
    values : float array of shape (n_moments,)
    step
        Between two moments, s.
    """
    file = folder / dimension / f"{clip_id}.arff"
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{clip_id},{step * k:.6g},{value:.6f}\n" for k, value in enumerate(values)]
    file.write_text(_HEAD + "".join(rows))
