"""Descriptors of faces that users bring, such as OpenFace's and py-feat's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from avlib.descriptors.table import Table
from avlib.descriptors.table_columns import CONFIDENCE, SUCCESS, known_column
from avlib.descriptors.video import subsample


@dataclass(frozen=True)
class VideoTable(Table):
    """Rows about the face.

    Parameters
    ----------
    min_confidence : float
        A row less sure of its face has none, and neither has one without success.
    fps : float or None
        Rows taken per second; None: all.
    """

    min_confidence: float = 0.0
    fps: float | None = None

    modality = "video"

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Make the descriptor as section ``video`` says."""
        return replace(super().of(settings), fps=settings["fps"])

    def seen(self, table: pd.DataFrame) -> np.ndarray:
        """Tell which rows have a face, bool of shape (n,)."""
        success, confidence = (known_column(table, names) for names in (SUCCESS, CONFIDENCE))
        seen = super().seen(table)
        if success is not None:
            seen &= success == 1
        if confidence is not None:
            seen &= confidence >= self.min_confidence
        return seen

    def sampled(self, times: np.ndarray) -> np.ndarray:
        """Choose about `fps` rows per second; see `subsample`."""
        return subsample(times, self.fps)
