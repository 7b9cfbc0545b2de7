"""The weights alpha and beta, chosen on validation clips where there are several (section 5.4)."""

import io
import math
from collections.abc import Callable
from itertools import product
from typing import Any

import pandas as pd

from avlib.systems.emobed.network import EmoBedNetwork

# Of alpha, beta and a name of the training: the network, and its curves.
Train = Callable[[float, float, str], tuple[EmoBedNetwork, str]]


def best_weights(
    train: Train, alpha: Any, beta: Any, target: str, *, held_out: bool
) -> tuple[EmoBedNetwork, str, pd.DataFrame]:
    """Train with every pair of weights; keep the network with the lowest validation loss.

    The paper tunes both on its development set, for each modality that is to be recognised.

    Parameters
    ----------
    train
    alpha, beta : float or list of float
        What to try.
    target
        Modality, after which the trainings are named.
    held_out
        Whether there are validation clips. Without them the first pair alone is tried.

    Returns
    -------
    network : EmoBedNetwork
    curves : str
    tried : DataFrame
        alpha, beta, validation_loss: the lowest of its epochs, NaN without validation clips, and
        what else was noted of the validation clips in that epoch; the pair that counts comes first.
    """
    pairs = list(product(listed(alpha), listed(beta)))[: None if held_out else 1]
    rows, kept = [], []
    for number, (a, b) in enumerate(pairs):
        network, curves = train(a, b, f"{target}_{number}" if len(pairs) > 1 else target)
        rows.append({"alpha": a, "beta": b, "validation_loss": math.nan} | _at_best(curves))
        kept.append((network, curves))
    tried = pd.DataFrame(rows).sort_values("validation_loss", kind="stable")
    network, curves = kept[tried.index[0]]
    return network, curves, tried


def _at_best(curves: str) -> dict[str, float]:
    """Return what curves say of the validation clips in the epoch of the lowest loss."""
    noted = pd.read_csv(io.StringIO(curves)).filter(regex="^validation_")
    if "validation_loss" not in noted:
        return {}
    known = noted.dropna(subset="validation_loss").sort_values("validation_loss", kind="stable")
    return known.iloc[0].to_dict() if len(known) else {}


def listed(value: Any) -> list[float]:
    """Return the candidates of a weight."""
    return value if isinstance(value, list) else [value]
