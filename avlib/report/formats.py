"""How the report writes numbers. What is not known is a dash."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from avlib.report.scores import mean_and_std

DASH = "–"


def number(value: float | None, form: str) -> str:
    """Write a number with a format such as ".1f"."""
    return DASH if value is None else format(value, form)


def percent(value: float | None, std: float | None = None) -> str:
    """Write a score in [0, 1], and its standard deviation if any, as percent with one decimal."""
    if value is None or math.isnan(value):
        return DASH
    spread = "" if std is None or math.isnan(std) else f" ± {100 * std:.1f}"
    return f"{100 * value:.1f}{spread}"


def score(scores: Mapping[str, Any] | None, metric: str = "accuracy") -> str:
    """Write the mean and the standard deviation over folds of one of `scores.model_scores`."""
    return DASH if scores is None else percent(scores[metric], scores[f"{metric}_std"])


def percent_over_folds(values: Iterable[float | None]) -> str:
    """Write the mean of scores in [0, 1] and their standard deviation as percent."""
    return percent(*mean_and_std(values))


def p_text(p: float | None) -> str:
    """Write a p-value with three decimals; a tiny one is never written as 0."""
    if p is None:
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
